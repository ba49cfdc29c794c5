"""The websocket that every page lives on: whose pages may open it."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from tests.serving import HOST, Server, serve

OWN = "https://app.example.com"


def shake_hands(
    server: Server, origin: str | None, host: str | None = None, cookie: str = ""
) -> int:
    """Ask for the stream as a page of *origin* does; return the answer's status, 101 if it opens.

    *host* is what the Host header says, the server's own address unless given.
    """
    address = urlsplit(server.address("/_stcore/stream"))
    with closing(http.client.HTTPConnection(HOST, address.port, timeout=20)) as connection:
        sent = {"Host": host or address.netloc, "Connection": "Upgrade", "Upgrade": "websocket"}
        sent |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg=="}
        if cookie:
            sent["Cookie"] = cookie
        if origin is not None:
            sent["Origin"] = origin
        connection.request("GET", address.path, headers=sent)
        return connection.getresponse().status


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the hardened server as in production, as its https proxy reaches it."""
    env = {"APP_ENV": "production", "BASE_URL": OWN, "TRUSTED_PROXIES": "1"}
    folder = tmp_path_factory.mktemp("production")
    with serve("server.py", folder, env=env, scheme="https") as server:
        yield server


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_a_page_of_ours_may_open_the_stream(server: Server, name: str) -> None:
    """CK-11: development is reached by each name of this machine, on the port that is served."""
    port = urlsplit(server.url).port

    assert shake_hands(server, f"http://{name}:{port}") == 101


def test_a_program_that_tells_no_origin_may_not_open_the_stream(server: Server) -> None:
    """CK-11: every browser sends an Origin; whatever sends none gets no exception."""
    assert shake_hands(server, None) == 403


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil:{port}",
        "http://localhost",
        "http://localhost:1",
        "http://0.0.0.0:{port}",
        "https://127.0.0.1:{port}",
        "http://127.0.0.1:{port}/",
        "http://user@127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "null",
        "http://[",
    ],
)
def test_another_sites_page_may_not_open_the_stream(server: Server, origin: str) -> None:
    """CK-11: it would carry the visitor's cookie along, and drive the app in their name."""
    port = urlsplit(server.url).port

    assert shake_hands(server, origin.format(port=port)) == 403


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        (OWN, "app.example.com", 101),
        ("http://app.example.com", "app.example.com", 403),
        ("https://app.example.com:8443", "app.example.com", 403),
        ("https://evil.example", "app.example.com", 403),
        ("http://localhost:{port}", "app.example.com", 403),
        (OWN, "127.0.0.1:{port}", 400),
        ("http://127.0.0.1:{port}", "127.0.0.1:{port}", 400),
        ("https://evil.example", "evil.example", 400),
    ],
)
def test_production_is_reached_at_base_url_alone(
    production: Server, origin: str, host: str, status: int
) -> None:
    """CK-11: scheme, host and port of both headers, and nothing of this machine."""
    port = urlsplit(production.url).port

    answer = shake_hands(production, origin.format(port=port), host.format(port=port))

    assert answer == status
