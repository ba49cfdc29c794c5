"""Repeatable actions are counted before their expensive work, also if they are then refused."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import bcrypt
import pytest

from auth import limits, password_rules, passwords, users
from auth import service as service_module
from auth.client import Client
from auth.errors import AuthError, InvalidDetails, TooMany
from auth.limits import CHANGE_SESSION, FORM_NETWORK
from auth.service import AuthService
from auth.sign_up import sign_up_by_email
from auth.step_up import confirm_password
from features.account.rules import change_name, change_password
from features.email_change.rules import change_email, keep_email
from features.email_verification.rules import confirm_email
from features.password_reset.rules import request_reset, reset_password
from features.personal_data.rules import delete_account
from tests.fixtures import LAPTOP, Letterbox, Person, open_session

GOOD = "kumquat lantern orbit"
WEAK = "4@8({[<36911!|170$5+7%2" * 2  # the most expensive for zxcvbn: 736 readings
HUGE = "x" * 20_000_000
OTHER = Client(ip="198.51.100.9", user_agent=LAPTOP.user_agent)


class Page:
    """Ada's browser: signed in, with the newest links from her mailbox."""

    def __init__(self, service: AuthService, ada: Person, letterbox: Letterbox) -> None:
        self.service, self.ada = service, ada
        self.token = service.log_in(ada.email, ada.password, LAPTOP).token
        self.token = confirm_password(
            service, open_session(service, self.token), ada.password
        ).token
        self.verify = letterbox.link(ada.email, "verify-email")
        request_reset(service, ada.email, OTHER)
        self.reset = letterbox.link(ada.email, "reset-password")


Verb = Callable[[Page, str], object]
FORMS: dict[str, Verb] = {
    "log in, email": lambda page, text: page.service.log_in(text, GOOD, OTHER),
    "log in, password": lambda page, text: page.service.log_in(page.ada.email, text, OTHER),
    "sign up, email": lambda page, text: page.service.sign_up(text, GOOD, "Bob", OTHER),
    "sign up, password": lambda page, text: page.service.sign_up("b@b.org", text, "Bob", OTHER),
    "sign up, name": lambda page, text: page.service.sign_up("b@b.org", GOOD, text, OTHER),
    "sign up by mail": lambda page, text: sign_up_by_email(page.service, text, text, text, OTHER),
    "forgot password": lambda page, text: request_reset(page.service, text, OTHER),
    "reset, link": lambda page, text: reset_password(page.service, text, GOOD, OTHER),
    "reset, password": lambda page, text: reset_password(page.service, page.reset, text, OTHER),
    "confirm, link": lambda page, text: confirm_email(page.service, text, OTHER, GOOD),
    "confirm, password": lambda page, text: confirm_email(page.service, page.verify, OTHER, text),
    "keep email": lambda page, text: keep_email(page.service, text, OTHER),
    "change name": lambda page, text: change_name(
        page.service, open_session(page.service, page.token), text
    ),
    "change password": lambda page, text: change_password(
        page.service, open_session(page.service, page.token), text, text
    ),
    "change password, new": lambda page, text: change_password(
        page.service, open_session(page.service, page.token), page.ada.password, text
    ),
    "change email": lambda page, text: change_email(
        page.service, open_session(page.service, page.token), text
    ),
    "step-up": lambda page, text: confirm_password(
        page.service, open_session(page.service, page.token), text
    ),
    "delete account": lambda page, text: delete_account(
        page.service, open_session(page.service, page.token), text
    ),
}


@pytest.fixture
def page(service: AuthService, ada: Person, letterbox: Letterbox) -> Page:
    """Ada's browser."""
    return Page(service, ada, letterbox)


@pytest.fixture
def done(page: Page, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The work done from now on, in order: "count", or expensive work by its name."""
    order: list[str] = []

    def spy(module: Any, name: str, word: str) -> None:
        real = getattr(module, name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            order.append(word)
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, noted)

    spy(service_module, "take", "count")
    spy(password_rules, "_estimate", "zxcvbn")
    spy(bcrypt, "hashpw", "bcrypt")
    spy(bcrypt, "checkpw", "bcrypt")
    spy(users, "validate_email", "validate")
    for module in (users, passwords, password_rules):
        spy(module, "normalize", "normalize")
    return order


def first_of(done: list[str], *words: str) -> int:
    """Return the position of the first of *words*, or the end."""
    return min((done.index(word) for word in words if word in done), default=len(done))


@pytest.mark.parametrize("text", [WEAK, GOOD])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_counted_before_its_costly_work(
    page: Page, done: list[str], form: str, text: str
) -> None:
    """AV-1: zxcvbn and bcrypt run only after counting, whether the form is refused or not."""
    with suppress(AuthError):
        FORMS[form](page, text)

    assert "count" in done
    assert done.index("count") < first_of(done, "zxcvbn", "bcrypt")


@pytest.mark.parametrize("form", FORMS)
def test_twenty_megabytes_reach_nothing_costly(page: Page, done: list[str], form: str) -> None:
    """AV-2: length is checked first; a refused log-in still costs its one bcrypt (BC-4)."""
    with pytest.raises(AuthError) as refused:
        FORMS[form](page, HUGE)

    costly = [word for word in done if word in {"zxcvbn", "validate", "normalize"}]
    assert costly.count("zxcvbn") == 0
    assert costly.count("validate") <= 2
    assert done.count("bcrypt") <= 1
    assert HUGE[:100] not in str(refused.value) + repr(vars(refused.value))


def test_who_corrects_a_form_ten_times_is_not_blocked(service: AuthService) -> None:
    """AV-1: thirty people at one network may each do so within an hour."""
    for _ in range(10):
        with pytest.raises(InvalidDetails):
            service.sign_up("no email", "short", "Bob", OTHER)

    assert service.sign_up("bob@example.com", GOOD, "Bob", OTHER)
    assert FORM_NETWORK.free >= 300


@pytest.mark.parametrize("form", ["sign up, email", "sign up by mail", "forgot password"])
def test_refused_forms_come_to_an_end(
    page: Page, done: list[str], monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """AV-1: a flood of refused forms is itself refused, before any input is looked at."""
    monkeypatch.setattr(limits, "FORM_NETWORK", replace(FORM_NETWORK, free=5))
    for _ in range(5):
        with suppress(AuthError):
            FORMS[form](page, "no email")
    done.clear()

    with pytest.raises(TooMany):
        FORMS[form](page, "no email")

    assert done == ["count"]


def test_refused_changes_come_to_an_end_for_this_session_alone(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-1, TH-4: a thief's session uses up none of the owner's limits."""
    monkeypatch.setattr(limits, "CHANGE_SESSION", replace(CHANGE_SESSION, free=5))
    for _ in range(5):
        with pytest.raises(InvalidDetails):
            change_password(
                page.service, open_session(page.service, page.token), page.ada.password, "short"
            )

    with pytest.raises(TooMany):
        change_password(
            page.service, open_session(page.service, page.token), page.ada.password, GOOD
        )

    own = page.service.log_in(page.ada.email, page.ada.password, OTHER).token
    assert change_password(page.service, open_session(page.service, own), page.ada.password, GOOD)
