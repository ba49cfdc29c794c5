"""Confirming an email takes both: reading it, and the account's password."""

from collections.abc import Callable
from dataclasses import replace

import bcrypt
import pytest
from sqlalchemy import select

from auth.administration import disable
from auth.client import Client
from auth.errors import LinkRefused, LogInRefused, PasswordNeeded, TooMany, WrongPassword
from auth.limits import LOG_IN_ACCOUNT
from auth.log_in import log_in_owner
from auth.service import AuthService
from auth.step_up import confirm_password
from db.engine import Database
from db.models import User
from features.email_change.rules import change_email
from features.email_verification.rules import confirm_email, look_at_confirmation
from features.password_reset.rules import is_reset_link, request_reset, reset_password
from tests.fixtures import LAPTOP, Letterbox, Person, open_session

WRONG = "not the password at all"
NEW = "marble otter quiet window"
OTHER = "ada@new.example.com"
CAFE = Client(ip="198.51.100.9", user_agent=LAPTOP.user_agent)
PHONE = replace(LAPTOP, ip="203.0.113.5")


@pytest.fixture
def link(ada: Person, letterbox: Letterbox) -> str:
    """The link that confirms the email of Ada's new account."""
    return letterbox.link(ada.email, "verify-email")


@pytest.fixture
def token(service: AuthService, ada: Person) -> str:
    """A session of Ada's in which she has just typed her password."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    return confirm_password(service, open_session(service, token), ada.password).token


@pytest.fixture
def change(service: AuthService, token: str, letterbox: Letterbox) -> str:
    """The link that confirms the new email of Ada's account."""
    change_email(service, open_session(service, token), OTHER)
    return letterbox.link(OTHER, "verify-email")


def is_verified(database: Database, user: Person) -> bool:
    """Return whether the account's email is confirmed."""
    with database.read() as connection:
        return connection.scalar(select(User.verified_at).where(User.id == user.id)) is not None


def test_a_click_alone_verifies_no_attacker_s_password(
    service: AuthService, ada: Person, link: str, database: Database
) -> None:
    """AC-2, RS-1: an attacker signed up with the owner's email and waits for the owner's click."""
    with pytest.raises(PasswordNeeded):
        confirm_email(service, link, CAFE)
    with pytest.raises(WrongPassword):
        confirm_email(service, link, CAFE, "")
    assert not is_verified(database, ada)

    assert confirm_email(service, link, CAFE, ada.password).email == ada.email
    assert is_verified(database, ada)


def test_the_owner_chooses_another_password_and_the_attacker_is_out(
    service: AuthService, ada: Person, link: str, token: str, database: Database
) -> None:
    """RS-5, SE-6: by the same link; the attacker's sessions and password are void."""
    reset_password(service, link, NEW, CAFE)

    assert is_verified(database, ada)
    assert service.resume(token) is None
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)
    assert service.log_in(ada.email, NEW, CAFE)
    with pytest.raises(LinkRefused):
        confirm_email(service, link, CAFE, NEW)


def test_one_click_is_enough_where_the_password_was_typed(
    service: AuthService, ada: Person, link: str, token: str, database: Database
) -> None:
    """RS-1: this account's session began with its password."""
    found = look_at_confirmation(service, link, service.session(token, trusted=True))
    assert found is not None
    assert (found.email, found.needs_password) == (ada.email, False)

    confirm_email(service, link, LAPTOP, session=service.session(token, trusted=True))

    assert is_verified(database, ada)
    assert service.resume(token)


@pytest.mark.parametrize("whose", ["another account", "an ended session", "no session"])
def test_any_other_session_is_not_enough(
    service: AuthService, ada: Person, link: str, token: str, whose: str
) -> None:
    """RS-1: it proves nothing about this account."""
    if whose == "another account":
        service.sign_up("bob@example.com", NEW)
        token = service.log_in("bob@example.com", NEW, LAPTOP).token
    elif whose == "an ended session":
        service.log_out(token)
    else:
        token = ""

    found = look_at_confirmation(service, link, service.session(token, trusted=True))
    assert found is not None
    assert found.needs_password
    with pytest.raises(PasswordNeeded):
        confirm_email(service, link, LAPTOP, session=service.session(token, trusted=True))


