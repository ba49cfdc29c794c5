"""The server's sockets: what is written to a page leaves at once, and all cookies are let in."""

import gc
from contextlib import suppress
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket

from websockets import http11

INTERNET = {AF_INET, AF_INET6}
LONGEST_HEADER = 64 * 1024  # bytes: what uvicorn reads of a request's headers, too


def send_at_once() -> None:
    """Switch off Nagle's algorithm for every TCP socket of this process, and so for what comes in.

    A run is a dozen small messages. With the algorithm on, all but the first wait until the browser
    has confirmed that one, which takes it 40 ms. asyncio switches it off where a socket says that
    it is TCP's; the one that `streamlit run` listens on says nothing, and hands that down. Nobody
    gives us that socket, so we look for it.
    """
    for thing in gc.get_objects():
        if type(thing) is socket and thing.type == SOCK_STREAM and thing.family in INTERNET:
            with suppress(OSError):  # somebody has closed it
                thing.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


def let_all_cookies_in() -> None:
    """Accept a websocket whose cookies, which are one header, have more than 8 KB.

    The library refuses that and the page stays blank: any other app on a subdomain of the same site
    can set that many. Its own switch is an environment variable, which is read when it is imported.
    """
    http11.MAX_LINE_LENGTH = LONGEST_HEADER
