"""A forgotten password: a single-use link by email, and the same answer for every email."""

import pytest

from auth.errors import LinkRefused
from auth.service import AuthService
from features.password_reset.rules import is_reset_link, request_reset, reset_password
from tests.fixtures import LAPTOP, Letterbox, Person

NEW = "kumquat lantern orbit seven"


def test_the_link_sets_a_new_password_once_and_ends_every_session(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """RS-2, RS-5: and it does not log in."""
    request_reset(service, ada.email, LAPTOP)
    link = letterbox.link(ada.email, "reset-password")
    assert is_reset_link(service, link)

    reset_password(service, link, NEW, LAPTOP)

    assert service.resume(token) is None
    assert service.log_in(ada.email, NEW, LAPTOP)
    with pytest.raises(LinkRefused):
        reset_password(service, link, "another password of mine", LAPTOP)


def test_an_email_without_an_account_gets_no_email_and_the_same_answer(
    service: AuthService, letterbox: Letterbox
) -> None:
    """EN-2: the visitor cannot tell the difference."""
    request_reset(service, "grace@example.com", LAPTOP)

    assert letterbox.to("grace@example.com") == []