def test_the_reader_of_a_new_email_gets_no_account_by_it(
    service: AuthService, ada: Person, change: str, token: str
) -> None:
    """AC-2: Ada may have mistyped it, so that someone else reads the link."""
    found = look_at_confirmation(service, change)
    assert found is not None
    assert (found.email, found.needs_password, found.may_choose_password) == (OTHER, True, False)
    assert not is_reset_link(service, change)

    with pytest.raises(LinkRefused):
        reset_password(service, change, NEW, CAFE)
    with pytest.raises(PasswordNeeded):
        confirm_email(service, change, CAFE)
    with pytest.raises(WrongPassword):
        confirm_email(service, change, CAFE, WRONG)

    user = service.resume(token)
    assert user
    assert user.email == ada.email


def test_a_new_email_is_confirmed_on_another_device_by_the_password(
    service: AuthService, ada: Person, change: str, token: str
) -> None:
    """AC-2: people read their email on their phone."""
    assert confirm_email(service, change, PHONE, ada.password).email == OTHER

    assert service.resume(token)
    assert service.log_in(OTHER, ada.password, PHONE)


def test_wrong_passwords_count_like_those_of_a_log_in(
    service: AuthService, ada: Person, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TH-1, TH-6, BC-4: the same counter, one bcrypt each; the link stays valid for both uses."""
    runs: list[int] = []
    check = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        runs.append(1)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    for _ in range(LOG_IN_ACCOUNT.free):
        with pytest.raises(WrongPassword):
            confirm_email(service, link, CAFE, WRONG)
    assert len(runs) == LOG_IN_ACCOUNT.free

    verbs: tuple[Callable[[], object], ...] = (
        lambda: confirm_email(service, link, CAFE, ada.password),
        lambda: service.log_in(ada.email, ada.password, CAFE),
    )
    for verb in verbs:
        with pytest.raises(TooMany):
            verb()
    reset_password(service, link, NEW, CAFE)
    assert service.log_in(ada.email, NEW, CAFE)


def test_wrong_passwords_count_toward_the_hundred_and_a_right_one_forgives_them(
    service: AuthService, ada: Person, link: str, database: Database
) -> None:
    """TH-1: no matter where they were typed."""

    def failures() -> int | None:
        with database.read() as connection:
            return connection.scalar(select(User.failures).where(User.id == ada.id))

    with pytest.raises(WrongPassword):
        confirm_email(service, link, CAFE, WRONG)
    assert failures() == 1

    confirm_email(service, link, CAFE, ada.password)
    assert failures() == 0


def test_a_disabled_account_is_confirmed_by_nothing(
    service: AuthService, ada: Person, link: str
) -> None:
    """SE-6: its links are void."""
    disable(service, ada.id)

    assert look_at_confirmation(service, link) is None
    for use in (
        lambda: confirm_email(service, link, CAFE, ada.password),
        lambda: reset_password(service, link, NEW, CAFE),
    ):
        with pytest.raises(LinkRefused):
            use()


def test_a_password_that_was_shown_before_a_reset_opens_nothing_after_it(
    service: AuthService, ada: Person, letterbox: Letterbox
) -> None:
    """SE-6: the page confirms the email first, and logs in then."""
    link = letterbox.link(ada.email, "verify-email")
    confirmed = confirm_email(service, link, CAFE, ada.password)
    request_reset(service, ada.email, LAPTOP)
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)

    with pytest.raises(LogInRefused):
        log_in_owner(service, confirmed.id, CAFE, confirmed.auth_version)
    with pytest.raises(LogInRefused):
        log_in_owner(service, confirmed.id, CAFE)  # as after a sign-up
