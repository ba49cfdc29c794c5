"""The outbox in development: its links log people in, so that only the developer may see them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from auth.service import AuthService
from auth.users import User
from features.password_reset.rules import request_reset
from tests.app.conftest import Open
from tests.fixtures import LAPTOP
from tests.serving import wait_until
from web import connection, start


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the pages that the last run could open."""
    found: list[str] = []
    choose = st.navigation

    def note(tree: Mapping[str, Sequence[st.Page]], **more: Any) -> Any:
        found[:] = [Path(str(page._page)).stem for pages in tree.values() for page in pages]
        return choose(tree, **more)

    monkeypatch.setattr(st, "navigation", note)
    return found


def test_the_developer_finds_the_link_of_an_email(
    open_app: Open, service: AuthService, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest email, to whom it goes, and where its link leads."""
    monkeypatch.setattr(connection, "is_local", lambda: True)
    request_reset(service, ada.email, LAPTOP)
    wait_until(lambda: len(list(start.OUTBOX.glob("*.eml"))) >= 2, "both emails")
    app = open_app().run()

    app.switch_page("views/outbox.py").run()

    assert not app.exception
    assert [title.value for title in app.title] == ["Outbox"]
    assert any("Choose a new password" in text.value for text in app.text)
    (way_on,) = app.get("page_link")  # signed out, it would be a dead end without
    assert way_on.proto.label == "Go to log in"


@pytest.mark.parametrize(
    ("local", "changed"),
    [
        (False, {}),
        (True, {"APP_ENV": "production", "BASE_URL": "https://app.example.com"}),
        (True, {"SMTP_URL": "smtp://mail.example.com"}),
    ],
    ids=["from elsewhere", "in production", "with a mail server"],
)
def test_no_one_else_has_the_page(
    open_app: Open,
    reachable: list[str],
    monkeypatch: pytest.MonkeyPatch,
    local: bool,
    changed: dict[str, str],
) -> None:
    """It is no page at all for them."""
    monkeypatch.setattr(connection, "is_local", lambda: local)
    for name, value in changed.items():
        monkeypatch.setenv(name, value)

    app = open_app().run()

    assert not app.exception
    assert reachable
    assert "outbox" not in reachable
