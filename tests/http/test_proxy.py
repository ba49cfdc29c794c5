"""The server under a path behind a proxy: what it believes of it, and what its cookies become."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from auth.hand_off import create_ticket
from auth.sessions import Client
from tests.http.conftest import NONCE, PASSWORD, Answer, ask
from tests.serving import Server, serve

HTTPS = {"X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}


@contextmanager
def under_a_path(folder: Path, trusted: int) -> Iterator[Server]:
    """Run the hardened server under /app, with that many proxies to believe."""
    env = {"TRUSTED_PROXIES": str(trusted)}
    flag = "--server.baseUrlPath=app"
    with serve("server.py", folder, flag, env=env, base="/app") as server:
        yield server


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run it behind one proxy."""
    with under_a_path(tmp_path_factory.mktemp("behind"), trusted=1) as server:
        yield server


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run it with no proxy that it knows of."""
    with under_a_path(tmp_path_factory.mktemp("alone"), trusted=0) as server:
        yield server


def log_in(server: Server, name: str) -> Answer:
    """Change a ticket for the session's cookie over what says to be https; *name* is the nonce's.

    A browser sends the nonce back under the name it came with.
    """
    email = f"ada-{secrets.token_hex(4)}@example.com"
    with server.service() as service:
        service.sign_up(email, PASSWORD)
        ticket = create_ticket(service, service.log_in(email, PASSWORD, Client()).token, NONCE)
    cookie = {"Cookie": f"{name}={NONCE}"}
    return ask(server, "POST", "/app/auth/session", json.dumps({"ticket": ticket}), HTTPS | cookie)


def test_https_that_our_proxy_tells_of_makes_the_cookies_secure(behind: Server) -> None:
    """CK-2: under a path `__Host-` cannot be, so `__Secure-` it is; Secure, and for that path."""
    page = ask(behind, "GET", "/app/", headers=HTTPS)
    answer = log_in(behind, "__Secure-auth_browser")

    assert {"Secure", "HttpOnly", "Path=/app"} <= set(page.cookie("__Secure-auth_browser"))
    assert answer.status == 204
    assert {"Secure", "HttpOnly", "Path=/app"} <= set(answer.cookie("__Secure-auth"))
    assert not answer.cookie("auth") and not answer.cookie("__Host-auth")


def test_http_that_our_proxy_tells_of_stays_http(behind: Server) -> None:
    """CK-2: a browser on plain http would throw a Secure cookie away."""
    page = ask(behind, "GET", "/app/", headers={"X-Forwarded-Proto": "http"})

    assert page.cookie("auth_browser")
    assert "Secure" not in page.cookie("auth_browser")


def test_https_claimed_by_a_client_is_not_believed(alone: Server) -> None:
    """TH-2, CK-2: without TRUSTED_PROXIES the header is the visitor's own invention."""
    page = ask(alone, "GET", "/app/", headers=HTTPS)
    answer = log_in(alone, "auth_browser")

    assert page.cookie("auth_browser") and not page.cookie("__Secure-auth_browser")
    assert answer.status == 204
    assert answer.cookie("auth") and not answer.cookie("__Secure-auth")
    assert "Secure" not in answer.cookie("auth")
