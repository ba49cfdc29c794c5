"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail, Urgency
from features.password_reset.emails import reset_path


def verify_path(token: str) -> str:
    """Return the path of the page where *token* confirms an email."""
    return f"/verify-email?token={token}"


def verify(emails: Emails, to: str, token: str) -> Mail:
    """Return the email that asks the owner of *to* to confirm a new account."""
    return emails.compose(
        "verify",
        to,
        f"Confirm your email for {emails.app}",
        f"Someone, probably you, signed up for {emails.app} as {to}.",
        "To confirm that this is your email, follow the link and enter the password you signed "
        "up with. You can also choose a new one there.",
        button=("Confirm my email", verify_path(token)),
        after="The link works once, within 24 hours. If you didn't sign up, ignore this email.",
    )


def taken(emails: Emails, to: str) -> Mail:
    """Return the notice that someone tried to use the owner's email for another account."""
    return emails.compose(
        "taken",
        to,
        f"You already have an account at {emails.app}",
        f"Someone, probably you, tried to use {to} for a new account.",
        "You already have an account with it: log in, or choose a new password if you have "
        "forgotten yours.",
        button=("Log in", "/log-in"),
        after="If it wasn't you, ignore this email. Nothing has changed.",
        urgency=Urgency.NOTICE,
    )


def finish(emails: Emails, to: str, token: str) -> Mail:
    """Return the email that lets the owner of *to* choose an unconfirmed account's password."""
    return emails.compose(
        "finish",
        to,
        f"Finish signing up for {emails.app}",
        f"Someone, probably you, signed up again as {to}.",
        "To finish, choose the password of your account.",
        button=("Choose my password", reset_path(token)),
        after="The link works once, within 1 hour. If it wasn't you, ignore this email.",
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    to, token = "ada@example.com", "a-sample-token"
    return [verify(emails, to, token), taken(emails, to), finish(emails, to, token)]
