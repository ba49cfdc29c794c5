"""The headers of every response: what the browser may load, frame, guess and pass on."""

import asyncio
import base64
import hashlib
import re
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from tests.fixtures import make_settings
from tests.template.asgi import ask
from web import headers
from web.edge import Edge
from web.headers import INDEX, SecurityHeaders, content_security_policy

HTTPS = "https://app.example.com"


def answer(path: str = "/", base_url: str = HTTPS, base: str = "/", **own: str) -> Response:
    """Return the response to *path* of an app that sets the headers *own*."""
    sent = {name.replace("_", "-"): value for name, value in own.items()}
    edge = Edge(make_settings(base_url=base_url), base)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await PlainTextResponse("page", headers=sent)(scope, receive, send)

    return ask(SecurityHeaders(app, edge), path)


def policy(response: Response) -> dict[str, list[str]]:
    """Return the content security policy, directive by directive."""
    directives = response.headers["content-security-policy"].split("; ")
    return {name: rest for name, *rest in (directive.split(" ") for directive in directives)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ],
)
def test_every_answer_carries_the_security_headers(name: str, value: str) -> None:
    """CK-8: pages, assets and refusals; a year of https, subdomains included."""
    assert answer("/_stcore/health").headers[name] == value


def test_a_script_loads_from_here_or_is_streamlits_own() -> None:
    """CK-8: an inline script runs only if it is one of Streamlit's page, by its hash."""
    inline = re.findall(r"<script>(.*?)</script>", INDEX.read_text("utf-8"), re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in inline]
    hashes = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]

    rules = policy(answer())

    assert len(hashes) > 0
    assert rules["script-src"] == ["'self'", "blob:", *hashes]  # neither unsafe-inline nor -eval


def test_each_inline_script_of_the_page_has_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CK-8: a newer Streamlit may have several."""
    page = tmp_path / "index.html"
    page.write_text("<script>one()</script><p></p><script>two()</script>")
    monkeypatch.setattr(headers, "INDEX", page)

    (scripts,) = re.findall(r"script-src ([^;]*)", content_security_policy())

    assert re.fullmatch(r"'self' blob: 'sha256-[\w+/]{43}=' 'sha256-[\w+/]{43}='", scripts)


@pytest.mark.parametrize(
    ("directive", "sources"),
    [
        ("default-src", ["'self'"]),
        ("connect-src", ["'self'"]),
        ("frame-src", ["'self'"]),
        ("form-action", ["'self'"]),
        ("style-src", ["'self'", "'unsafe-inline'"]),
        ("img-src", ["'self'", "data:", "blob:"]),
        ("media-src", ["'self'", "data:", "blob:"]),
        ("font-src", ["'self'", "data:"]),
        ("worker-src", ["'self'", "blob:"]),
        ("object-src", ["'none'"]),
        ("base-uri", ["'none'"]),
        ("frame-ancestors", ["'none'"]),
    ],
)
def test_the_policy_lets_a_page_load_from_here_alone(directive: str, sources: list[str]) -> None:
    """CK-8: nothing is loaded from or sent elsewhere, and no site frames the app."""
    assert policy(answer())[directive] == sources


@pytest.mark.parametrize(
    ("path", "base", "framed"),
    [
        ("/component/manager/index.html", "/", True),
        ("/app/component/manager/index.html", "/app", True),
        ("/XX/component/manager/index.html", "/XX", True),
        ("/component/manager/index.html", "/app", False),
        ("/components", "/", False),
        ("/", "/", False),
    ],
)
def test_only_our_own_page_frames_a_component(path: str, base: str, framed: bool) -> None:
    """CK-8: a component's frame may be shown by this app, and by no other site."""
    response = answer(path, base=base)

    assert policy(response)["frame-ancestors"] == ["'self'" if framed else "'none'"]
    assert policy(response)["object-src"] == policy(response)["base-uri"] == ["'none'"]
    assert policy(response)["default-src"] == ["'self'"]
    assert response.headers["x-frame-options"] == ("SAMEORIGIN" if framed else "DENY")


@pytest.mark.parametrize(
    ("path", "base", "kept"),
    [("/media/a.json", "/", False), ("/app/media/a.json", "/app", False), ("/", "/", True)],
)
def test_a_download_is_kept_by_no_cache(path: str, base: str, kept: bool) -> None:
    """CK-8: it may be all that the app knows of a user."""
    assert (answer(path, base=base).headers.get("cache-control") is None) is kept


def test_on_plain_http_nothing_is_said_of_https() -> None:
    """CK-8: HSTS counts on https alone (RFC 6797, 7.2)."""
    assert "strict-transport-security" not in answer(base_url="http://localhost:8501").headers


def test_what_an_answer_says_itself_stays() -> None:
    """CK-8: a page that must be framed or cached otherwise can say so."""
    response = answer(Referrer_Policy="same-origin")

    assert response.headers.getlist("referrer-policy") == ["same-origin"]


XSRF = "_streamlit_xsrf=2|a|b|1; Path=/; SameSite=Lax"


@pytest.mark.parametrize(
    ("base_url", "line", "sent"),
    [
        (HTTPS, XSRF, f"{XSRF}; Secure"),
        (HTTPS, f"{XSRF}; Secure", f"{XSRF}; Secure"),
        (HTTPS, "secure=secure; Path=/", "secure=secure; Path=/; Secure"),
        ("http://localhost:8501", XSRF, XSRF),
    ],
)
def test_streamlits_own_cookies_are_secure_on_https(base_url: str, line: str, sent: str) -> None:
    """CK-2: it adds that only where it has the certificate itself, and not behind a proxy."""
    assert answer(base_url=base_url, Set_Cookie=line).headers.getlist("set-cookie") == [sent]


def test_of_several_cookies_only_those_that_lack_it_become_secure() -> None:
    """CK-2: what a line says already is not said twice, wherever it stands in it."""
    first, middle = "a=1; Secure", "b=2; Path=/; SECURE; HttpOnly"

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = PlainTextResponse("page")
        for line in (first, middle, XSRF):
            response.headers.append("set-cookie", line)
        await response(scope, receive, send)

    response = ask(SecurityHeaders(app, Edge(make_settings(base_url=HTTPS))))

    assert response.headers.getlist("set-cookie") == [first, middle, f"{XSRF}; Secure"]


def test_a_websocket_passes_as_it_is() -> None:
    """CK-8: it has no page to protect, and Streamlit's own server speaks it."""
    seen: list[object] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend((scope, receive, send))

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        return

    scope: Scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    asyncio.run(SecurityHeaders(app, Edge(make_settings()))(scope, receive, send))

    assert seen == [scope, receive, send]
