"""The routes beside the app, without a server: their answers to failures."""

import json
from collections.abc import Iterable, Iterator

import pytest
from starlette.responses import Response
from starlette.routing import Router

from auth.errors import Unavailable
from auth.service import AuthService
from db.engine import Database
from settings import Settings
from tests.fixtures import make_settings
from tests.template.asgi import ask
from web import routes
from web.edge import Edge

NONCE = "0123456789abcdef0123456789abcdef"
HEADERS = {"Cookie": f"auth_browser={NONCE}", "Sec-Fetch-Site": "same-origin"}


def current() -> AuthService:
    """Return no service: the settings or the database cannot be used."""
    raise Unavailable


def answer(
    path: str, method: str = "GET", body: Iterable[bytes] = (b"",), base: str = "/"
) -> Response:
    """Return the routes' response."""
    app = Router(routes.routes(Edge(make_settings(), base, lambda: current())))
    return ask(app, path, method, HEADERS, body)


@pytest.fixture
def service(sqlite_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AuthService:
    """The service that the routes use."""
    service = AuthService(Database(sqlite_url), settings)
    monkeypatch.setitem(globals(), "current", lambda: service)
    return service


@pytest.mark.parametrize("base", ["/", "/app"])
def test_an_app_whose_database_answers_is_ready(service: AuthService, base: str) -> None:
    """CF-4: a load balancer may send visitors here."""
    response = answer(f"{base.rstrip('/')}/readyz", base=base)

    assert (response.status_code, response.body) == (200, b"ready")


def test_an_app_without_its_database_is_alive_but_not_ready() -> None:
    """CF-4, GD-5: a restart would not help, and other processes may do better; no details."""
    alive, ready = answer("/healthz"), answer("/readyz")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert ready.body == b"not ready"
    assert ready.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_without_its_database_a_session_is_neither_opened_nor_closed(method: str) -> None:
    """GD-5: the page gets a sentence to show, and no cookie is set or deleted."""
    response = answer("/auth/session", method, [json.dumps({"ticket": "x" * 32}).encode()])

    assert response.status_code == 503
    assert bytes(response.body).decode() == Unavailable().message
    assert "set-cookie" not in response.headers


def test_a_body_is_read_no_further_than_a_ticket_is_long(service: AuthService) -> None:
    """AV-3: for any announced length, only a kilobyte is kept."""
    read: list[bytes] = []

    def endless() -> Iterator[bytes]:
        while True:
            read.append(b" " * 100)
            yield read[-1]

    response = answer("/auth/session", "POST", endless())

    assert response.status_code == 400
    assert len(b"".join(read)) <= routes.MAX_BODY + 200
