"""A mail server on loopback that keeps the app's emails for a test to read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from threading import Condition
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
DELIVERY = 10.0  # seconds an email may take on a busy machine; usually a tenth of one
LATER = "451 Try again later"
LINK = re.compile(r"https?://[^\s\"<]+")


class Mailbox:
    """The received emails, oldest first; also a handler for aiosmtpd."""

    def __init__(self, url: str = "", refusals: int = 0, refusal: str = LATER) -> None:
        self.url = url
        self.refusals = refusals  # how many mails are yet to be sent away, with these words
        self.refusal = refusal
        self.starttls: list[bool] = []  # for each mail, whether it came after that command
        self.mails: list[EmailMessage] = []
        self._news = Condition()

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a received email, or refuse it; the name is aiosmtpd's."""
        if self.refusals:
            self.refusals -= 1
            return self.refusal
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, _class=EmailMessage, policy=policy.SMTPUTF8)
        assert [str(mail["To"])] == envelope.rcpt_tos
        with self._news:
            self.mails.append(mail)
            self.starttls.append(session.ssl is not None)
            self._news.notify_all()
        return "250 OK"

    def subjects(self, to: str) -> list[str]:
        """Return the subjects of all emails to *to* so far."""
        return [str(mail["Subject"]) for mail in self.mails if mail["To"] == to]

    def mail(self, to: str, subject: str, number: int = 1) -> EmailMessage:
        """Wait for email *number* to *to* with *subject* in its subject line, and return it."""

        def found() -> list[EmailMessage]:
            return [m for m in self.mails if m["To"] == to and subject in m["Subject"]]

        with self._news:
            came = self._news.wait_for(lambda: len(found()) >= number, DELIVERY)
        assert came, f"no mail {number} to {to} about {subject!r}, but {self.subjects(to)}"
        return found()[number - 1]

    def link(self, to: str, subject: str, number: int = 1) -> str:
        """Return the one link of that email: the same in its text and twice in its HTML."""
        mail = self.mail(to, subject, number)
        text, html = (LINK.findall(body(mail, kind)) for kind in ("plain", "html"))
        assert len(text) == 1, f"{text} in the mail about {subject!r}"
        assert set(map(unescape, html)) == set(text)
        return str(text[0])


def body(mail: EmailMessage, kind: str) -> str:
    """Return the body of *mail* as "plain" or as "html"."""
    part = mail.get_body((kind,))
    assert part is not None, f"no {kind} part"
    return str(part.get_content())


@contextmanager
def mail_server(
    port: int, refusals: int = 0, refusal: str = LATER, **options: Any
) -> Iterator[Mailbox]:
    """Run a mail server on a loopback *port* with aiosmtpd's *options*, and yield its mailbox.

    It refuses the first *refusals* emails, as a busy server does.
    """
    mailbox = Mailbox(f"smtp://{HOST}:{port}", refusals, refusal)
    controller = Controller(mailbox, hostname=HOST, port=port, **options)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()
