"""The outbox, used without a mail server: emails go to a folder, links to the terminal."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from auth.mail import Mail, MailFailed
from auth.smtp import message
from settings import Sender


class Outbox:
    """A folder of files that email programs can open; nothing leaves this machine."""

    def __init__(self, folder: Path, sender: Sender, *, show_links: bool) -> None:
        self._folder = folder
        self._sender = sender
        self._show_links = show_links

    def send(self, mail: Mail) -> None:
        """Write *mail* to a file that only its owner can read; raises MailFailed."""
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}.eml"
        path = self._folder / name
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(message(mail, self._sender).as_bytes())
        except OSError as cause:
            raise MailFailed(type(cause).__name__) from None
        if self._show_links:
            link = f": {mail.link}" if mail.link else ""
            print(f"Mail for {mail.to!r}: {mail.subject!r}{link}", flush=True)  # noqa: T201
