"""The cookies sent with a page: which responses get them, and their attributes."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from auth.errors import Unavailable
from auth.rotation import ROTATE_EVERY
from auth.service import AuthService
from db.engine import Database
from db.models import Session
from settings import Settings
from tests.fixtures import LAPTOP, make_settings, sign_up_ada
from web.edge import Edge
from web.page_cookies import PageCookies

NONCE = "0123456789abcdef0123456789abcdef"
TEN_SECONDS = 10  # more than a test takes from one clock to the other


@pytest.fixture
def service(sqlite_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AuthService:
    """The middleware's service, on the real clock, which the middleware reads itself."""
    service = AuthService(Database(sqlite_url), settings)
    monkeypatch.setitem(globals(), "current", lambda: service)
    return service


def current() -> AuthService:
    """Return no service: the settings or the database cannot be used."""
    raise Unavailable


def answer(
    path: str = "/",
    cookies: Iterable[str] = (),
    *,
    method: str = "GET",
    kind: str = "http",
    dest: str | None = "document",
    content: str = "text/html",
    base: str = "/",
) -> Response:
    """Return the response to *path* when the app answers with *content*."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        own = {"Content-Type": content} if content else {}
        await Response(b"page", headers=own)(scope, receive, send)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"cookie", cookie.encode("latin-1")) for cookie in cookies]
    if dest is not None:
        headers.append((b"sec-fetch-dest", dest.encode()))
    scope = {"type": kind, "method": method, "path": path, "scheme": "http", "headers": headers}
    asyncio.run(
        PageCookies(app, Edge(make_settings(), base, lambda: current()))(scope, receive, send)
    )
    response = Response()
    response.raw_headers = sent[0]["headers"]
    assert b"".join(message.get("body", b"") for message in sent) == b"page"
    return response


def set_cookies(response: Response) -> list[str]:
    """Return the Set-Cookie lines."""
    return response.headers.getlist("set-cookie")


def token(service: AuthService) -> str:
    """Return the token of a session of Ada's that is due for rotation."""
    ada = sign_up_ada(service)
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    with service.database.write() as connection:
        connection.execute(update(Session).values(rotated_at=datetime.now(UTC) - ROTATE_EVERY))
    return token


@pytest.mark.parametrize("dest", ["document", None], ids=["a browser", "an old browser"])
def test_a_page_gives_each_browser_a_nonce_of_its_own(dest: str | None) -> None:
    """CK-5: tickets are bound to it; it lasts as long as the browser runs."""
    first, second = (set_cookies(answer(dest=dest)) for _ in range(2))

    ((one,), (other,)) = first, second
    name, _, rest = one.partition("=")
    value, *attributes = rest.split("; ")
    assert name == "auth_browser"
    assert len(bytes.fromhex(value)) == 16
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax"]
    assert one != other


def test_a_page_is_not_kept_by_the_browser() -> None:
    """CK-7: the Back button after log-out shows nothing of it."""
    assert answer().headers["cache-control"] == "no-store"


def test_a_browser_keeps_the_nonce_it_has() -> None:
    """CK-5: a pending ticket stays valid when another tab is opened."""
    assert set_cookies(answer(cookies=[f"auth_browser={NONCE}"])) == []


def test_a_page_load_brings_the_token_anew_for_what_is_left_of_the_session(
    service: AuthService,
) -> None:
    """CK-3, SE-9: the cookie's Max-Age is the session's own end, never longer."""
    presented = token(service)
    ends = service.session(presented)

    (line,) = set_cookies(answer(cookies=[f"auth_browser={NONCE}; auth={presented}"]))

    assert ends is not None
    left = (ends.expires_at - datetime.now(UTC)).total_seconds()
    value, path, *flags = line.removeprefix("auth=").split("; ")
    assert service.session(value) is not None
    assert (path, flags[:2]) == ("Path=/", ["HttpOnly", "SameSite=Lax"])
    assert left <= int(flags[2].removeprefix("Max-Age=")) + 1 <= left + TEN_SECONDS
    assert timedelta(hours=11) < timedelta(seconds=left) <= timedelta(hours=12)


def test_a_cookie_that_comes_in_two_header_lines_is_read(service: AuthService) -> None:
    """CK-4: HTTP/2 may split the header (RFC 9113, 8.2.3)."""
    presented = token(service)

    lines = set_cookies(answer(cookies=[f"auth_browser={NONCE}", f"auth={presented}"]))

    assert [line.partition("=")[0] for line in lines] == ["auth"]


@pytest.mark.parametrize(
    "cookies",
    ["auth={0}; auth={0}", "auth={0}; auth=x", "auth=x", "auth=", "auth", "auth=\xe9", ";;;"],
)
def test_a_cookie_that_is_sent_twice_or_means_nothing_is_not_answered(
    service: AuthService, cookies: str
) -> None:
    """CK-4: signed out, and no error."""
    sent = cookies.format(token(service))

    lines = set_cookies(answer(cookies=[f"auth_browser={NONCE}", sent]))

    assert lines == []


def test_a_nonce_that_is_sent_twice_is_replaced() -> None:
    """CK-4, CK-5: one of the two may be planted by a neighbour under the same domain."""
    (line,) = set_cookies(answer(cookies=[f"auth_browser={NONCE}; auth_browser={NONCE}"]))

    assert line.startswith("auth_browser=")
    assert NONCE not in line


def test_while_the_database_is_down_a_page_comes_without_a_token() -> None:
    """GD-5: the script shows its calm page; the cookie stays as it is."""
    lines = set_cookies(answer(cookies=["auth=some.signed.token"]))

    assert [line.partition("=")[0] for line in lines] == ["auth_browser"]


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/_stcore/health"},
        {"path": "/component/x/index.html"},
        {"path": "/media/x.html"},
        {"path": "/static/x.html"},
        {"path": "/auth/session"},
        {"path": "/app/static/x.html"},
        {"path": "/app/_stcore/health", "base": "/app"},
        {"path": "/XX/_stcore/health", "base": "/XX"},
        {"method": "POST"},
        {"method": "HEAD"},
        {"kind": "websocket"},
        {"dest": "image"},
        {"content": "text/plain"},
        {"content": ""},
    ],
    ids=str,
)
def test_nothing_but_a_page_sets_a_cookie(other: dict[str, str]) -> None:
    """CK-3: an image of another site's page must not change who is signed in."""
    response = answer(**other)

    assert set_cookies(response) == []
    assert "cache-control" not in response.headers


def test_a_page_under_the_apps_own_path_is_a_page() -> None:
    """CK-1: the cookie is for that path; what looks like an asset elsewhere is none here."""
    (line,) = set_cookies(answer("/static/", base="/app"))

    assert "; Path=/app; " in line
