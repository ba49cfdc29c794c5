"""Mail by SMTP: encrypted on the way, or not sent."""

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from ipaddress import ip_address

from auth.mail import Mail, MailFailed, MailRefused
from settings import MailServer, Sender

TIMEOUT = 10.0  # seconds for each answer of the server
PERMANENT = 500  # replies from here on


class Smtp:
    """A connection to *server*: it begins plain and turns to TLS, or is TLS at once.

    Only a server on this machine may go without: a name and a password, and the links that open
    accounts, never travel in the clear.
    """

    def __init__(
        self, server: MailServer, sender: Sender, context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._context = context or ssl.create_default_context()

    def send(self, mail: Mail) -> None:
        """Hand *mail* over; an answer takes ten seconds at most.

        Raises MailRefused for what the server says will never work (a 5yz reply: RFC 5321, 4.2.1),
        and MailFailed for what may work later.
        """
        try:
            with self._connect() as server:
                if self._server.user:
                    server.login(self._server.user, self._server.password)
                server.send_message(message(mail, self._sender))
        except (OSError, smtplib.SMTPException) as fault:
            kind = MailRefused if _reply(fault) >= PERMANENT else MailFailed
            # Its text may quote what was sent: the name has to do.
            raise kind(type(fault).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.tls:
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=self._context)
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        try:
            server.ehlo()
            if server.has_extn("starttls") or not _is_here(host):
                server.starttls(context=self._context)
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
        return server


def message(mail: Mail, sender: Sender) -> EmailMessage:
    """Return *mail* as it travels: text first, then the same as HTML."""
    made = EmailMessage()
    local, _, domain = sender.email.rpartition("@")
    made["From"] = Address(sender.name, local, domain)
    made["To"] = mail.to
    made["Subject"] = mail.subject
    made["Date"] = formatdate(usegmt=True)
    made["Message-ID"] = make_msgid(domain=domain)
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    made.set_content(mail.text)
    made.add_alternative(mail.html, subtype="html")
    return made


def _reply(fault: Exception) -> int:
    """Return the number that the server replied with, or 0 where it did not."""
    if isinstance(fault, smtplib.SMTPRecipientsRefused):  # one recipient a letter
        return max(code for code, _ in fault.recipients.values())
    return fault.smtp_code if isinstance(fault, smtplib.SMTPResponseException) else 0


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
