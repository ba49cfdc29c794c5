"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail


def invitation(emails: Emails, to: str, token: str, inviter: str, note: str) -> Mail:
    """Return the email that lets its reader make an account; *inviter* may be empty."""
    said = [f"{inviter or 'The team'} writes: {note}"] if note else []
    return emails.compose(
        "invitation",
        to,
        f"Your invitation to {emails.app}",
        f"{inviter or 'The team'} invites you to {emails.app}. Your account will have this email: "
        f"{to}.",
        *said,
        button=("Accept the invitation", f"/accept-invitation?token={token}"),
        after="The link works once, within 7 days. If you don't know what this is about, ignore "
        "this email: without you, no account is made.",
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    note = "Here is where we keep the sales figures."
    return [invitation(emails, "ada@example.com", "a-sample-token", "Grace Hopper", note)]
