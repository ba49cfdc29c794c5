"""Every way a verb may refuse, each with a sentence for the person who asked.

AuthError
├── InvalidDetails   what was typed cannot be used: the errors, field by field
├── EmailTaken       another account has this email
├── LogInRefused     the log-in failed; the reason stays on the server
├── WrongPassword    not the password of the signed-in account
├── TooMany          over a limit: how long to wait
├── PasswordUnusable too long to hash, or not text
├── LinkRefused      the link is used, expired, or not one of ours
├── TokenRefused     the token is forged, damaged or foreign
│   └── TokenExpired     it was one of ours
├── SessionOver      the session has ended
├── PasswordNeeded   the password has to be typed again first
└── Unavailable      the database did not answer
    └── Busy             too many passwords are waiting to be checked
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta


class AuthError(Exception):
    """A refusal. `message` is a sentence for the person who asked; never raised itself."""

    message = "That did not work. Try again."

    def __init__(self) -> None:
        super().__init__(self.message)


class InvalidDetails(AuthError):
    """What was typed cannot be used; `errors` has every broken rule as a sentence, by field.

    `strength` is that of a new password, 0 to 4, where it was looked at.
    """

    message = "Some details need to be corrected."

    def __init__(self, errors: Mapping[str, Sequence[str]], *, strength: int | None = None) -> None:
        super().__init__()
        self.errors = errors
        self.strength = strength


class EmailTaken(AuthError):
    """There is an account with this email already."""

    message = "There is already an account with this email. Log in instead."


class LogInRefused(AuthError):
    """The one answer to a wrong password, an unknown email and a disabled account (EN-1)."""

    message = "This email and password do not match an account. Check both and try again."


class WrongPassword(AuthError):
    """A signed-in user typed a password that is not theirs."""

    message = "This is not your password. Try again."


class TooMany(AuthError):
    """It was tried too often lately; `wait` is the time after which it may be tried again.

    `counted` is whether the refusal itself was counted, in its network's limits: those that were
    not may come in any number, so they must cost nothing.
    """

    def __init__(self, wait: timedelta, *, counted: bool = False) -> None:
        self.wait = wait
        self.counted = counted
        self.message = f"Too many attempts. Try again in {in_words(wait)}."
        super().__init__()


class PasswordUnusable(AuthError, ValueError):
    """The password is longer than any that is accepted, or has characters that are no text."""

    message = "This password can't be used. Choose a shorter one, of ordinary characters."


class LinkRefused(AuthError):
    """The link of an email is used, expired or not one of ours; which one stays on the server."""

    message = "This link no longer works. Ask for a new one."


class TokenRefused(AuthError):
    """The one answer to a forged, damaged, foreign or expired token (JWT-9)."""

    message = "Log in to continue."


class TokenExpired(TokenRefused):
    """An expired token of ours; it differs only in what the page says."""


class SessionOver(AuthError):
    """The session that asked has ended."""

    message = "Log in to continue."


class PasswordNeeded(AuthError):
    """What was asked needs the password again, typed just now."""

    message = "Enter your password to continue."


class Unavailable(AuthError):
    """The database did not answer; nothing was changed."""

    message = "We can't reach your account right now. Try again in a minute."


class Busy(Unavailable):
    """More passwords wait to be checked, here or for this network, than the server will keep."""

    message = "The server is busy right now. Try again in a minute."


def in_words(wait: timedelta) -> str:
    """Return *wait* for a person, rounded up: "30 seconds", "4 minutes", "2 hours"."""
    seconds = math.ceil(wait.total_seconds())
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = math.ceil(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"
