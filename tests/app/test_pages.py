"""Every page of app.py and of the features opens without error; private ones for users only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from auth.administration import grant
from auth.roles import Role
from auth.service import AuthService
from auth.users import User
from tests.app.conftest import Open, SignedIn, page_path
from tests.serving import ROOT
from web import navigation

Pages = dict[str, list[str]]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    """Return the files of the pages, as runs find them: `private`, `public` and `reachable`."""
    found: Pages = {}
    navigate, choose = navigation.navigation, st.navigation

    def note_lists(**given: Any) -> Any:
        found.update(private=files(given["private"]), public=files(given["public"]))
        for only in (given.get("only") or {}).values():
            found["private"] += files(only)
        for page in (page for feature in given["features"] for page in feature.pages):
            found["public" if page.public else "private"].append(page_path(page.name))
        return navigate(**given)

    def note_choice(pages: Mapping[str, Sequence[st.Page]], **more: Any) -> Any:
        found["reachable"] = [file for section in pages.values() for file in files(section)]
        return choose(pages, **more)

    monkeypatch.setattr(navigation, "navigation", note_lists)
    monkeypatch.setattr(st, "navigation", note_choice)
    return found


def files(pages: Sequence[st.Page]) -> list[str]:
    """Return the files of *pages*, as `switch_page` takes them."""
    paths = [Path(str(page._page)).resolve() for page in pages]
    return [path.relative_to(ROOT).as_posix() for path in paths]


def test_a_signed_out_visitor_reaches_no_private_page(open_app: Open, pages: Pages) -> None:
    """GD-1: the URL of each shows another page."""
    app = open_app().run()

    assert not app.exception
    assert pages["private"]
    assert set(pages["private"]).isdisjoint(pages["reachable"])


def test_every_public_page_opens_for_a_signed_out_visitor(open_app: Open, pages: Pages) -> None:
    """None of them fails without a user."""
    app = open_app().run()

    for page in list(pages["public"]):
        assert not app.switch_page(page).run().exception, page


def test_every_page_opens_for_a_user_with_every_role(
    signed_in: SignedIn, service: AuthService, ada: User, pages: Pages
) -> None:
    """A page is tested by being listed in app.py."""
    for role in Role:
        grant(service, ada.id, role)
    app = signed_in(ada)

    for page in [*pages["private"], *pages["public"]]:
        assert not app.switch_page(page).run().exception, page
