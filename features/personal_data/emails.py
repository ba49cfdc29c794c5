"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail, Urgency


def deleted(emails: Emails, to: str) -> Mail:
    """Return the confirmation that an account was deleted."""
    return emails.compose(
        "deleted",
        to,
        f"Your account at {emails.app} was deleted",
        f"Your account, {to}, was deleted with all its personal data, as you asked.",
        urgency=Urgency.NOTICE,
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    return [deleted(emails, "ada@example.com")]
