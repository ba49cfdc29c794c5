"""The sentences of this feature's pages; its emails are in emails.py."""

from auth.errors import AuthError


class PasskeyRefused(AuthError):
    """The one answer to a passkey that opens nothing, whatever the reason (EN-1)."""

    message = "This passkey didn't work. Try again, or use your password."


class CodeFirst(AuthError):
    """A passkey is added to an account with an app in a session that has just shown a code."""

    message = "To add a passkey, log out and log in again with your password and a code."


class LastWayIn(AuthError):
    """An account without a password keeps its last passkey."""

    message = "This is your only way to log in. Choose a password first, or add another passkey."


class PasskeyFirst(AuthError):
    """A password is removed in a session that a passkey has opened or confirmed."""

    message = "To remove your password, first log in with a passkey, so you know that it works."


class TooManyPasskeys(AuthError):
    """A user has as many passkeys as one account can have."""

    message = "You have as many passkeys as one account can have. Remove one first."


TITLE = "Passkeys"
WHAT = (
    "Log in with your fingerprint, face or screen lock instead of your password. A passkey works "
    "on this site alone, so no other site can ask for it."
)
NOT_HERE = "Browsers don't offer passkeys at this site's address."
NONE_YET = "You have no passkeys yet."
LOG_IN = "Log in with a passkey"
CONFIRM = "Use a passkey"
ADD = "Add a passkey"
STEP_UP = "To change your passkeys"
ADDED = "Your passkey is ready, and your other devices are logged out."
REMOVED = "The passkey is removed, and your other devices are logged out."
DO_WITHOUT = (
    "You can remove your password and log in with passkeys only. You can choose a password again "
    "at any time."
)
DO_WITHOUT_LATER = f"{DO_WITHOUT} {PasskeyFirst.message}"
REMOVE_PASSWORD = "Remove my password"  # noqa: S105
PASSWORD_REMOVED = "Your password is removed, and your other devices are logged out."  # noqa: S105
RENAMED = "The passkey has a new name."
OFFER = "Next time, log in with your fingerprint or screen lock."
# What the button itself says, in the page.
BUTTON_WORDS = {
    "cancelled": "Nothing was chosen. Try again.",
    "known": "This device already has a passkey for your account.",
    "failed": "Your browser could not use a passkey here.",
    "unable": "This browser can't use passkeys here.",
}
