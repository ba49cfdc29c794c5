"""A user's own sessions: listed, and ended after the password was typed again."""

from datetime import timedelta

import pytest

from auth.errors import PasswordNeeded
from auth.service import AuthService
from auth.step_up import RECENT, confirm_password
from features.devices.rules import list_sessions, revoke_other_sessions, revoke_session
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156.0.0.0 Safari/537.36"


def test_one_session_is_ended_and_the_others_stay(
    service: AuthService, ada: Person, token: str
) -> None:
    """SE-7: which browser, and the way to end it."""
    other = service.log_in(ada.email, ada.password, LAPTOP).token
    this = open_session(service, token)
    assert len(list_sessions(service, this)) == 2

    revoke_session(service, this, open_session(service, other).id)

    assert service.resume(other) is None
    assert service.resume(token) is not None


def test_ending_sessions_needs_a_password_typed_lately(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """ASVS 7.5.2: a stolen cookie must not log the owner out everywhere."""
    clock.advance(RECENT)
    with pytest.raises(PasswordNeeded):
        revoke_other_sessions(service, open_session(service, token))

    login = confirm_password(service, open_session(service, token), ada.password)
    revoke_other_sessions(service, open_session(service, login.token))

    assert service.resume(login.token) is not None


def test_a_log_in_from_a_new_browser_is_reported(
    service: AuthService, ada: Person, token: str, clock: Clock, letterbox: Letterbox
) -> None:
    """AC-3: with the way to end it."""
    clock.advance(timedelta(minutes=1))

    service.log_in(ada.email, ada.password, type(LAPTOP)(LAPTOP.ip, WINDOWS))

    mail = letterbox.to(ada.email)[-1]
    assert "Chrome on Windows" in mail.text
    assert "/devices" in mail.text
