"""A proxy on loopback that meddles with the websocket's cookies, as some hosts do."""

import re
import socket
import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Thread
from urllib.parse import urlsplit

from tests.serving import HOST, Server

COOKIE = re.compile(rb"\r\ncookie:[^\r\n]*", re.IGNORECASE)
CONNECTION = re.compile(rb"\r\nconnection:[^\r\n]*", re.IGNORECASE)


@contextmanager
def meddle(server: Server, cookies: Callable[[], bytes] | None = None) -> Iterator[Server]:
    """Yield *server* behind a proxy whose websocket requests carry *cookies*, or none at all."""
    upstream = (HOST, urlsplit(server.url).port or 0)

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                part = self.request.recv(65536)
                if not part:
                    return
                head += part
            head, end, body = head.partition(b"\r\n\r\n")
            if re.search(rb"\r\nupgrade: *websocket", head, re.IGNORECASE):
                head = COOKIE.sub(b"", head)
                if cookies is not None:
                    head += b"\r\nCookie: " + cookies()
            else:  # one request a connection, so that each one's head is looked at
                head = CONNECTION.sub(b"", head) + b"\r\nConnection: close"
            with socket.create_connection(upstream) as app:
                app.sendall(head + end + body)
                back = Thread(target=pump, args=(app, self.request), daemon=True)
                back.start()
                pump(self.request, app)
                back.join()

    class Proxy(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Proxy((HOST, 0), Connection) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        yield replace(server, url=f"http://{HOST}:{proxy.server_address[1]}")
        proxy.shutdown()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what *source* says until it ends, then tell *sink* so."""
    with suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
