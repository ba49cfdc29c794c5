"""The outbox in development: the emails that no server sends, on a page of their own.

Their links open accounts, so only a browser on this machine gets the page.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from web import connection, start
from web.tab import tab

SHOWN = 20  # the newest
LARGEST = 100_000  # bytes: the text comes first, and a logo last


@dataclass(frozen=True)
class OutboxEmail:
    """An email in the outbox, as the page shows it."""

    to: str
    subject: str
    at: datetime
    link: str


def is_open() -> bool:
    """Return whether this visitor may see the outbox: a developer, at the machine itself."""
    visit = tab().visit
    if visit is None or visit.auth.settings.production or visit.auth.settings.mail_server:
        return False
    return connection.is_local()


def latest() -> list[OutboxEmail]:
    """Return the newest emails, the newest first; what cannot be read is left out."""
    files = sorted(start.OUTBOX.glob("*.eml"), reverse=True)[:SHOWN]
    return [kept for file in files if (kept := _read(file))]


def _read(file: Path) -> OutboxEmail | None:
    try:
        data = file.read_bytes()[:LARGEST]
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None
    mail = message_from_bytes(data, policy=policy.default)
    text = mail.get_body(("plain",))
    found = re.search(r"https?://\S+", text.get_content()) if text else None
    return OutboxEmail(str(mail["To"]), str(mail["Subject"]), at, found[0] if found else "")
