"""The emails of this feature."""

from auth.emails import Emails
from auth.mail import Mail, Urgency


def new_device(emails: Emails, to: str, device: str, ip: str) -> Mail:
    """Return the notice of a log-in from a new browser."""
    where = f" from {ip}" if ip else ""
    return emails.compose(
        "new_device",
        to,
        f"New log-in at {emails.app}",
        f"Someone, probably you, logged in as {to} with {device}{where}.",
        button=("See your devices", "/devices"),
        after="If it wasn't you, log that device out there and choose a new password.",
        urgency=Urgency.NOTICE,
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    return [new_device(emails, "ada@example.com", "Firefox on Linux", "192.0.2.7")]
