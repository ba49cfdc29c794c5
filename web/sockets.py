"""The server's sockets: send small writes at once, and accept large cookie headers."""

import gc
from contextlib import suppress
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket

from websockets import http11

INTERNET = {AF_INET, AF_INET6}
LONGEST_HEADER = 64 * 1024  # bytes: what uvicorn reads of a request's headers, too


def send_at_once() -> None:
    """Switch off Nagle's algorithm on all TCP sockets of this process; new connections inherit it.

    A run is a dozen small messages. With the algorithm on, all but the first wait until the browser
    has acknowledged that one, which takes 40 ms. asyncio switches it off on sockets created with
    the TCP protocol number; the listening socket of `streamlit run` isn't, and its connections
    inherit that. No API returns that socket, so we look for it.
    """
    for thing in gc.get_objects():
        if type(thing) is socket and thing.type == SOCK_STREAM and thing.family in INTERNET:
            with suppress(OSError):  # closed meanwhile
                thing.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


def let_all_cookies_in() -> None:
    """Accept a websocket whose cookies, which are one header, have more than 8 KB.

    The library refuses it and the page stays blank; another app on a subdomain of the same site can
    set that many cookies. The library's own switch is an environment variable read at its import.
    """
    http11.MAX_LINE_LENGTH = LONGEST_HEADER
