"""Input that is cheap to send must be cheap to refuse: one message must not stop everybody else."""

import unicodedata
from collections.abc import Callable
from contextlib import suppress

import pytest

from auth import addresses, names, password_rules, passwords
from auth.errors import AuthError
from auth.service import AuthService
from tests.conftest import LAPTOP, Person

# Marks that stand in the wrong order: normalising them takes the square of their number.
MARKS = "a" + "\u0301\u0323" * 500_000
FORMS: dict[str, Callable[[AuthService, Person], object]] = {
    "log in, email": lambda service, ada: service.log_in(MARKS, ada.password, LAPTOP),
    "log in, password": lambda service, ada: service.log_in(ada.email, MARKS, LAPTOP),
    "sign up": lambda service, ada: service.sign_up(MARKS, MARKS, MARKS),
    "forgot password": lambda service, ada: service.forgot_password(MARKS, LAPTOP),
    "strength": lambda service, ada: password_rules.strength(MARKS),
}


@pytest.mark.parametrize("form", FORMS)
def test_no_text_is_normalised_before_its_length_was_looked_at(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """PW-8, BC-9: a megabyte of marks would keep Python busy for minutes, whoever sent it."""
    lengths = [0]

    def normalize(kind: str, text: str) -> str:
        lengths.append(len(text))
        return unicodedata.normalize(kind, text[:100])  # type: ignore[arg-type]

    for module in (addresses, names, passwords, password_rules):
        monkeypatch.setattr(module, "normalize", normalize)

    with suppress(AuthError):
        FORMS[form](service, ada)

    assert max(lengths) <= 1_024
