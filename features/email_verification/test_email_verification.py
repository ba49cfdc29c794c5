"""A new account's email is confirmed by a link together with the account's password."""

import pytest

from auth.errors import PasswordNeeded, WrongPassword
from auth.service import AuthService
from features.email_verification.rules import confirm_email, resend_link
from tests.fixtures import LAPTOP, Letterbox, Person, open_session


def test_the_link_alone_confirms_nothing(
    service: AuthService, ada: Person, letterbox: Letterbox
) -> None:
    """The account may be an attacker's who signed up with this email."""
    link = letterbox.link(ada.email, "verify-email")

    with pytest.raises(PasswordNeeded):
        confirm_email(service, link, LAPTOP)
    with pytest.raises(WrongPassword):
        confirm_email(service, link, LAPTOP, "not the password at all")

    assert confirm_email(service, link, LAPTOP, ada.password).email == ada.email


def test_a_signed_in_user_confirms_with_one_click(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """The session began with the password."""
    resend_link(service, open_session(service, token))
    link = letterbox.link(ada.email, "verify-email")

    confirm_email(service, link, LAPTOP, session=open_session(service, token))

    assert open_session(service, token).user.verified_at is not None
