"""Everything that can go wrong, as a caller may tell a person.

AuthError
├── InvalidDetails   what was typed cannot be used: the faults, field by field
├── EmailTaken       there is an account with this address
├── LogInRefused     no: and why stays here
├── TokenRefused     this is not a token of ours, or not one for now
│   └── TokenExpired     it was one of ours
├── SessionOver      the session that asked has ended
├── PasswordNeeded   this needs the password again, typed just now
└── Unavailable      the database did not answer
"""

from collections.abc import Mapping, Sequence


class AuthError(Exception):
    """A refusal. `message` is a sentence for the person who asked; never raised itself."""

    message = "That did not work. Try again."

    def __init__(self) -> None:
        super().__init__(self.message)


class InvalidDetails(AuthError):
    """What was typed cannot be used; `faults` has every broken rule as a sentence, by field."""

    message = "Some details need another look."

    def __init__(self, faults: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self.faults = faults


class EmailTaken(AuthError):
    """There is an account with this address already."""

    message = "There is already an account with this email. Log in instead."


class LogInRefused(AuthError):
    """The one answer to a wrong password, an unknown address and a disabled account (EN-1)."""

    message = "This email and password do not match an account. Check both and try again."


class TokenRefused(AuthError):
    """The one answer to a forged, damaged, foreign or expired token (JWT-9)."""

    message = "Log in to go on."


class TokenExpired(TokenRefused):
    """A token of ours whose time is over: only what a page says of it differs."""


class SessionOver(AuthError):
    """The session that asked has ended."""

    message = "Log in to go on."


class PasswordNeeded(AuthError):
    """What was asked needs the password again, typed just now."""

    message = "Enter your password to go on."


class Unavailable(AuthError):
    """The database did not answer; nothing was changed."""

    message = "We cannot reach your account right now. Try again in a minute."
