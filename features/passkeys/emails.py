"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail, Urgency

NOT_YOU = (
    "If it wasn't you, remove unknown passkeys, end your other sessions and choose a new password."
)


def added(emails: Emails, to: str, name: str) -> Mail:
    """Return the notice that a passkey was added."""
    subject = f"A passkey was added at {emails.app}"
    text = f'The passkey "{name}" can now log in to your account, {to}.'
    return _notice(emails, "passkey_added", to, subject, text)


def removed(emails: Emails, to: str, name: str) -> Mail:
    """Return the notice that a passkey was removed."""
    subject = f"A passkey was removed at {emails.app}"
    text = f'The passkey "{name}" can no longer log in to your account, {to}.'
    return _notice(emails, "passkey_removed", to, subject, text)


def all_removed(emails: Emails, to: str) -> Mail:
    """Return the notice that every passkey was removed, as one of them may be an attacker's."""
    subject = f"Your passkeys were removed at {emails.app}"
    text = f"No passkey can log in to your account, {to}, any longer. You can add yours again."
    return _notice(emails, "passkeys_removed", to, subject, text)


def password_removed(emails: Emails, to: str) -> Mail:
    """Return the notice that the password was removed."""
    subject = f"Your password was removed at {emails.app}"
    text = f"Your account, {to}, no longer has a password. Only its passkeys can log in."
    return _notice(emails, "password_removed", to, subject, text)


def cloned(emails: Emails, to: str, name: str) -> Mail:
    """Return the notice that a copy of a passkey was refused."""
    subject = f"A passkey may have been copied at {emails.app}"
    text = (
        f'The passkey "{name}" of your account, {to}, reported a lower usage count than before, '
        "which suggests that it was copied. We refused it. Remove it and add a new one."
    )
    return _notice(emails, "passkey_cloned", to, subject, text)


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    to, name = "ada@example.com", "Firefox on Linux"
    of_one = [added(emails, to, name), removed(emails, to, name), cloned(emails, to, name)]
    return [*of_one, all_removed(emails, to), password_removed(emails, to)]


def _notice(emails: Emails, kind: str, to: str, subject: str, text: str) -> Mail:
    button = ("See your passkeys", "/passkeys")
    return emails.compose(
        kind, to, subject, text, button=button, after=NOT_YOU, urgency=Urgency.ALARM
    )
