"""Input that is cheap to send must be cheap to refuse: no message may block other visitors."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import bcrypt
import pytest
import zxcvbn

from auth import password_rules, passwords, users
from auth.errors import AuthError
from auth.hand_off import exchange_ticket
from auth.service import AuthService
from auth.step_up import confirm_password
from features.account.rules import change_name, change_password
from features.email_change.rules import change_email
from features.email_verification.rules import confirm_email
from features.password_reset.rules import request_reset, reset_password
from features.personal_data.rules import delete_account
from tests.fixtures import LAPTOP, Person, open_session

MOST = 1_024  # characters or bytes: passwords.MAX_BYTES, and no email or name may be longer
# Words for zxcvbn, and marks in the wrong order: normalising takes the square of their number.
HUGE = "a\u0301\u0323 word " * 250_000
NAMED = "correct horse battery staple"
Verb = Callable[[AuthService, Person, str], object]


def signed_in(service: AuthService, ada: Person) -> str:
    """Return the token of a session whose password was typed just now."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    with suppress(AuthError):
        confirm_password(service, open_session(service, token), ada.password)
    return token


# Every verb that a form leads to, with each field that a visitor fills in.
VERBS: dict[str, Verb] = {
    "log in: email": lambda s, ada, text: s.log_in(text, ada.password, LAPTOP),
    "log in: password": lambda s, ada, text: s.log_in(ada.email, text, LAPTOP),
    "sign up: email": lambda s, ada, text: s.sign_up(text, NAMED, "Eve", LAPTOP),
    "sign up: password": lambda s, ada, text: s.sign_up("eve@example.com", text, "Eve", LAPTOP),
    "sign up: name": lambda s, ada, text: s.sign_up("eve@example.com", NAMED, text, LAPTOP),
    "strength: password": lambda s, ada, text: password_rules.strength(text),
    "strength: context": lambda s, ada, text: password_rules.strength(NAMED, [text]),
    "forgot password": lambda s, ada, text: request_reset(s, text, LAPTOP),
    "reset: link": lambda s, ada, text: reset_password(s, text, NAMED, LAPTOP),
    "confirm: link": lambda s, ada, text: confirm_email(s, text, LAPTOP),
    "name": lambda s, ada, text: change_name(s, open_session(s, signed_in(s, ada)), text),
    "email": lambda s, ada, text: change_email(s, open_session(s, signed_in(s, ada)), text),
    "password: current": lambda s, ada, text: change_password(
        s, open_session(s, signed_in(s, ada)), text, NAMED
    ),
    "password: new": lambda s, ada, text: change_password(
        s, open_session(s, signed_in(s, ada)), ada.password, text
    ),
    "password again": lambda s, ada, text: confirm_password(
        s, open_session(s, signed_in(s, ada)), text
    ),
    "delete": lambda s, ada, text: delete_account(s, open_session(s, signed_in(s, ada)), text),
    "cookie": lambda s, ada, text: s.resume(text),
    "ticket": lambda s, ada, text: exchange_ticket(s, text, "browser"),
}


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return the most that each costly function was given, in characters, by its name."""
    most: dict[str, int] = {}

    def size(value: Any) -> int:
        if isinstance(value, str | bytes):
            return len(value)
        return sum(map(size, value)) if isinstance(value, list | tuple) else 0

    def watch(module: Any, name: str) -> None:
        real = getattr(module, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            given = size([*args, *kwargs.values()])
            most[name] = max(most.get(name, 0), given)
            if given > 10 * MOST:
                raise AssertionError(f"{name} was given {given:,} characters")
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, watched)

    for module in (users, passwords, password_rules):
        watch(module, "normalize")
    watch(users, "validate_email")
    watch(password_rules, "_words")
    watch(zxcvbn, "zxcvbn")
    watch(bcrypt, "hashpw")
    watch(bcrypt, "checkpw")
    return most


@pytest.mark.parametrize("verb", VERBS)
def test_no_costly_function_sees_a_text_whose_length_was_not_checked(
    service: AuthService, ada: Person, sizes: dict[str, int], verb: str
) -> None:
    """AV-2, PW-2: normalising, zxcvbn, email parsing and bcrypt work on short texts only."""
    with suppress(AuthError):
        VERBS[verb](service, ada, HUGE)

    assert {name: most for name, most in sizes.items() if most > 4 * MOST} == {}


def test_the_costly_functions_are_those_that_are_watched(
    service: AuthService, sizes: dict[str, int]
) -> None:
    """AV-2: a good form reaches every one of them, so that the test above can fail."""
    service.sign_up("grace@example.com", "nanosecond of copper wire", "Grace Hopper", LAPTOP)
    service.log_in("grace@example.com", "nanosecond of copper wire", LAPTOP)

    assert sizes.keys() == {
        *("normalize", "validate_email", "_words", "zxcvbn", "hashpw", "checkpw"),
    }
