"""Fixtures that run the script in an AppTest: with its own database, and a cookie to set."""

import logging
import secrets
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from auth.service import AuthService
from auth.sessions import Client
from auth.users import User
from db.models import Session
from features import FEATURES
from settings import Settings, load_settings
from tests.fixtures import CHEAPEST
from tests.serving import ROOT, SETTINGS
from web import connection, start


def page_path(name: str) -> str:
    """Return the file of the page called *name*, in any folder."""
    for feature in FEATURES:
        if name in [page.name for page in feature.pages]:
            return f"features/{feature.name}/{name}.py"
    return f"views/{name}.py"


PASSWORD = "violet umbrella harbour 41"
# Every AppTest looks for components in all installed packages, which takes longer than most tests.
components = cache(manifest_scanner.scan_component_manifests)
Open = Callable[..., AppTest]
SignedIn = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def app_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str
) -> Iterator[None]:
    """Give the app its own database and key for this test, and the cheapest bcrypt."""
    fresh = {"DATABASE_URL": sqlite_url, "SECRET_KEY": secrets.token_urlsafe(32)}

    def load_cheap(**options: Any) -> Settings:
        return load_settings(**options).model_copy(update={"bcrypt_rounds": CHEAPEST})

    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", components)
    monkeypatch.setattr(start, "load_settings", load_cheap)
    monkeypatch.setattr(start, "_freeze", lambda: None)  # each test is a start; one is enough
    for name, value in (SETTINGS | fresh).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(start, "OUTBOX", tmp_path / "outbox")
    start._start.cache_clear()
    yield
    if start._start.cache_info().currsize:
        made = start.service()
        made.close()
        made.database.close()
    start._start.cache_clear()
    audit = logging.getLogger("auth.audit")  # in development it looks up emails for the terminal
    audit.setLevel(logging.NOTSET)
    audit.handlers.clear()


@pytest.fixture
def service() -> AuthService:
    """Return the service that the app itself uses."""
    return start.service()


@pytest.fixture
def ada(service: AuthService) -> User:
    """Return an account."""
    return service.sign_up("ada@example.com", PASSWORD, "Ada")


@pytest.fixture
def token(service: AuthService, ada: User) -> str:
    """Return the token of a session of Ada's."""
    return service.log_in(ada.email, PASSWORD, Client()).token


@pytest.fixture
def old_token(service: AuthService, token: str) -> str:
    """Return a token of a session of Ada's in which she typed the password long ago."""
    with service.database.write() as database:
        database.execute(update(Session).values(confirmed_at=None))
    return token


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Return a function that opens a script in a tab with a token in its handshake."""

    def open_script(token: str | None = None, script: Path = ROOT / "app.py") -> AppTest:
        monkeypatch.setattr(connection, "cookie", lambda name: token)
        return AppTest.from_file(script, default_timeout=20)

    return open_script


@pytest.fixture
def signed_in(service: AuthService, open_app: Open) -> SignedIn:
    """Return a function that opens a page as a user: signed_in(ada, "views/report.py")."""

    def open_page(user: User, page: str = "views/home.py") -> AppTest:
        token = service.log_in(user.email, PASSWORD, Client()).token
        return open_app(token).run().switch_page(page).run()

    return open_page
