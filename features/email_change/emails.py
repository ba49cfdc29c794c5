"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail, Urgency
from features.email_verification.emails import verify_path


def change(emails: Emails, to: str, token: str) -> Mail:
    """Return the email that asks the owner of *to* to confirm it as an account's new email."""
    return emails.compose(
        "change",
        to,
        f"Confirm your new email for {emails.app}",
        f"Someone, probably you, wants to use {to} for their account.",
        "To confirm it, follow the link. If you aren't logged in there, enter your password.",
        button=("Confirm my new email", verify_path(token)),
        after="The link works once, within 24 hours. Until then your account keeps its old "
        "email. If it wasn't you, ignore this email.",
    )


def changing(emails: Emails, to: str, new: str, token: str) -> Mail:
    """Return the notice to the old email, with a link to object."""
    return emails.compose(
        "changing",
        to,
        f"Your email for {emails.app} is about to change",
        f"Someone, probably you, asked to change the email of your account from {to} to {new}.",
        "If it was you, there is nothing to do. If not, follow this link within 24 hours: your "
        "account keeps this email, every device is logged out, and you choose a new password.",
        button=("Keep my old email", f"/keep-email?token={token}"),
        urgency=Urgency.ALARM,
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    to, token = "ada@example.com", "a-sample-token"
    return [change(emails, to, token), changing(emails, to, "ada@new.example.com", token)]
