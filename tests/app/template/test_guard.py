"""The guard: deny by default, ask on every run, and fail closed."""

import re
from pathlib import Path

import pytest
import streamlit as st
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from streamlit.testing.v1 import AppTest

from auth.administration import disable
from auth.audit import Event
from auth.errors import Unavailable
from auth.hand_off import end_reason
from auth.rotation import OVERLAP
from auth.service import AuthService
from auth.sessions import Client, EndReason
from auth.step_up import confirm_password
from auth.users import User
from db.models import Session
from features import FEATURES
from tests.app.conftest import PASSWORD, Open, SignedIn, page_path
from tests.fixtures import open_session
from tests.serving import ROOT, copy_project
from web import connection, start
from web.tab import clear_tab, tab

SCRIPT = (ROOT / "app.py").read_text("utf-8")
PAGES = sorted(
    page_path(name)
    for name in [
        *re.findall(r'(?:"views/|hidden\(")(\w+)(?:\.py)?"', SCRIPT),
        *(page.name for feature in FEATURES for page in feature.pages),
    ]
)
PUBLIC = {
    "views/log_in.py": "Log in to Streamlit auth starter",
    "views/sign_up.py": "Sign up for Streamlit auth starter",
    "features/password_reset/forgot_password.py": "Forgot your password?",
    "features/password_reset/reset_password.py": "Choose a new password",
    "features/email_verification/verify_email.py": "Confirm your email",
    "features/email_change/keep_email.py": "Keep your old email",
    "features/invitations/accept_invitation.py": "Accept your invitation",
}
HOME = '        st.Page("views/home.py", title="Home", icon=":material/home:", default=True),\n'
DIARY = """
from pathlib import Path

import streamlit as st
from web.guard import protected

@protected
def write() -> None:
    Path(__file__).with_name("written").touch()  # session_state would be cleared

st.title("Diary")
st.button("Write", on_click=write)
"""


def titles(app: AppTest) -> list[str]:
    """Return the titles that the page shows."""
    return [title.value for title in app.title]


def assert_only_the_form(app: AppTest) -> None:
    """Check that the page is the log-in form and nothing else."""
    assert not app.exception
    assert titles(app) == ["Log in to Streamlit auth starter"]
    assert [button.label for button in app.button] == ["Log in"]
    assert [field.label for field in app.text_input] == ["Email", "Password"]
    assert app.session_state["logged_in"] is False
    assert app.session_state["user"] is None


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """Return the script of an app with one more private page: a file and a line in app.py."""
    line = '        st.Page("views/diary.py", title="Diary"),\n'
    project = copy_project(tmp_path / "project", edits={"app.py": (HOME, HOME + line)})
    (project / "views/diary.py").write_text(DIARY)
    return project / "app.py"


@pytest.mark.parametrize("page", PAGES)
def test_without_a_session_every_page_is_the_form_or_listed_as_public(
    open_app: Open, page: str
) -> None:
    """GD-1: pages that are not listed as public show only the log-in form."""
    app = open_app().run()

    if page in PUBLIC:
        assert titles(app.switch_page(page).run()) == [PUBLIC[page]]
    else:
        assert_only_the_form(app)
        with pytest.raises(Exception, match=re.escape(page)):
            app.switch_page(page).run()


def test_a_page_added_by_one_line_is_private(open_app: Open, token: str, diary: Path) -> None:
    """GD-1: a new page is guarded with no edit to the guard."""
    assert_only_the_form(open_app(script=diary).run())

    app = open_app(token, script=diary).run().switch_page("views/diary.py").run()

    assert titles(app) == ["Diary"]


def test_a_cookie_opens_the_app(open_app: Open, token: str, ada: User) -> None:
    """SE-2: an open session signs in, in the first run."""
    app = open_app(token).run()

    assert titles(app) == ["Home"]
    assert app.session_state["logged_in"] is True
    assert app.session_state["user"] == ada


def test_a_page_that_writes_out_all_of_its_state_shows_no_secret(
    open_app: Open, token: str, diary: Path
) -> None:
    """CK-10: Streamlit shows a value's repr, and one of ours holds the token."""
    page = diary.parent / "views/diary.py"
    page.write_text(DIARY + "st.text(dict(st.session_state))\nst.text('the end')\n")

    app = open_app(token, script=diary).run().switch_page("views/diary.py").run()

    shown = " ".join(text.value for text in app.text)
    assert "the end" in shown
    assert "Tab(" in shown
    assert token not in shown


def test_nothing_of_one_user_is_left_for_the_next() -> None:
    """GD-4: not even the emailed link that was opened in this tab."""
    tab().token, tab().owner, tab().link_token = "a token", "ada", "a link"
    st.session_state["draft"] = "hers"

    clear_tab()

    assert (tab().token, tab().owner, tab().link_token) == (None, None, None)
    assert "draft" not in st.session_state
    st.session_state.clear()


