"""A page's own answer: its headers, its cookies, and the hosts it answers to."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import update

from auth.service import AuthService
from db.models import Session
from tests.http.conftest import NONCE, ask
from tests.serving import Server
from web.headers import content_security_policy


def test_a_page_gives_the_browser_a_nonce_once(server: Server) -> None:
    """CK-5: what a ticket is bound to is random, and not for JavaScript."""
    first = ask(server, "GET", "/")
    again = ask(server, "GET", "/", headers={"Cookie": f"auth_browser={NONCE}"})

    nonce, *attributes = first.cookie("auth_browser")
    assert len(nonce) == 32
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert again.cookie("auth_browser") == []


def test_a_page_renews_the_cookie_of_a_session_when_it_is_due(
    server: Server, service: AuthService, token: str
) -> None:
    """SE-9, CK-3: by the page's own answer, and for what is left of the session's life."""
    age = timedelta(days=3)
    session = service.session(token)
    assert session is not None
    with server.database() as database, database.write() as connection:
        connection.execute(
            update(Session)
            .where(Session.id == session.id)
            .values(
                created_at=session.created_at - age,
                expires_at=session.expires_at - age,
                rotated_at=session.rotated_at - age,
            )
        )

    answer = ask(server, "GET", "/account", headers={"Cookie": f"auth={token}"})

    renewed, *attributes = answer.cookie("auth")
    max_age = next(int(part[8:]) for part in attributes if part.startswith("Max-Age="))
    left = timedelta(days=30) - age
    assert max_age == pytest.approx(left.total_seconds(), abs=60)
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert renewed != token
    assert service.resume(renewed) is not None


def test_a_page_leaves_a_cookie_that_is_not_due(server: Server, token: str) -> None:
    """SE-9: the answer of a slow page must not bring an older token back."""
    answer = ask(server, "GET", "/account", headers={"Cookie": f"auth={token}"})

    assert answer.cookie("auth") == []


@pytest.mark.parametrize(
    "path", ["/_stcore/health", "/_stcore/host-config", "/static/nothing.js", "/healthz"]
)
def test_no_asset_sets_a_session_cookie(server: Server, token: str, path: str) -> None:
    """CK-1: cookies are set on pages alone."""
    answer = ask(server, "GET", path, headers={"Cookie": f"auth={token}"})

    assert not answer.cookie("auth") and not answer.cookie("auth_browser")


@pytest.mark.parametrize(
    "cookie",
    [
        "auth=x; auth=y",
        "auth=" + "a" * 10_000,
        "auth=\xe9\xff\x00\x01".replace("\x00", ""),
        "auth=a.b.c",
        "=; ;;; auth",
        'auth="' + "\\" * 50,
        "auth=" + "." * 2000,
    ],
    ids=range(7),
)
def test_a_hostile_cookie_signs_no_user_in(server: Server, cookie: str) -> None:
    """CK-4: the page comes, without a session and without a fault."""
    answer = ask(server, "GET", "/", headers={"Cookie": cookie})

    assert answer.status == 200
    assert not answer.cookie("auth")


@pytest.mark.parametrize(
    "path",
    [
        *("//evil.example", "///evil.example/account", "/\\evil.example", "/%5cevil.example"),
        *("/%2f%2fevil.example", "/https:/evil.example", "/https:%2f%2fevil.example"),
        *("/account%0d%0aLocation:%20https://evil.example", "/log-in?next=https://evil.example"),
        *("/log-in?next=//evil.example", "/log-in/..//evil.example", "/javascript:alert(1)"),
    ],
)
def test_no_address_leads_to_another_site(server: Server, token: str, path: str) -> None:
    """CK-6: there is no target to give, and none is made of the path."""
    for cookies in ({}, {"Cookie": f"auth={token}"}):
        answer = ask(server, "GET", path, headers={"Sec-Fetch-Dest": "document", **cookies})

        target = answer.headers.get("Location", "/")
        assert target.startswith("/") and not target.startswith(("//", "/\\"))
        assert answer.status < 500


def test_an_icon_is_no_page(server: Server, token: str) -> None:
    """CK-1: Streamlit answers any path with its page; a cookie goes with what is opened as one."""
    headers = {"Cookie": f"auth={token}", "Sec-Fetch-Dest": "image"}

    answer = ask(server, "GET", "/favicon.ico", headers=headers)

    assert not answer.cookie("auth") and not answer.cookie("auth_browser")


def test_a_cookie_that_is_sent_twice_counts_as_not_sent(server: Server, token: str) -> None:
    """CK-4: a neighbour's cookie beside ours must not decide."""
    answer = ask(server, "GET", "/", headers={"Cookie": f"auth={token}; auth={token}"})

    assert not answer.cookie("auth")


def test_a_page_carries_the_security_headers(server: Server) -> None:
    """CK-8: those of tests/unit/test_headers.py; of https nothing is said on plain http."""
    sent = ask(server, "GET", "/").headers

    assert sent["Content-Security-Policy"] == content_security_policy()
    assert (sent["X-Frame-Options"], sent["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert sent["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in sent


def test_a_proxy_that_is_not_trusted_is_not_believed(server: Server) -> None:
    """TH-2: without TRUSTED_PROXIES a client's header does not decide the scheme."""
    answer = ask(server, "GET", "/", headers={"X-Forwarded-Proto": "https"})

    assert "Strict-Transport-Security" not in answer.headers
    assert answer.cookie("auth_browser")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.x:80"])
def test_another_hosts_name_is_refused(server: Server, host: str) -> None:
    """CK-8: links and cookies are for the app's own names."""
    answer = ask(server, "GET", "/", headers={"Host": host})

    assert answer.status == 400


def test_a_client_cannot_claim_to_come_through_our_server(server: Server) -> None:
    """CK-1: the mark that chooses the bridge is ours to set; a page still comes."""
    answer = ask(server, "GET", "/", headers={"X-Auth-Cookie": "mine"})

    assert answer.status == 200
    assert answer.cookie("auth_browser")


@pytest.mark.parametrize(
    "path", ["/.env", "/data/app.db", "/app.py", "/settings.py", "/auth/keys.py"]
)
def test_nothing_of_the_project_is_served(server: Server, path: str) -> None:
    """CF-2: keys and data are not files of the web; the app's page answers instead."""
    answer = ask(server, "GET", path)

    assert "SECRET_KEY" not in answer.text and "import" not in answer.text[:200]
    assert not answer.text.startswith("SQLite")


def test_the_process_says_that_it_is_alive(server: Server) -> None:
    """CF-4: by whatever name it is called, without details."""
    answer = ask(server, "GET", "/healthz", headers={"Host": "10.0.0.1"})

    assert (answer.status, answer.text) == (200, "alive")


def test_the_app_says_that_it_is_ready(server: Server) -> None:
    """CF-4: settings, keys and database."""
    answer = ask(server, "GET", "/readyz")

    assert (answer.status, answer.text) == (200, "ready")


def test_a_fuzzed_request_is_never_answered_with_a_5xx(server: Server) -> None:
    """JWT-9: any method, any path, any bytes."""
    methods = ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "BREW"]
    paths = ["/auth/session", "/auth/session/", "/auth/%00", "/auth/session?x=%ff", "/healthz", "/"]

    statuses = {
        (method, path): ask(
            server,
            method,
            path,
            secrets.token_bytes(64),
            {"Sec-Fetch-Site": "same-origin", "Cookie": f"auth={secrets.token_hex(40)}"},
        ).status
        for method in methods
        for path in paths
    }

    assert {key: status for key, status in statuses.items() if status >= 500} == {}
