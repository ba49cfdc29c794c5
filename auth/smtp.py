"""The mailers: SMTP, encrypted unless the server is on this machine, and a folder of files."""

import secrets
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate, make_msgid
from ipaddress import ip_address
from pathlib import Path
from threading import Timer

from click import echo, style
from email_validator import EmailNotValidError, validate_email

from auth.emails import LOGO_ID
from auth.mail import Mail, MailFailed, MailRefused, ServerFailed
from settings import MailServer, Sender

TIMEOUT = 10.0  # seconds for each answer of the server
LONGEST = 30.0  # seconds for one email once connected, however slowly the server answers
GOODBYE = 1.0  # seconds to wait for the answer to QUIT: the email is the server's by then
PERMANENT = 500  # replies from here on
ASCII = SMTP.clone(cte_type="7bit")  # every server accepts this
AUTHENTICATED = 235  # RFC 4954, 4
CLOSING = 421  # the server ends the connection, in answer to any command: RFC 5321, 3.8


class Smtp:
    """Sends through *server*, over STARTTLS or implicit TLS.

    Only a server on this machine may go without TLS: credentials, and links that open accounts,
    never travel in the clear.
    """

    def __init__(
        self, server: MailServer, sender: Sender, context: ssl.SSLContext | None = None
    ) -> None:
        self._server = server
        self._sender = sender
        self._context = context or ssl.create_default_context()

    def send(self, mail: Mail) -> None:
        """Send *mail*.

        Raises MailRefused for an email that the server will never accept (a 5yz reply: RFC 5321,
        4.2.1), MailFailed for one it may accept later, and ServerFailed where any email would
        fail: no connection, no answer, a refused log-in.
        """
        try:
            with self._connect() as server:
                if self._server.user:
                    _log_in(server, self._server.user, self._server.password)
                server.send_message(message(mail, self._sender))
        except (OSError, smtplib.SMTPException) as cause:
            # The text may quote what was sent, so log the class name only.
            raise _failure_type(cause)(_reason(cause)) from None

    @contextmanager
    def _connect(self) -> Iterator[smtplib.SMTP]:
        """Yield a connection; close it at the end, and after LONGEST at the latest."""
        host, port, tls_at_once = self._server.host, self._server.port, self._server.tls
        if tls_at_once:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=TIMEOUT, context=self._context
            )
        else:
            server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        watchdog = Timer(LONGEST, _hang_up, [server])
        watchdog.daemon = True
        watchdog.start()
        try:
            server.ehlo()
            if not tls_at_once and (server.has_extn("starttls") or not _is_this_machine(host)):
                server.starttls(context=self._context)
            yield server
            if server.sock:
                server.sock.settimeout(GOODBYE)
            with suppress(OSError, smtplib.SMTPException):  # it has taken the email
                server.quit()
        finally:
            watchdog.cancel()
            server.close()


def message(mail: Mail, sender: Sender) -> EmailMessage:
    """Return *mail* as a message: text first, then the same as HTML.

    Domains are sent in ASCII, which every server accepts. Only a letter outside ASCII before the @
    needs a server that offers SMTPUTF8 (RFC 6531).
    """
    to = with_ascii_domain(mail.to)
    made = EmailMessage(policy=ASCII if (sender.email + to).isascii() else SMTPUTF8)
    local, _, domain = sender.email.rpartition("@")
    made["From"] = Address(sender.name, local, domain)
    made["To"] = to
    made["Subject"] = mail.subject
    made["Date"] = formatdate(usegmt=True)
    made["Message-ID"] = make_msgid(domain=domain)
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    made.set_content(mail.text)
    made.add_alternative(mail.html, subtype="html")
    if mail.logo and (html := made.get_body(("html",))):
        html.add_related(mail.logo, "image", "png", cid=f"<{LOGO_ID}>")
    return made


def with_ascii_domain(email: str) -> str:
    """Return *email* with its domain as the DNS knows it: IDNA 2008, RFC 5891."""
    local, _, domain = email.rpartition("@")
    if domain.isascii():
        return email
    try:
        # Only the domain matters here, so the local part is replaced.
        return f"{local}@{validate_email(f'x@{domain}', check_deliverability=False).ascii_domain}"
    except EmailNotValidError:
        return email


def _failure_type(cause: Exception) -> type[MailFailed]:
    """Return the failure that *cause* means: of this email, or of the server."""
    if isinstance(cause, smtplib.SMTPNotSupportedError):
        # STARTTLS or a log-in that is not offered is the server's; SMTPUTF8 is this email's.
        return MailRefused if "SMTPUTF8" in str(cause) else ServerFailed
    if isinstance(cause, smtplib.SMTPRecipientsRefused):  # one recipient an email
        code = max(code for code, _ in cause.recipients.values())
    elif isinstance(cause, (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)):
        code = cause.smtp_code
    else:
        return ServerFailed
    if code == CLOSING or code < 0:
        return ServerFailed
    return MailRefused if code >= PERMANENT else MailFailed


def _reason(cause: Exception) -> str:
    if isinstance(cause, smtplib.SMTPNotSupportedError) and "SMTPUTF8" in str(cause):
        return "the mail server does not offer SMTPUTF8, which this email needs"
    return type(cause).__name__


def _hang_up(server: smtplib.SMTP) -> None:
    """Close the connection under a thread that waits for its answer."""
    if held := server.sock:
        with suppress(OSError):  # it was closed meanwhile
            held.shutdown(socket.SHUT_RDWR)


def _log_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """Log in, also with letters outside ASCII, where smtplib would raise UnicodeEncodeError.

    PLAIN takes UTF-8 (RFC 4616), and the connection is encrypted by now.
    """
    if f"{user}{password}".isascii():
        server.login(user, password)
        return
    server.ehlo_or_helo_if_needed()
    credentials = b64encode(f"\0{user}\0{password}".encode()).decode()
    code, reply = server.docmd("AUTH", f"PLAIN {credentials}")
    if code != AUTHENTICATED:
        raise smtplib.SMTPAuthenticationError(code, reply)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _printable(text: str) -> str:
    """Return *text* without what a terminal would obey."""
    return "".join(char for char in text if char.isprintable())


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
            at = datetime.now(UTC).astimezone()
            link = style(mail.link, fg="cyan", bold=True) if mail.link else ""  # plain in a file
            line = _printable(f"Email for {mail.to}: {mail.subject}")
            echo("\n          ".join(filter(None, (f"{at:%H:%M:%S}  {line}", link))))
