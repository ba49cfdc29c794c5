"""The outbox, while no server is set: mails land in a folder, and for a developer on the screen."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from auth.mail import Mail
from auth.smtp import message
from settings import Sender


class Outbox:
    """A folder that mail programs can open; nothing leaves this machine."""

    def __init__(self, folder: Path, sender: Sender, *, tell: bool) -> None:
        self._folder = folder
        self._sender = sender
        self._tell = tell

    def send(self, mail: Mail) -> None:
        """Write *mail* as a file for its owner's eyes, and print it in short if it is to *tell*."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}.eml"
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_bytes(message(mail, self._sender).as_bytes())
        if self._tell:
            link = f": {mail.link}" if mail.link else ""
            print(f"Mail for {mail.to!r}: {mail.subject!r}{link}", flush=True)  # noqa: T201
