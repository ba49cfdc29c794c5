"""One running server for these tests, and requests as a client of any manners can send them."""

import http.client
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from auth.hand_off import create_ticket
from auth.service import AuthService
from auth.sessions import Client
from tests.serving import Server, serve

NONCE = "0123456789abcdef0123456789abcdef"
PASSWORD = "difference engine number two"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    def cookie(self, name: str) -> list[str]:
        """Return the parts of the Set-Cookie line for *name*, the value first; none for no line."""
        for line in self.headers.get_all("Set-Cookie") or []:
            if line.startswith(f"{name}="):
                return [part.strip() for part in line.removeprefix(f"{name}=").split(";")]
        return []


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the hardened server."""
    with serve("server.py", tmp_path_factory.mktemp("http")) as server:
        yield server


@pytest.fixture(scope="package")
def service(server: Server) -> Iterator[AuthService]:
    """Return the rules over the server's own database, as another process has them."""
    with server.service() as service:
        yield service


@pytest.fixture
def token(service: AuthService) -> str:
    """Return the token of a new session of a new user."""
    email = f"ada-{secrets.token_hex(4)}@example.com"
    service.sign_up(email, PASSWORD)
    return service.log_in(email, PASSWORD, Client(), remember=True).token


@pytest.fixture
def ticket(service: AuthService, token: str) -> str:
    """Return a ticket for that session, for the browser with NONCE."""
    ticket = create_ticket(service, token, NONCE)
    assert ticket is not None
    return ticket


def ask(
    server: Server,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request, as from a page of the app itself unless *headers* say otherwise."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    own = {"Sec-Fetch-Site": "same-origin"} if headers is None else dict(headers)
    connection.request(method, path, body, own)
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read().decode("utf-8", "replace"))
    connection.close()
    return answer
