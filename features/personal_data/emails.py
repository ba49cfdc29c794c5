"""What this feature writes to users."""

from auth.emails import Emails
from auth.mail import Mail, Urgency


def deleted(emails: Emails, to: str) -> Mail:
    """Confirm that an account was deleted."""
    return emails.compose(
        "deleted",
        to,
        f"Your account at {emails.app} was deleted",
        f"Your account, {to}, and everything personal in it was deleted, as you asked.",
        urgency=Urgency.NOTICE,
    )


def samples(emails: Emails) -> list[Mail]:
    """Return one of each."""
    return [deleted(emails, "ada@example.com")]
