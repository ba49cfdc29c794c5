"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail


def reset_path(token: str) -> str:
    """Return the path of the page where *token* allows choosing a password."""
    return f"/reset-password?token={token}"


def reset(emails: Emails, to: str, token: str) -> Mail:
    """Return the email with the link to choose a new password."""
    return emails.compose(
        "reset",
        to,
        f"Choose a new password for {emails.app}",
        f"Someone, probably you, asked for a new password for your account, {to}.",
        button=("Choose a new password", reset_path(token)),
        after="The link works once, within 1 hour. If it wasn't you, ignore this email: "
        "your password stays as it is.",
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    return [reset(emails, "ada@example.com", "a-sample-token")]
