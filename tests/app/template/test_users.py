"""The admin's pages of users: search, open one, change what an admin may change."""

import pytest
from streamlit.testing.v1 import AppTest

from auth.administration import grant
from auth.errors import LogInRefused
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Client
from auth.users import User
from features.invitations.rules import invite
from tests.app.conftest import PASSWORD, Open, SignedIn

BOB = "bob@example.com"


@pytest.fixture
def admin(service: AuthService, ada: User) -> User:
    """Ada, an admin."""
    grant(service, ada.id, Role.ADMIN)
    return ada


@pytest.fixture
def bob(service: AuthService) -> User:
    """Another account."""
    return service.sign_up(BOB, PASSWORD, "*Bob*")


def open_user(app: AppTest, user: User) -> AppTest:
    """Open the page of *user*."""
    app.query_params["id"] = user.id
    return app.switch_page("features/users/user.py").run()


def click(app: AppTest, label: str) -> AppTest:
    """Click the button with *label*; the page must not fail."""
    next(button for button in app.main.button if button.label == label).click().run()
    assert not app.exception
    return app


def said(app: AppTest) -> str:
    """Return what the page says."""
    parts = [*app.title, *app.info, *app.success, *app.error, *app.main.text, *app.caption]
    return "\n".join(part.value for part in parts)


def test_the_list_is_searched_and_filtered(
    signed_in: SignedIn, service: AuthService, admin: User, bob: User
) -> None:
    """Names and emails are text, whatever they hold; the invited have no account yet."""
    invite(service, "*eve*@example.com")
    app = signed_in(admin, "features/users/users.py")
    assert "\\*Bob\\*" in said(app)
    app.main.text_input[0].set_value("ada").run()
    assert "Bob" not in said(app)
    app.main.text_input[0].set_value("").run()

    app.main.selectbox[0].select(Role.ADMIN).run()
    assert "Bob" not in said(app)
    assert "Ada" in said(app)
    app.main.selectbox[0].select("invited").run()

    assert not app.exception
    assert "*eve*@example.com" in said(app)
    assert "Ada" not in said(app)


def test_an_admin_changes_an_account(
    signed_in: SignedIn,
    service: AuthService,
    admin: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RO-1, RS-6: a role, the state, a link, and in the end all of it."""
    monkeypatch.setattr("web.form.BURST", 0.0)  # each click here is meant
    app = open_user(signed_in(admin), bob)
    assert f"{BOB} (not confirmed)" in said(app)
    click(app, "Grant")
    assert service.log_in(BOB, PASSWORD, Client()).user.roles == {Role.ADMIN}
    click(app, "Revoke")
    click(app, "End")
    assert "The session has ended." in said(app)
    click(app, "Send a link")
    assert "sent a link" in said(app)
    click(app, "Disable")
    with pytest.raises(LogInRefused):
        service.log_in(BOB, PASSWORD, Client())
    click(app, "Enable")
    assert service.log_in(BOB, PASSWORD, Client())

    monkeypatch.setattr("web.form.BURST", 2.0)
    app.main.checkbox[0].check().run()
    click(app, "Delete the account")

    assert [title.value for title in app.title] == ["Users"]
    assert "deleted" in said(app)
    app.switch_page("views/home.py").run()
    assert "There is no such user" in said(open_user(app, bob))


def test_a_double_click_undoes_nothing(
    signed_in: SignedIn, service: AuthService, admin: User, bob: User
) -> None:
    """GD-10: the second click finds the other button, in the same place."""
    app = open_user(signed_in(admin), bob)
    click(app, "Grant")

    click(app, "Revoke")

    assert service.log_in(BOB, PASSWORD, Client()).user.roles == {Role.ADMIN}


def test_the_last_admin_is_told_why_they_stay(signed_in: SignedIn, admin: User) -> None:
    """RO-3: a sentence, not an error."""
    app = open_user(signed_in(admin), admin)

    click(app, "Revoke")

    assert "the only admin" in said(app)


def test_no_change_without_the_password(
    open_app: Open, old_token: str, admin: User, bob: User
) -> None:
    """Step-up: the page shows all there is, and one form."""
    app = open_user(open_app(old_token).run(), bob)

    assert BOB in said(app)
    assert [button.label for button in app.main.button] == ["Confirm"]


def test_for_others_there_is_no_such_page(signed_in: SignedIn, bob: User, admin: User) -> None:
    """RO-1: not in the menu, and not at its URL."""
    app = signed_in(bob)

    with pytest.raises(Exception, match="users"):
        app.switch_page("features/users/users.py").run()