def test_another_users_cookie_finds_nothing_of_the_user_before(
    open_app: Open, service: AuthService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-4: the tab switches from one user to the next within one run, without a log-in page."""
    app = open_app(token).run()
    app.session_state["draft"] = "the secret of Ada"
    grace = service.sign_up("grace@example.com", PASSWORD, "Grace")
    hers = service.log_in(grace.email, PASSWORD, Client()).token
    service.log_out(token)
    monkeypatch.setattr(connection, "cookie", lambda name: hers)

    app.run()

    assert app.session_state["user"] == grace
    assert "draft" not in app.session_state


def test_a_tab_whose_token_was_replaced_shows_nothing_without_its_browser(
    open_app: Open, service: AuthService, token: str
) -> None:
    """SE-9: it may be a copy's; here no browser proves that it is not."""
    app = open_app(token).run()
    confirm_password(service, open_session(service, token), PASSWORD)
    lapse_overlap(service, token)

    app.run()

    assert_only_the_form(app)
    assert "Reload" in " ".join(info.value for info in app.info)
    assert end_reason(service, token) is EndReason.STALE  # a snapshot is no proof of a copy either


def test_a_handshake_whose_cookie_was_replaced_before_the_tabs_next_run_ends_nothing(
    open_app: Open, service: AuthService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-9: a tab that slept connects again, and runs after other tabs have moved on."""
    app = open_app(token).run()
    handshake = confirm_password(service, open_session(service, token), PASSWORD).token
    monkeypatch.setattr(connection, "cookie", lambda name: handshake)
    newest = confirm_password(service, open_session(service, handshake), PASSWORD).token
    lapse_overlap(service, newest)

    app.run()

    assert service.resume(newest) is not None


def lapse_overlap(service: AuthService, token: str) -> None:
    """Move the session's last rotation back until the previous token is no longer valid."""
    session = service.session(token, trusted=True)
    assert session is not None
    with service.database.write() as connection:
        connection.execute(
            update(Session)
            .where(Session.id == session.id)
            .values(rotated_at=session.rotated_at - OVERLAP)
        )


@pytest.mark.parametrize("how", ["revoked", "disabled"])
def test_a_session_that_ends_between_two_runs_shows_the_form(
    open_app: Open, service: AuthService, token: str, ada: User, how: str
) -> None:
    """SE-2, SE-6: every run checks again; nothing in the tab is trusted."""
    app = open_app(token).run()
    assert titles(app) == ["Home"]

    if how == "revoked":
        service.log_out(token)
    else:
        disable(service, ada.id)
    app.run()

    assert_only_the_form(app)
    assert "Ada" not in str(app.main)


def test_session_state_cannot_sign_a_visitor_in(open_app: Open, ada: User) -> None:
    """GD-1: `logged_in` is what the guard says, not what a page or a test wrote there."""
    app = open_app()
    app.session_state["logged_in"] = True
    app.session_state["user"] = ada

    app.run()

    assert_only_the_form(app)


def test_a_protected_callback_does_not_run_after_the_session_is_over(
    open_app: Open, service: AuthService, token: str, diary: Path
) -> None:
    """GD-2: a callback runs before the guard, so it checks for itself."""
    app = open_app(token, script=diary).run().switch_page("views/diary.py").run()
    button = next(button for button in app.button if button.label == "Write")
    service.log_out(token)

    button.click().run()

    assert not diary.with_name("views").joinpath("written").exists()
    assert_only_the_form(app)


def test_a_protected_callback_runs_while_the_session_lives(
    open_app: Open, token: str, diary: Path
) -> None:
    """GD-2: protection does not block permitted use."""
    app = open_app(token, script=diary).run().switch_page("views/diary.py").run()

    next(button for button in app.button if button.label == "Write").click().run()

    assert diary.with_name("views").joinpath("written").exists()
    assert titles(app) == ["Diary"]


def test_a_broken_database_closes_the_app(
    open_app: Open, service: AuthService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-5: a visitor who can't be identified is not let in, and no reason is shown."""
    app = open_app(token).run()

    def broken() -> None:
        raise OperationalError("SELECT secret", {}, Exception("no such table"))

    monkeypatch.setattr(service.database, "read", broken)
    app.run()

    assert not app.exception
    assert titles(app) == ["Back in a moment"]
    assert app.session_state["logged_in"] is False
    assert "secret" not in str(app.main)


def test_settings_that_cannot_be_used_close_the_app(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """GD-5: a bad setting is named in the log, never on the page."""
    monkeypatch.setenv("SECRET_KEY", "short")
    start._start.cache_clear()

    app = open_app().run()

    assert not app.exception
    assert titles(app) == ["Back in a moment"]
    assert "SECRET_KEY is too short" in caplog.text
    assert "SECRET_KEY" not in str(app.main)


def test_logging_in_and_out_again(open_app: Open, ada: User) -> None:
    """SE-5: the forms and the button, without a browser."""
    app = open_app().run()
    email, password = app.text_input
    email.set_value(ada.email)
    password.set_value(PASSWORD)
    app.button[0].click().run()
    assert titles(app) == ["Home"]

    next(button for button in app.sidebar.button if button.label == "Log out").click().run()

    assert_only_the_form(app)


def test_a_database_from_a_newer_version_is_calm(open_app: Open, service: AuthService) -> None:
    """A rolled-back deployment says so in the log, and nothing on the page."""
    with service.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    service.database.close()
    start._start.cache_clear()

    app = open_app().run()

    assert not app.exception
    assert app.session_state["logged_in"] is False


def test_a_database_that_fails_in_the_menu_leaves_the_page(
    signed_in: SignedIn, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-7: a feature's offer there is none of its business."""

    def fail() -> None:
        raise Unavailable

    monkeypatch.setattr("features.passkeys.menu.show_menu", fail)

    app = signed_in(ada)

    assert titles(app) == ["Home"]
    assert not app.exception


def test_a_log_out_is_told_once(
    open_app: Open, ada: User, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LG-1: the connection's cookie is still that of its handshake, which nobody used again."""
    app = open_app(token).run()
    next(button for button in app.sidebar.button if button.label == "Log out").click().run()
    assert [each.value for each in app.info] == ["You are logged out."]
    caplog.clear()

    app.switch_page("views/sign_up.py").run()
    app.switch_page("views/log_in.py").run()

    assert [each.value for each in app.info] == []
    assert Event.USED_AFTER_END.value not in caplog.text
