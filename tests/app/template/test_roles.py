"""Pages, callbacks and fragments for a role: for the others they don't exist."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from auth.administration import grant, revoke
from auth.roles import Role
from auth.service import AuthService
from auth.users import User
from tests.app.conftest import PASSWORD, Open
from tests.serving import copy_project

SECRETS = """
from pathlib import Path

import streamlit as st
from auth.roles import Role
from web.guard import protected

@protected(role=Role.ADMIN)
def write() -> None:
    Path(__file__).with_name("written").touch()

st.title("Salaries")
st.button("Write", on_click=write)
"""
LISTED = """    only={Role.ADMIN: [st.Page("views/salaries.py", title="Salaries", icon="🔒")]},
    features=FEATURES,
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Return the script of an app with a page for admins."""
    project = copy_project(tmp_path / "project")
    project.joinpath("views/salaries.py").write_text(SECRETS)
    script = project / "app.py"
    text = script.read_text("utf-8").replace("    features=FEATURES,\n", LISTED)
    script.write_text(
        text.replace(
            "import streamlit as st\n", "import streamlit as st\nfrom auth.roles import Role\n"
        )
    )
    return script


def menu(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list that each run's pages are written to."""
    seen: list[str] = []
    real = st.navigation

    def noted(pages: Mapping[str, Sequence[st.Page]], **options: Any) -> st.Page:
        seen[:] = [page.title for section in pages.values() for page in section]
        return real(pages, **options)

    monkeypatch.setattr(st, "navigation", noted)
    return seen


def test_a_page_for_a_role_exists_for_those_who_have_it(
    open_app: Open,
    service: AuthService,
    ada: User,
    token: str,
    app: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RO-1, GD-1: from the next run on, and no longer than that."""
    seen = menu(monkeypatch)
    page = open_app(token, script=app).run()
    assert "Salaries" not in seen

    grant(service, ada.id, Role.ADMIN)
    page.run()
    assert "Salaries" in seen
    page.switch_page("views/salaries.py").run()
    assert [title.value for title in page.title] == ["Salaries"]

    grant(service, service.sign_up("bob@example.com", PASSWORD).id, Role.ADMIN)
    revoke(service, ada.id, Role.ADMIN)
    page.run()

    assert not page.exception
    assert "Salaries" not in seen
    assert "Salaries" not in [title.value for title in page.title]


def test_a_callback_for_a_role_does_not_run_without_it(
    open_app: Open, service: AuthService, ada: User, token: str, app: Path
) -> None:
    """RO-1, GD-2: although the page with the button was drawn while the role was there."""
    grant(service, ada.id, Role.ADMIN)
    grant(service, service.sign_up("bob@example.com", PASSWORD).id, Role.ADMIN)
    page = open_app(token, script=app).run().switch_page("views/salaries.py").run()
    button = next(button for button in page.button if button.label == "Write")
    written = app.with_name("views") / "written"
    button.click().run()
    assert written.exists()
    written.unlink()

    revoke(service, ada.id, Role.ADMIN)
    button.click().run()

    assert not page.exception
    assert not written.exists()
