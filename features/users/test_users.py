"""An admin finds users, sees what there is to know, and changes what an admin may change."""

import pytest

from auth.administration import disable, grant
from auth.errors import PasswordNeeded, RoleNeeded
from auth.limits import MAIL_RECIPIENT
from auth.members import FEW, Only
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Session
from auth.step_up import RECENT
from features.password_reset.rules import request_reset
from features.users.rules import PAGE, end_one_session, list_users, read_user, send_reset
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session

PASSWORD = "kumquat lantern orbit"


def test_users_are_found_by_an_email_or_its_beginning(service: AuthService, admin: Session) -> None:
    """In any spelling; text inside an email, or a pattern, finds nothing."""
    for name in ("bob", "Bobby", "zoë", "z_x", "zax"):
        service.sign_up(f"{name}@example.com", PASSWORD)

    def found(text: str) -> list[str]:
        return [user.email.partition("@")[0] for user in list_users(service, admin, text)]

    assert found("") == ["Ada", "bob", "Bobby", "z_x", "zax", "zoë"]
    assert found(" BOB") == ["bob", "Bobby"]
    assert found("bob@") == ["bob"]
    assert found("Bob@EXAMPLE.com") == ["bob"]
    assert found("ZOË") == ["zoë"]
    assert found("z_") == ["z_x"]
    assert found("example") == found("%") == found("x" * 10_000) == []


def test_a_list_is_limited_to_a_role_or_a_state(
    service: AuthService, admin: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many have the role."""
    bob, eve = (service.sign_up(f"{name}@example.com", PASSWORD) for name in ("bob", "eve"))
    grant(service, eve.id, Role.ADMIN)
    disable(service, bob.id)

    def found(only: Role | Only, text: str = "") -> list[str]:
        return [user.email for user in list_users(service, admin, text, only)]

    assert found(Only.DISABLED) == [bob.email]
    assert found(Only.UNVERIFIED) == [admin.user.email, bob.email, eve.email]
    for few in (FEW, 1):
        monkeypatch.setattr("auth.members.FEW", few)
        assert found(Role.ADMIN) == [admin.user.email, eve.email]
        assert found(Role.ADMIN, "ev") == [eve.email]


def test_a_long_list_comes_in_pages(service: AuthService, admin: Session) -> None:
    """Each from the last email of the one before, with any filter."""
    for number in range(PAGE + 3):
        user = service.sign_up(f"user{number:02}@example.com", PASSWORD)
        grant(service, user.id, Role.ADMIN)

    for only in (None, Role.ADMIN, Only.UNVERIFIED):
        first = list_users(service, admin, "user", only)
        second = list_users(service, admin, "user", only, first[PAGE - 1].email)
        assert len(first) == PAGE + 1
        assert [user.email[:6] for user in second] == ["user25", "user26", "user27"]


def test_one_user_is_shown_with_roles_sessions_and_activity(
    service: AuthService, admin: Session
) -> None:
    """And one who is gone is None."""
    bob = service.sign_up("bob@example.com", PASSWORD)
    service.log_in("bob@example.com", PASSWORD, LAPTOP)

    details = read_user(service, admin, bob.id)

    assert details
    assert (details.user.email, details.user.roles) == (bob.email, frozenset())
    assert [session.ip for session in details.sessions] == [LAPTOP.ip]
    assert details.events
    assert read_user(service, admin, "nobody") is None


def test_an_admin_ends_a_session_and_sends_a_reset_link(
    service: AuthService, admin: Session, letterbox: Letterbox
) -> None:
    """RS-6, SE-8: and never chooses the password."""
    bob = service.sign_up("bob@example.com", PASSWORD)
    token = service.log_in("bob@example.com", PASSWORD, LAPTOP).token

    send_reset(service, bob.id, admin)
    end_one_session(service, bob.id, open_session(service, token).id, admin)

    assert letterbox.link("bob@example.com", "reset-password")
    assert service.resume(token) is None


def test_only_an_admin_sees_users_and_changes_need_the_password(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """RO-2: refused by each rule."""
    session = open_session(service, token)
    for refused in (
        lambda: list_users(service, session),
        lambda: read_user(service, session, session.user.id),
        lambda: send_reset(service, session.user.id, session),
        lambda: end_one_session(service, session.user.id, session.id, session),
    ):
        with pytest.raises(RoleNeeded):
            refused()
    grant(service, session.user.id, Role.ADMIN)
    clock.advance(RECENT)

    with pytest.raises(PasswordNeeded):
        send_reset(service, session.user.id, open_session(service, token))


def test_a_copied_cookie_of_an_admin_uses_up_nobodys_links(
    service: AuthService, admin: Session, clock: Clock
) -> None:
    """TH-4: what is refused for the password is not counted against the user's email."""
    bob = service.sign_up("bob@example.com", PASSWORD)
    clock.advance(RECENT)
    for _ in range(MAIL_RECIPIENT.free):
        with pytest.raises(PasswordNeeded):
            send_reset(service, bob.id, admin)

    request_reset(service, bob.email, LAPTOP)
