"""Changes of the user's own name and password."""

import pytest
from sqlalchemy import func, select

from auth.errors import InvalidDetails, WrongPassword
from auth.service import AuthService
from db.models import AuditEvent
from features.account.rules import change_name, change_password
from tests.fixtures import LAPTOP, Letterbox, Person, open_session

NEW = "kumquat lantern orbit seven"


def test_a_changed_name_is_the_one_of_the_next_run(service: AuthService, token: str) -> None:
    """The guard reads the user from the database on every run."""
    change_name(service, open_session(service, token), "Countess of Lovelace")

    assert open_session(service, token).user.name == "Countess of Lovelace"


def test_a_name_that_would_turn_the_text_around_it_is_refused(
    service: AuthService, token: str
) -> None:
    """AC-5: the error belongs to the field."""
    with pytest.raises(InvalidDetails) as refused:
        change_name(service, open_session(service, token), "Ada\u202e")

    assert list(refused.value.errors) == ["name"]


def test_a_changed_password_ends_the_other_sessions_and_tells_the_owner(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AC-1, AC-3: this session continues under a new token."""
    other = service.log_in(ada.email, ada.password, LAPTOP).token

    login = change_password(service, open_session(service, token), ada.password, NEW)

    assert service.resume(login.token) is not None
    assert service.resume(other) is None
    assert service.log_in(ada.email, NEW, LAPTOP)
    assert "was changed" in letterbox.to(ada.email)[-1].subject


def test_without_the_current_password_nothing_changes(
    service: AuthService, ada: Person, token: str
) -> None:
    """AC-1: a stolen cookie is not enough."""
    with pytest.raises(WrongPassword):
        change_password(service, open_session(service, token), "not the password at all", NEW)

    assert service.log_in(ada.email, ada.password, LAPTOP)


def test_the_password_one_has_is_no_new_one(service: AuthService, ada: Person, token: str) -> None:
    """Otherwise nothing would change, yet every other device would be logged out."""
    other = service.log_in(ada.email, ada.password, LAPTOP).token

    with pytest.raises(InvalidDetails) as refused:
        change_password(service, open_session(service, token), ada.password, ada.password)

    assert list(refused.value.errors) == ["password"]
    assert service.resume(other) is not None


def test_the_same_name_again_changes_nothing(service: AuthService, token: str) -> None:
    """No row is written, and no event: its user is told."""
    session = open_session(service, token)
    with service.read() as connection:
        before = connection.scalar(select(func.count()).select_from(AuditEvent))

    assert change_name(service, session, f" {session.user.name} ") is False

    with service.read() as connection:
        assert connection.scalar(select(func.count()).select_from(AuditEvent)) == before
