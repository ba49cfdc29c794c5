"""The pages of invitations: the admin's list, and what each link shows."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from auth.administration import grant
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Session
from auth.users import User
from features.invitations import rules
from tests.app.conftest import PASSWORD, Open, SignedIn

PAGE = "features/invitations/invitations.py"
ACCEPT = "features/invitations/accept_invitation.py"
BOB = "bob@example.com"
Opened = Callable[..., AppTest]


@pytest.fixture
def admin(service: AuthService, ada: User) -> User:
    """Ada, an admin."""
    grant(service, ada.id, Role.ADMIN)
    return ada


@pytest.fixture
def link_page(open_app: Open) -> Opened:
    """Return a function that opens an invitation's link, signed out or with a session's token."""

    def open_link(link: str, token: str | None = None) -> AppTest:
        app = open_app(token).run()
        app.query_params["token"] = link.partition("token=")[2]
        return app.switch_page(ACCEPT).run()

    return open_link


def said(app: AppTest) -> str:
    """Return what the page says in boxes and lines."""
    parts = [*app.info, *app.success, *app.error, *app.main.text, *app.main.markdown, *app.caption]
    return "\n".join(part.value for part in parts)


def click(app: AppTest, label: str) -> AppTest:
    """Click the button with *label*."""
    return next(button for button in app.main.button if button.label == label).click().run()


def test_an_admin_invites_sends_again_and_revokes(signed_in: SignedIn, admin: User) -> None:
    """RO-4: the list shows who was invited by whom."""
    app = signed_in(admin, PAGE)
    app.main.text_input[0].set_value(BOB)
    app.main.text_input[1].set_value("*Hello*")
    app.main.checkbox[0].check()
    click(app, "Send the invitation")
    assert not app.exception
    assert f"{BOB} (Admin)" in said(app)
    assert "We have sent an invitation to:" in said(app)

    click(app, "Resend")
    assert "sent the invitation again" in said(app)
    click(app, "Revoke")

    assert not app.exception
    assert "Revoked" in said(app)
    assert "is revoked" in said(app)


def test_what_is_wrong_is_told_at_its_field(
    signed_in: SignedIn, admin: User, service: AuthService
) -> None:
    """And that the email has an account."""
    app = signed_in(admin, PAGE)
    click(app, "Send the invitation")
    assert "Enter your email." in said(app)
    app.main.text_input[0].set_value(admin.email)

    click(app, "Send the invitation")

    assert "already an account" in said(app)
    assert rules.list_invitations(service, service_session(service, app)) == []


def service_session(service: AuthService, app: AppTest) -> Session:
    """Return the session of the tab."""
    session = service.resume_session(app.session_state["_tab"].token, trusted=True)
    assert session
    return session


def test_the_page_asks_for_the_password_first(
    open_app: Open, old_token: str, admin: User, service: AuthService
) -> None:
    """The list is there, without a button."""
    rules.invite(service, BOB)

    app = open_app(old_token).run().switch_page(PAGE).run()

    assert BOB in said(app)
    assert [button.label for button in app.main.button] == ["Confirm"]


def test_the_link_makes_an_account_and_signs_in(
    link_page: Opened, service: AuthService, admin: User
) -> None:
    """RO-4: with the name and password chosen there."""
    app = link_page(rules.invite(service, BOB))
    assert BOB in said(app)
    app.main.text_input[0].set_value("Bob")
    app.main.text_input[1].set_value(PASSWORD)

    click(app, "Make my account")

    assert not app.exception
    assert app.session_state["user"].email == BOB
    assert app.session_state["user"].verified_at


def test_each_link_that_does_not_work_says_why(
    link_page: Opened, service: AuthService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RO-4: accepted, for another email, replaced, expired, closed; never a form in vain."""
    first = rules.invite(service, BOB)
    assert "This invitation is for another email." in said(link_page(first, token))
    second = rules.invite(service, BOB)
    assert "no longer valid" in said(link_page(first))
    service.sign_up(BOB, PASSWORD)
    assert "already an account" in said(link_page(second))
    eve = rules.invite(service, "eve@example.com")
    monkeypatch.setattr(service, "now", lambda now=service.now: now() + rules.LIFE)

    app = link_page(eve)

    assert "has expired" in said(app)
    assert not app.main.text_input
