"""The edge: which hosts the app answers to, and which requests are its own."""

import pytest
from starlette.datastructures import Headers
from starlette.types import Scope

from tests.fixtures import make_settings
from web.edge import Edge, browser_cookie, cookies_of, path_of, plain


def edge(base_url: str, app_env: str = "production") -> Edge:
    """Return the edge of an app at *base_url*."""
    return Edge(make_settings(base_url=base_url, app_env=app_env))


@pytest.mark.parametrize(
    "host",
    ["app.example.com", "APP.example.com", "app.example.com:443", "app.example.com."],
)
def test_a_host_is_known_in_every_spelling(host: str) -> None:
    """RS-4: proxies and browsers write the same name in several ways."""
    assert edge("https://app.example.com").knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "evil.example",
            "app.example.com:80",
            "app.example.com:8501",
            "app.example.com..",
            "[",
        ),
        *("app.example.com@evil.example", "localhost", "127.0.0.1:8501", "[::1]", "a" * 100_000),
    ],
)
def test_no_other_host_is_known_in_production(host: str) -> None:
    """RS-4: neither this machine's names nor anything that only begins like the right one."""
    assert not edge("https://app.example.com").knows_host(host)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8600", "127.0.0.1:1", "[::1]:8501"])
def test_in_development_this_machine_is_known_by_any_port(host: str) -> None:
    """RS-4: `dev.py --server.port 8600` needs no setting."""
    assert edge("http://localhost:8501", "development").knows_host(host)


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("https://app.example.com", "app.example.com", True),
        ("https://app.example.com", "APP.example.com:443", True),
        ("http://localhost:8600", "localhost:8600", True),
        ("http://app.example.com", "app.example.com:443", False),
        ("https://evil.example", "app.example.com", False),
        ("https://app.example.com:8443", "app.example.com", False),
        ("null", "app.example.com", False),
        ("", "app.example.com", False),
        ("https://[", "app.example.com", False),
        ("https://app.example.com/" + "a" * 100_000, "app.example.com", False),
    ],
)
def test_an_origin_is_compared_in_its_normal_form(origin: str, host: str, own: bool) -> None:
    """CK-5: where a browser sends no Sec-Fetch-Site, its Origin decides."""
    headers = Headers({"origin": origin, "host": host})

    assert edge("https://app.example.com").is_own_request(headers) == own


def scope(scheme: str = "http", proto: str | None = None) -> Scope:
    """Return a connection, with a proxy's headers."""
    told = [] if proto is None else [(b"x-forwarded-proto", proto.encode())]
    return {"type": "http", "scheme": scheme, "headers": told}


@pytest.mark.parametrize(
    ("base_url", "proxies", "connection", "secure"),
    [
        ("https://app.example.com", 0, scope("http"), True),
        ("http://localhost:8501", 0, scope("http"), False),
        ("http://localhost:8501", 0, scope("https"), True),
        ("http://localhost:8501", 0, scope("wss"), True),
        ("http://localhost:8501", 0, scope("ws"), False),
        ("http://localhost:8501", 1, scope("http", "https"), True),
        ("http://localhost:8501", 1, scope("http", " https "), True),
        ("http://localhost:8501", 1, scope("https", "http"), False),
        ("http://localhost:8501", 0, scope("https", "https"), False),
    ],
)
def test_https_is_what_the_setting_the_connection_or_a_trusted_proxy_says(
    base_url: str, proxies: int, connection: Scope, secure: bool
) -> None:
    """CK-1, TH-2: a header that anyone may send decides nothing without a trusted proxy."""
    settings = make_settings(base_url=base_url, trusted_proxies=proxies)

    assert Edge(settings).is_secure(connection) is secure


@pytest.mark.parametrize(
    ("scheme", "base_path", "name"),
    [("http", "/", "auth"), ("https", "/", "__Host-auth"), ("https", "/app", "__Secure-auth")],
)
def test_the_cookies_name_has_the_strictest_prefix_there_is(
    scheme: str, base_path: str, name: str
) -> None:
    """CK-2: `__Host-` requires https and the whole host."""
    at = Edge(make_settings(), base_path)

    assert at.cookie_name(scope(scheme)) == name
    assert browser_cookie(name) == f"{name}_browser"


@pytest.mark.parametrize(
    ("scheme", "max_age", "line"),
    [
        ("http", None, "auth=x; Path=/app; HttpOnly; SameSite=Lax"),
        ("http", 0, "auth=x; Path=/app; HttpOnly; SameSite=Lax; Max-Age=0"),
        ("https", 60, "auth=x; Path=/app; HttpOnly; SameSite=Lax; Max-Age=60; Secure"),
    ],
)
def test_a_cookie_is_for_this_app_alone_and_never_for_scripts(
    scheme: str, max_age: int | None, line: str
) -> None:
    """CK-1, CK-3: deleting one has the same attributes as setting it."""
    at = Edge(make_settings(), "/app")

    assert at.cookie_line(scope(scheme), "auth", "x", max_age) == line


