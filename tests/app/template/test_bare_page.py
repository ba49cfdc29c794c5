"""The benchmark's bare page, beside the home page that it stands for."""

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from bench.server import BARE
from tests.app.conftest import Open
from web import connection


def kinds(page: AppTest) -> list[str]:
    """Return the kinds of elements in the main part of *page*, in order."""
    return [each.type for each in page.main if not isinstance(each, Block) and each.type != "empty"]


def test_the_bare_page_has_the_elements_of_home(
    open_app: Open, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ratio between the two is then what accounts cost."""
    monkeypatch.setattr(connection, "is_local", lambda: True)  # as the bench is: with the outbox
    home, bare = open_app(token).run(), open_app(script=BARE).run()

    assert not home.exception and not bare.exception
    assert kinds(bare) == kinds(home)
