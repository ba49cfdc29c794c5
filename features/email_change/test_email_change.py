"""A new email takes effect once its owner confirms it, and the old email's owner can object."""

import pytest

from auth.errors import LogInRefused
from auth.service import AuthService
from features.email_change.rules import change_email, keep_email, pending_email
from features.email_verification.rules import confirm_email
from tests.fixtures import LAPTOP, Letterbox, Person, open_session

NEW = "ada@new.example.com"


def test_the_new_email_counts_once_it_is_confirmed(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AC-2: until then the account keeps the old one."""
    change_email(service, open_session(service, token), NEW)
    link = letterbox.link(NEW, "verify-email")
    assert pending_email(service, open_session(service, token)) == NEW
    assert open_session(service, token).user.email == ada.email

    confirm_email(service, link, LAPTOP, session=open_session(service, token))

    assert open_session(service, token).user.email == NEW


def test_the_old_owner_keeps_the_email_and_throws_everyone_out(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AC-3: an attacker asked from within the account, so its password no longer works."""
    change_email(service, open_session(service, token), NEW)

    keep_email(service, letterbox.link(ada.email, "keep-email"), LAPTOP)

    assert service.resume(token) is None
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)
    assert letterbox.link(ada.email, "reset-password")