@pytest.mark.parametrize(
    ("site", "own"),
    [
        ("same-origin", True),
        ("none", True),
        ("same-site", False),
        ("cross-site", False),
        ("", False),
    ],
)
def test_where_a_browser_says_from_where_a_request_comes_that_decides(site: str, own: bool) -> None:
    """CK-5: the right Origin does not outweigh it."""
    told = {"sec-fetch-site": site, "origin": "https://app.example.com", "host": "app.example.com"}

    assert edge("https://app.example.com").is_own_request(Headers(told)) is own


@pytest.mark.parametrize(
    "told", [{}, {"host": "app.example.com"}, {"origin": "https://app.example.com"}], ids=str
)
def test_a_request_that_says_nothing_of_its_page_is_foreign(told: dict[str, str]) -> None:
    """CK-5: neither header, or no host to compare with: refused, and no error."""
    assert not edge("https://app.example.com").is_own_request(Headers(told))


@pytest.mark.parametrize(
    ("root", "path", "routed"),
    [
        ("", "/healthz", "/healthz"),
        ("/root", "/root/healthz", "/healthz"),
        ("/root", "/root/root/healthz", "/root/healthz"),
        ("/root", "/rooted/healthz", "/rooted/healthz"),
        ("/root", "/root", ""),
    ],
)
def test_a_path_is_what_the_routes_know(root: str, path: str, routed: str) -> None:
    """AV-1: `uvicorn --root-path` puts that before each path; the routes are below it."""
    assert path_of({"type": "http", "root_path": root, "path": path}) == routed


LOCALS = ("localhost", "127.0.0.1", "[::1]")


@pytest.mark.parametrize(
    ("base_url", "app_env", "scheme", "host", "origins"),
    [
        # In production BASE_URL's own, at its own host, even where that is this machine's.
        (
            "https://app.example.com",
            "production",
            "ws",
            "app.example.com",
            {"https://app.example.com"},
        ),
        ("https://app.example.com", "production", "wss", "another.example.com", set()),
        ("https://localhost", "production", "ws", "localhost", {"https://localhost"}),
        # In development those of this machine, by the scheme and at the port of the request.
        (
            "https://app.example.com",
            "development",
            "ws",
            "app.example.com",
            {"https://app.example.com"},
        ),
        (
            *("http://localhost:8501", "development", "ws", "127.0.0.1:9000"),
            {f"http://{name}:9000" for name in LOCALS},
        ),
        (
            *("http://localhost:8501", "development", "wss", "localhost"),
            {f"https://{name}" for name in LOCALS},
        ),
        (
            *("https://localhost:8501", "development", "ws", "localhost:8501"),
            {"https://localhost:8501", *(f"http://{name}:8501" for name in LOCALS)},
        ),
    ],
)
def test_a_websocket_is_opened_by_pages_of_one_origin_or_of_this_machine(
    base_url: str, app_env: str, scheme: str, host: str, origins: set[str]
) -> None:
    """CK-11: scheme, host and port are equal."""
    scope: Scope = {"type": "websocket", "scheme": scheme, "headers": []}

    assert edge(base_url, app_env).origins(scope, host) == origins


@pytest.mark.parametrize(
    ("sent", "cookies"),
    [
        ("auth=a; other=b", {"auth": "a", "other": "b"}),
        ("auth=a=b==", {"auth": "a=b=="}),
        ("auth=a; other=b; auth=c", {"other": "b"}),
        ("auth=a;auth=c", {}),
        ("auth=a==;  auth=c==;other=", {"other": ""}),
    ],
)
def test_a_cookie_sent_twice_counts_as_not_sent(sent: str, cookies: dict[str, str]) -> None:
    """CK-4: another host of the same domain may have planted one of them."""
    assert cookies_of({"headers": [(b"cookie", sent.encode())]}) == cookies


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a=1; \xa0__Host-auth=planted; b=2", b"a=1; b=2"),
        (b"\x85__Host-auth=planted", b""),
        (b"__Host-auth\xa0=planted; __Host-auth=own", b" __Host-auth=own"),
        (b"a=\xa0\xff; b=2", b"a=\xa0\xff; b=2"),
        (b'a="\\054"; b=2', b" b=2"),
    ],
)
def test_a_cookie_whose_name_python_would_shorten_is_dropped(sent: bytes, kept: bytes) -> None:
    """CK-2: it has no prefix for a browser, so any subdomain could sign a visitor in."""
    assert plain(b"cookie", sent) == (b"cookie", kept)
    assert plain(b"x-cookie", sent) == (b"x-cookie", sent)
