"""Emails and names as people type them: validation and comparison."""

from typing import NamedTuple
from unicodedata import bidirectional, category, normalize

from email_validator import EmailNotValidError, validate_email

from auth.errors import InvalidDetails

EMAIL_MAX = 254  # characters: RFC 5321, 4.5.3.1.3, without the angle brackets
NAME_MAX = 100  # characters
TYPED_MAX = 1_000  # characters as typed: the time to normalize grows with the square of the length
# Control, surrogate, private-use and unassigned characters, and line ends.
INVISIBLE = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# Marks that change the direction of the text around them: UAX #9, 2.
DIRECTION_MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class Email(NamedTuple):
    """A valid email: `shown` is as typed, to display and send to; `key` is to compare (AC-4)."""

    shown: str
    key: str


class InvalidEmail(ValueError):
    """The text is not an email; the message is a sentence for the user."""


class InvalidName(ValueError):
    """The text is not a displayable name; the message is a sentence for the user."""


def read_email(text: str) -> Email:
    """Return *text* as an Email, or raise InvalidEmail.

    Normalized first and validated after, so that what is checked is what is stored
    (GHSA-7rqj-j65f-68wh). NFC only: NFKC would turn other letters into ASCII ones.
    """
    if len(text) > TYPED_MAX:
        raise InvalidEmail(f"Use an email address of at most {EMAIL_MAX} characters.")
    try:
        text = normalize("NFC", text.strip(" "))
        if not text:
            raise InvalidEmail("Enter your email.")
        text.encode()  # the validator lets a lone surrogate pass
        if len(text) > EMAIL_MAX:
            raise InvalidEmail(f"Use an email address of at most {EMAIL_MAX} characters.")
        valid = validate_email(text, check_deliverability=False, strict=True)  # RFC 5321's lengths
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail(
            "Enter a whole email address, with an @ and what comes after it."
        ) from None
    return Email(shown=valid.normalized, key=f"{_fold(valid.local_part)}@{valid.ascii_domain}")


def read_name(text: str) -> str:
    """Return *text* as a name, trimmed and in NFC, or raise InvalidName; it may be empty."""
    name = normalize("NFC", text.strip()) if len(text) <= TYPED_MAX else text
    if len(name) > NAME_MAX:
        raise InvalidName(f"Use a name of at most {NAME_MAX} characters.")
    if any(category(char) in INVISIBLE or bidirectional(char) in DIRECTION_MARKS for char in name):
        raise InvalidName("Use only letters, digits, spaces and punctuation in your name.")
    return name


def require(**typed: str) -> None:
    """Raise InvalidDetails with a sentence for each empty field of *typed*."""
    empty = [name for name, text in typed.items() if not text]
    if empty:
        raise InvalidDetails({name: [f"Enter your {name}."] for name in empty})


def _fold(local_part: str) -> str:
    """Return *local_part* case-folded, in a form that folding again does not change."""
    folded = normalize("NFC", normalize("NFD", local_part).casefold())
    return normalize("NFC", normalize("NFD", folded).casefold())
