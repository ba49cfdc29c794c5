"""The ways a verb can refuse, each with a message for the user.

AuthError
├── InvalidDetails   invalid input, with the errors by field
├── EmailTaken       another account has this email
├── SignUpClosed     accounts are made by invitation, or not at all
├── LogInRefused     the log-in failed; the reason stays on the server
├── StepNeeded       the password was correct, and a stage asks for more
├── StepOver         that step can no longer be passed: too late, or the account has changed
├── WrongPassword    not the password of the signed-in account
├── TooMany          over a limit, with the time to wait
├── PasswordUnusable too long to hash, or not text
├── LinkRefused      the link is used, expired, or was never issued
├── TokenRefused     the token is forged, damaged or foreign
│   └── TokenExpired     the token was genuine
├── SessionOver      the session has ended
├── PasswordNeeded   the password, or a passkey, must be given again first
├── RoleNeeded       the user's roles don't allow it
├── LastAdmin        the app would be left without an admin
├── NoSuchUser       the account was deleted meanwhile
└── Unavailable      the database did not answer
    └── Busy             too many passwords are waiting to be checked
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta


class AuthError(Exception):
    """Base class of all refusals, never raised itself; `message` is a sentence for the user."""

    message = "That did not work. Try again."

    def __init__(self) -> None:
        super().__init__(self.message)


class InvalidDetails(AuthError):
    """The input is invalid; `errors` has a sentence for every broken rule, by field."""

    message = "Some details need to be corrected."

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.errors = errors


class EmailTaken(AuthError):
    """An account with this email already exists."""

    message = "There is already an account with this email. Log in instead."


class SignUpClosed(AuthError):
    """The settings let no visitor make an account, or only those with an invitation."""

    message = "New accounts can't be made here."


class LogInRefused(AuthError):
    """The one answer to a wrong password, an unknown email and a disabled account (EN-1)."""

    message = "This email and password do not match an account. Check both and try again."


class StepNeeded(AuthError):
    """The password was correct and a stage asks for more.

    A stage raises it bare; `log_in` adds the *token* of the challenge, with which to continue.
    """

    message = "One more step is needed to log in."

    def __init__(self, token: str = "") -> None:
        super().__init__()
        self.token = token


class StepOver(AuthError):
    """A challenge can't be passed: it is used, expired, void, or belongs to another browser."""

    message = "This took too long, or was done elsewhere. Log in again."


class WrongPassword(AuthError):
    """A signed-in user typed a wrong password."""

    message = "This is not your password. Try again."


class TooMany(AuthError):
    """Too many recent attempts; `wait` is the time until the next one is allowed.

    `counted` is whether the refusal itself was counted toward the network's limits. Refusals that
    weren't counted are unlimited in number, so they must cost nothing.
    """

    def __init__(self, wait: timedelta, *, counted: bool = False) -> None:
        self.wait = wait
        self.counted = counted
        self.message = f"Too many attempts. Try again in {wait_in_words(wait)}."
        super().__init__()


class PasswordUnusable(AuthError, ValueError):
    """The password is too long, or contains characters that can't be encoded."""

    message = "This password can't be used. Choose a shorter one with ordinary characters."


class LinkRefused(AuthError):
    """An emailed link is used, expired or was never issued; the reason stays on the server."""

    message = "This link no longer works. Ask for a new one."


class TokenRefused(AuthError):
    """The one answer to a forged, damaged, foreign or expired token (JWT-9)."""

    message = "Log in to continue."


class TokenExpired(TokenRefused):
    """A genuine token has expired; only the page's wording differs."""


class SessionOver(AuthError):
    """The session that asked has ended."""

    message = "Log in to continue."


class PasswordNeeded(AuthError):
    """The action requires a recent step-up, by password or passkey."""

    message = "Enter your password to continue."


class RoleNeeded(AuthError):
    """The action requires a role that the user doesn't have."""

    message = "Your account isn't allowed to do this."


class LastAdmin(AuthError):
    """The app would be left without an active admin."""

    message = "This is the only admin. Make another user an admin first."


class NoSuchUser(AuthError):
    """The account doesn't exist: it may have been deleted meanwhile."""

    message = "This account no longer exists."


class Unavailable(AuthError):
    """The database did not answer; nothing was changed."""

    message = "We can't reach your account right now. Try again in a minute."


class Busy(Unavailable):
    """Too many passwords are waiting to be checked, on this server or for this network."""

    message = "The server is busy right now. Try again in a minute."


def wait_in_words(wait: timedelta) -> str:
    """Return *wait* as text, rounded up: "30 seconds", "4 minutes", "2 hours"."""
    seconds = math.ceil(wait.total_seconds())
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = math.ceil(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"
