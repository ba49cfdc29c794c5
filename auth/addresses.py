"""E-mail addresses: which are valid, how they are kept, and when two are the same."""

from typing import NamedTuple
from unicodedata import normalize

from email_validator import EmailNotValidError, validate_email

LONGEST = 1_000  # as typed: normalising takes time that grows with the square of the length
MAX_LENGTH = 254  # characters: RFC 5321, 4.5.3.1.3 less the angle brackets


class Address(NamedTuple):
    """A valid address: `shown` as typed, for people and mail; `key` for comparing (AC-4)."""

    shown: str
    key: str


class InvalidAddress(ValueError):
    """The text is no e-mail address; the reason is a sentence for the person who typed it."""


def read_address(text: str) -> Address:
    """Return *text* as an Address, or raise InvalidAddress.

    Normalised first and validated after, so that what is checked is what is kept
    (GHSA-7rqj-j65f-68wh). NFC only: NFKC would turn other people's letters into ours.
    """
    if len(text) > LONGEST:
        raise InvalidAddress(f"Use an email address of at most {MAX_LENGTH} characters.")
    try:
        text = normalize("NFC", text.strip(" "))
        text.encode()  # a lone surrogate passes for a letter elsewhere
        if len(text) > MAX_LENGTH:
            raise InvalidAddress(f"Use an email address of at most {MAX_LENGTH} characters.")
        valid = validate_email(text, check_deliverability=False, strict=True)  # RFC 5321's lengths
    except (EmailNotValidError, UnicodeError):
        raise InvalidAddress(
            "Enter a whole email address, with an @ and what comes after it."
        ) from None
    return Address(shown=valid.normalized, key=f"{_fold(valid.local_part)}@{valid.ascii_domain}")


def _fold(local_part: str) -> str:
    """Return *local_part* without case, in a form that folding again does not change."""
    folded = normalize("NFC", normalize("NFD", local_part).casefold())
    return normalize("NFC", normalize("NFD", folded).casefold())
