"""Outgoing email: over a real server, encrypted on the way, and never in another's way."""

import logging
import re
import socket
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from auth import emails
from auth.emails import Emails, samples
from auth.feature import paths_of
from auth.log import BoundedLog
from auth.mail import (
    MAX_EMAILS,
    MAX_FOR_ONE,
    MAX_JOBS,
    OUTAGE_PAUSES,
    PATIENCE,
    PAUSES,
    Mail,
    MailFailed,
    MailQueue,
    MailRefused,
    ServerFailed,
)
from auth.service import AuthService
from auth.smtp import Outbox, Smtp
from features import FEATURES
from features.account.rules import change_password
from features.devices.emails import new_device
from features.email_verification.emails import verify
from features.password_reset.emails import reset
from settings import ROOT, Sender, read_mail_server, read_sender
from tests.fixtures import LAPTOP, Letterbox, Person, open_session
from tests.mailbox import HOST, body, mail_server
from tests.serving import free_port

SENDER = Sender("", "no-reply@app.example.com")
EMAILS = Emails("Ada's <App>", "https://app.example.com", paths_of(FEATURES))
RESET = reset(EMAILS, "ada@example.com", "the-token")
NEW = "kumquat lantern orbit seven"


@pytest.fixture(autouse=True)
def unbounded_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each test with a log that has written nothing yet."""
    monkeypatch.setattr("auth.mail.log", BoundedLog("auth.mail"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def contexts(certificate: tuple[Path, Path]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's TLS, and one of a client that trusts it."""
    cert, key = certificate
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))


def test_an_email_arrives_as_text_and_as_html() -> None:
    """AC-3: for any email program."""
    with mail_server(free_port()) as mailbox:
        Smtp(read_mail_server(mailbox.url), SENDER).send(RESET)

    [mail] = mailbox.mails
    text, html = body(mail, "plain"), body(mail, "html")
    assert (mail["To"], mail["From"]) == ("ada@example.com", SENDER.email)
    assert "https://app.example.com/reset-password?token=the-token" in text
    assert 'href="https://app.example.com/reset-password?token=the-token"' in html
    assert "<App>" not in html


def test_a_logo_travels_inside_the_email(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RS-4: nothing is fetched; it stands beside the HTML that shows it, and not in the text."""
    monkeypatch.setattr(emails, "LOGO", tmp_path / "logo.png")
    emails.LOGO.write_bytes(b"\x89PNG and so on")

    with mail_server(free_port()) as mailbox:
        Smtp(read_mail_server(mailbox.url), SENDER).send(EMAILS.password_off("ada@example.com"))

    [mail] = mailbox.mails
    _, shown = mail.iter_parts()
    html, logo = shown.iter_parts()
    assert shown.get_content_type() == "multipart/related"
    assert f"cid:{logo['Content-ID'].strip('<>')}" in html.get_content()
    assert logo.get_content() == b"\x89PNG and so on"
    assert logo.get_content_disposition() == "inline"
    assert "cid:" not in RESET.html + body(mail, "plain")


@pytest.mark.parametrize(
    ("written", "password"),
    [("p%40ss", "p@ss"), ("a#b?c[/@", "a#b?c[/@"), ("pässwörd", "pässwörd")],
)
def test_starttls_is_used_where_it_is_offered(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], written: str, password: str
) -> None:
    """AC-3: with the name and the password only after it, in any letters."""
    server, client = contexts
    port, seen = free_port(), list[str]()

    def check(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append(f"{data.login.decode()}:{data.password.decode()}")
        return AuthResult(success=True)

    with mail_server(
        port, tls_context=server, require_starttls=True, authenticator=check
    ) as mailbox:
        url = f"smtp://ada:{written}@localhost:{port}"
        Smtp(read_mail_server(url), SENDER, client).send(RESET)

    assert mailbox.starttls == [True]
    assert seen == [f"ada:{password}"]


def test_smtps_is_encrypted_from_the_first_byte(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """AC-3: port 465."""
    server, client = contexts
    port = free_port()
    with mail_server(port, ssl_context=server, server_hostname="localhost") as mailbox:
        Smtp(read_mail_server(f"smtps://localhost:{port}"), SENDER, client).send(RESET)

    assert len(mailbox.mails) == 1


def test_an_untrusted_certificate_gets_no_email(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """AC-3: no attacker in between gets a link that opens an account."""
    port = free_port()
    with (
        mail_server(port, tls_context=contexts[0]) as mailbox,
        pytest.raises(MailFailed, match="SSLCertVerificationError"),
    ):
        Smtp(read_mail_server(f"smtp://localhost:{port}"), SENDER).send(RESET)

    assert mailbox.mails == []


def test_nothing_leaves_this_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """AC-3: a server elsewhere that offers no TLS gets nothing."""
    monkeypatch.setattr("auth.smtp._is_this_machine", lambda host: False)
    with mail_server(free_port()) as mailbox, pytest.raises(MailFailed):
        Smtp(read_mail_server(mailbox.url), SENDER).send(RESET)

    assert mailbox.mails == []


@dataclass
class Relay:
    """A mail server for the queue: fails for chosen recipients, and keeps the other emails."""

    failures: dict[str, list[MailFailed]] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    sent: list[Mail] = field(default_factory=list)

    def send(self, mail: Mail) -> None:
        """Keep *mail*, or raise the next failure for its recipient or for all ("*")."""
        self.tried.append(mail.to)
        for whose in ("*", mail.to):
            if self.failures.get(whose):
                raise self.failures[whose].pop(0)
        self.sent.append(mail)


@dataclass
class Seconds:
    """A clock for due times, in seconds, that moves only when a test moves it."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the current time."""
        return self.now


@pytest.fixture
def relay() -> Relay:
    """A mail server that accepts everything."""
    return Relay()


@pytest.fixture
def seconds() -> Seconds:
    """The queue's clock."""
    return Seconds()


@pytest.fixture
def queue(relay: Relay, seconds: Seconds) -> Iterator[MailQueue]:
    """A queue in front of that server, with that clock."""
    queue = MailQueue(relay, clock=seconds)
    yield queue
    queue.close()


def advance(queue: MailQueue, seconds: Seconds, by: float) -> None:
    """Move the clock, and wait until everything due by then was tried."""
    seconds.now += by
    queue.wake()
    assert queue.finish()


def held_back(queue: MailQueue, *mails: Mail) -> None:
    """Queue *mails* as if they had all arrived while one email was being sent."""
    with queue._changed:
        for mail in mails:
            queue.send(mail)
    assert queue.finish()


def test_a_busy_server_is_tried_again() -> None:
    """AC-3: a 4yz reply means later; over a real server."""
    seconds = Seconds()
    with mail_server(free_port(), refusals=2) as mailbox:
        queue = MailQueue(Smtp(read_mail_server(mailbox.url), SENDER), clock=seconds)
        queue.send(RESET)
        for pause in PAUSES[:2]:
            assert queue.finish()
            assert mailbox.mails == []
            advance(queue, seconds, pause)
        queue.close()

    assert len(mailbox.mails) == 1


def test_a_deferred_email_delays_no_other(queue: MailQueue, relay: Relay, seconds: Seconds) -> None:
    """EN-2: four that the relay defers wait for their time; the reset link leaves at once."""
    busy = [f"busy{number}@example.com" for number in range(4)]
    relay.failures = {to: [MailFailed("SMTPDataError")] * 2 for to in busy}

    held_back(queue, *(verify(EMAILS, to, "t") for to in busy), RESET)

    assert [mail.to for mail in relay.sent] == [RESET.to]
    assert seconds.now == 0.0
    advance(queue, seconds, PAUSES[0])
    assert len(relay.sent) == 1
    advance(queue, seconds, PAUSES[1])
    assert {mail.to for mail in relay.sent} == {RESET.to, *busy}


def test_a_link_that_a_person_waits_for_is_sent_before_notices(
    queue: MailQueue, relay: Relay
) -> None:
    """EN-2: links first, then what an owner must know, then the rest; each in turn."""
    notices = [new_device(EMAILS, f"user{n}@example.com", "Firefox", "") for n in range(10)]
    alarm = EMAILS.password_changed("bob@example.com")
    links = [verify(EMAILS, "cleo@example.com", "t"), RESET]

    held_back(queue, *notices, alarm, *links)

    assert relay.sent == [*links, alarm, *notices]


def test_a_silent_server_holds_no_link_behind_notices(
    queue: MailQueue, relay: Relay, seconds: Seconds
) -> None:
    """EN-2: after one time-out nothing is tried for a second, and then the link comes first."""
    notices = [new_device(EMAILS, f"user{n}@example.com", "Firefox", "") for n in range(10)]
    relay.failures = {"*": [ServerFailed("TimeoutError")]}

    held_back(queue, *notices)
    queue.send(RESET)
    assert queue.finish()
    assert (len(relay.tried), relay.sent) == (1, [])
    advance(queue, seconds, OUTAGE_PAUSES[0])

    assert relay.sent[0] == RESET
    assert len(relay.sent) == 10  # and the one that met the silence waits a little longer
    advance(queue, seconds, OUTAGE_PAUSES[0])
    assert len(relay.sent) == 11


def test_an_email_that_the_server_chokes_on_stops_no_other(
    queue: MailQueue, relay: Relay, seconds: Seconds
) -> None:
    """EN-2: even the most urgent one: between two of its tries the others are sent."""
    relay.failures = {RESET.to: [ServerFailed("TimeoutError")] * 1_000}
    notices = [new_device(EMAILS, f"user{n}@example.com", "Firefox", "") for n in range(10)]

    held_back(queue, RESET, *notices)
    advance(queue, seconds, OUTAGE_PAUSES[0])

    assert len(relay.sent) == 10
    assert relay.tried.count(RESET.to) <= 2


def test_while_the_server_is_down_tries_are_few_and_nothing_is_lost(
    queue: MailQueue, relay: Relay, seconds: Seconds
) -> None:
    """EN-2: eventually one try every half minute, and all are sent once it is back."""
    relay.failures = {"*": [ServerFailed("ConnectionRefusedError")] * 1_000}
    held_back(queue, *(verify(EMAILS, f"user{n}@example.com", "t") for n in range(20)))

    for _ in range(600):
        advance(queue, seconds, 1.0)
    assert relay.sent == []
    assert len(relay.tried) <= 25
    relay.failures.clear()
    for _ in range(60):
        advance(queue, seconds, 1.0)

    assert len(relay.sent) == 20


def test_what_a_server_will_never_take_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """RFC 5321, 4.2.1: a recipient that does not exist must not delay the next email."""
    seconds = Seconds()
    with (
        mail_server(free_port(), refusals=1, refusal="550 No such user") as mailbox,
        caplog.at_level(logging.WARNING, "auth.mail"),
    ):
        queue = MailQueue(Smtp(read_mail_server(mailbox.url), SENDER), clock=seconds)
        queue.send(RESET)
        queue.send(RESET)
        advance(queue, seconds, PATIENCE)
        queue.close()

    assert len(mailbox.mails) == 1
    assert messages(caplog) == ["An email was refused for good: SMTPDataError (reset)."]


def test_an_email_that_no_server_accepts_is_given_up_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LG-2: after half an hour, without its content or recipient."""
    seconds = Seconds()
    queue = MailQueue(
        Smtp(read_mail_server(f"smtp://127.0.0.1:{free_port()}"), SENDER), clock=seconds
    )
    with caplog.at_level(logging.WARNING, "auth.mail"):
        queue.send(RESET)
        for _ in range(80):
            advance(queue, seconds, 30.0)
    queue.close()

    logged = messages(caplog)
    assert logged[0] == "An email was not sent yet: ConnectionRefusedError (reset)."
    assert re.fullmatch(r"An email was given up after \d+ tries: reset\.", logged[-1])
    assert not any(RESET.to in line or "the-token" in line for line in logged)


def test_the_least_urgent_are_dropped_when_too_many_wait(
    caplog: pytest.LogCaptureFixture, queue: MailQueue, relay: Relay, seconds: Seconds
) -> None:
    """TH-5: memory is bounded, a flood of notices costs no link, and the log is not flooded."""
    relay.failures = {"*": [ServerFailed("TimeoutError")]}
    held_back(queue, RESET)
    notices = [new_device(EMAILS, f"user{n}@example.com", "Firefox", "") for n in range(1_200)]

    with caplog.at_level(logging.ERROR, "auth.mail"):
        held_back(queue, *notices)
    assert len(queue._backlog) == MAX_EMAILS
    advance(queue, seconds, OUTAGE_PAUSES[1])

    assert RESET in relay.sent
    assert len(relay.sent) == MAX_EMAILS
    assert notices[-1] in relay.sent
    dropped = "Too many emails are waiting: one was dropped (new_device)."
    assert messages(caplog)[1:] == [dropped]


def test_one_recipient_has_few_emails_waiting(
    queue: MailQueue, relay: Relay, seconds: Seconds
) -> None:
    """TH-5: the newest link is the one that works, and it is kept."""
    relay.failures = {"*": [ServerFailed("TimeoutError")]}
    held_back(queue, verify(EMAILS, "bob@example.com", "t"))
    links = [reset(EMAILS, RESET.to, f"token{number}") for number in range(20)]

    held_back(queue, new_device(EMAILS, RESET.to, "Firefox", ""), *links)
    advance(queue, seconds, OUTAGE_PAUSES[1])

    assert [mail for mail in relay.sent if mail.to == RESET.to] == links[-MAX_FOR_ONE:]


@pytest.mark.parametrize("links", [MAX_FOR_ONE, MAX_EMAILS])
def test_links_that_anybody_can_request_drop_no_alarm(
    queue: MailQueue, relay: Relay, seconds: Seconds, links: int
) -> None:
    """AC-2: neither those to its recipient nor those to others; a link can be requested again."""
    relay.failures = {"*": [ServerFailed("TimeoutError")]}
    held_back(queue, RESET)
    alarm = EMAILS.password_changed("bob@example.com")
    to = ["bob@example.com"] if links == MAX_FOR_ONE else [f"{n}@example.com" for n in range(links)]

    held_back(queue, *(reset(EMAILS, to[n % len(to)], f"token{n}") for n in range(links)), alarm)
    advance(queue, seconds, OUTAGE_PAUSES[1])

    assert alarm in relay.sent


def test_a_job_never_waits_for_the_mail_server() -> None:
    """EN-2: look-ups continue while an email hangs."""
    answer, looked_up, taken = Event(), Event(), list[Mail]()

    class Slow:
        def send(self, mail: Mail) -> None:
            """Accept *mail* when the test allows it."""
            assert answer.wait(10)
            taken.append(mail)

    queue = MailQueue(Slow())
    queue.send(RESET)
    queue.enqueue(looked_up.set)
    assert looked_up.wait(10)
    assert taken == []

    answer.set()
    assert queue.finish()
    assert taken == [RESET]
    queue.close()


def test_a_job_that_fails_is_logged_and_the_next_one_runs(
    caplog: pytest.LogCaptureFixture, queue: MailQueue
) -> None:
    """EN-2: one person's failure is not another's."""
    done: list[int] = []
    with caplog.at_level(logging.ERROR, "auth.mail"):
        queue.enqueue(lambda: 1 / 0)
        queue.enqueue(lambda: done.append(1))
        assert queue.finish()

    assert done == [1]
    assert messages(caplog) == ["A job of the mail queue failed."]


def test_jobs_of_one_source_drop_none_of_another(
    caplog: pytest.LogCaptureFixture, queue: MailQueue
) -> None:
    """AV-4: nor alarms, which the busiest source may be about."""
    done: list[str] = []
    with caplog.at_level(logging.ERROR, "auth.mail"), queue._changed:
        queue.enqueue(lambda: done.append("link"), "ada")
        queue.enqueue(lambda: done.append("alarm"), "bob", alarm=True)
        for _ in range(MAX_JOBS):
            queue.enqueue(lambda: done.append("log-in"), "bob")
        queue.enqueue(lambda: done.append("late link"), "eve")

    assert queue.finish()
    assert len(done) == MAX_JOBS
    assert [what for what in done if what != "log-in"] == ["link", "alarm", "late link"]
    assert messages(caplog) == [
        "Too many jobs are waiting: one was dropped, and its email with it."
    ]


def test_log_ins_drop_no_alarm_to_another_user(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AV-4: a successful log-in isn't counted, and of the purges after them one waits at a time."""
    held = Event()
    letterbox.queue.finish()
    letterbox.queue.enqueue(lambda: held.wait(60))
    bob = service.sign_up("bob@example.com", NEW)
    for _ in range(3):
        service.log_in(bob.email, NEW, LAPTOP)
    assert [job.source for job in letterbox.queue._jobs].count("purge") == 1
    for _ in range(MAX_JOBS):
        letterbox.queue.enqueue(held.wait, bob.id)

    change_password(service, open_session(service, token), ada.password, NEW)
    held.set()

    assert any("was changed" in mail.subject for mail in letterbox.to(ada.email))


def test_a_process_that_stops_does_not_wait_for_a_silent_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CF-5: it logs the kinds that were not sent, without recipients."""
    answer, begun = Event(), Event()

    class Silent:
        def send(self, mail: Mail) -> None:
            """Answer when the test has ended."""
            begun.set()
            answer.wait(10)

    queue = MailQueue(Silent())
    queue.send(RESET)
    assert begun.wait(10)
    queue.send(new_device(EMAILS, RESET.to, "Firefox", ""))
    with caplog.at_level(logging.ERROR, "auth.mail"):
        queue.close(timeout=0.01)
    answer.set()

    assert messages(caplog) == [
        "The app stops, and these emails were not sent: 1 new_device, reset (on its way)."
    ]


STOPPING = """
import atexit
from threading import Event
from auth.mail import Mail, MailQueue

class Silent:
    def send(self, mail):
        Event().wait()

queue = MailQueue(Silent())
atexit.register(queue.close, 0.01)
queue.send(Mail("ada@example.com", "s", "t", "h", kind="reset"))
"""


def test_a_silent_server_keeps_no_process_alive() -> None:
    """CF-5: the interpreter ends, and logs its lines, while the sender is still waiting."""
    ended = subprocess.run(
        [sys.executable, "-c", STOPPING],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert re.fullmatch(r"The app stops, .*reset.*\n", ended.stderr)


@contextmanager
def listener(replies: list[bytes]) -> Iterator[str]:
    """Run a server that sends *replies*, one for each line it reads, and then is silent."""
    with socket.create_server((HOST, 0)) as server:

        def answer() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection, connection.makefile("rb") as lines:
                    for reply in replies:
                        connection.sendall(reply)
                        lines.readline()
                    lines.read()

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield f"smtp://{HOST}:{server.getsockname()[1]}"


@pytest.mark.parametrize("replies", [[], [b"220 x\r\n"], [b"220 x\r\n", b"250 x\r\n"]])
def test_a_silent_server_is_a_failure_of_the_server(
    replies: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """EN-2: at any point; any email would fail, so the queue pauses."""
    monkeypatch.setattr("auth.smtp.TIMEOUT", 0.05)

    with listener(replies) as url, pytest.raises(ServerFailed):
        Smtp(read_mail_server(url), SENDER).send(RESET)


def test_a_server_that_drips_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """EN-2: each line arrives in time, but all together take too long."""
    monkeypatch.setattr("auth.smtp.LONGEST", 0.05)
    lines, pace = list[int](), Event()
    with socket.create_server((HOST, 0)) as server:

        def drip() -> None:
            with suppress(OSError):  # it was hung up on
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"220 x\r\n")
                    while len(lines) < 300:
                        connection.sendall(b"250-x\r\n")
                        lines.append(1)
                        pace.wait(0.01)

        thread = Thread(target=drip)
        thread.start()
        url = f"smtp://{HOST}:{server.getsockname()[1]}"
        with pytest.raises(ServerFailed):
            Smtp(read_mail_server(url), SENDER).send(RESET)
        thread.join()

    assert len(lines) < 300


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        ("421 Closing", ServerFailed),
        ("451 Try again later", MailFailed),
        ("550 No such user", MailRefused),
    ],
)
def test_a_reply_says_whose_failure_it_is(reply: str, failure: type[MailFailed]) -> None:
    """RFC 5321, 3.8 and 4.2.1: the server's, or the email's, temporary or permanent."""
    with (
        mail_server(free_port(), refusals=1, refusal=reply) as mailbox,
        pytest.raises(MailFailed) as raised,
    ):
        Smtp(read_mail_server(mailbox.url), SENDER).send(RESET)

    assert type(raised.value) is failure


@pytest.mark.parametrize("offers", [True, False])
@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("no-reply@bücher.example", "no-reply@xn--bcher-kva.example"),
        ("no-reply@faß.example", "no-reply@xn--fa-hia.example"),
        ("Bücher & Co <no-reply@bücher.example>", '"Bücher & Co" <no-reply@xn--bcher-kva.example>'),
        ("no-reply@localhost", "no-reply@localhost"),
    ],
)
def test_an_international_domain_loses_no_email(sender: str, shown: str, offers: bool) -> None:
    """AC-4, RFC 5891: whether or not the server offers SMTPUTF8; the Message-ID is ASCII too."""
    with mail_server(free_port(), enable_SMTPUTF8=offers) as mailbox:
        Smtp(read_mail_server(mailbox.url), read_sender(sender)).send(
            reset(EMAILS, "ada@müller.example", "t")
        )

    [mail] = mailbox.mails
    assert str(mail["From"]) in {shown, shown.replace('"', "")}
    assert mail["To"] == "ada@xn--mller-kva.example"
    assert str(mail["Message-ID"]).isascii()


def test_letters_outside_ascii_before_the_at_need_smtputf8(
    caplog: pytest.LogCaptureFixture, seconds: Seconds
) -> None:
    """AC-4, RFC 6531: used if offered; otherwise the log says what is missing."""
    email = reset(EMAILS, "zoë@example.com", "t")
    with mail_server(free_port(), enable_SMTPUTF8=True) as mailbox:
        Smtp(read_mail_server(mailbox.url), Sender("", "grüße@example.com")).send(email)
    [mail] = mailbox.mails
    assert (mail["From"], mail["To"]) == ("grüße@example.com", "zoë@example.com")

    with mail_server(free_port(), enable_SMTPUTF8=False) as mailbox:
        queue = MailQueue(Smtp(read_mail_server(mailbox.url), SENDER), clock=seconds)
        with caplog.at_level(logging.ERROR, "auth.mail"):
            queue.send(email)
            queue.send(RESET)
            assert queue.finish()
        queue.close()
    assert mailbox.subjects(RESET.to) == [RESET.subject]
    assert "does not offer SMTPUTF8" in messages(caplog)[0]


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged."""
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("app", ["A\r\nBcc: eve@example.com", "A\nB", "Ünïcode ☕", "<b>x</b>"])
def test_no_name_begins_another_header(app: str) -> None:
    """LG-3: the app's name is in the subject and in no other header."""
    email = verify(Emails(app, "https://app.example.com", ()), "ada@example.com", "t")
    with mail_server(free_port()) as mailbox:
        Smtp(read_mail_server(mailbox.url), SENDER).send(email)

    [mail] = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == f"Confirm your email for {' '.join(app.split())}"


@pytest.mark.parametrize("mail", samples(EMAILS), ids=lambda mail: mail.kind)
def test_each_email_says_the_same_in_both_forms(mail: Mail) -> None:
    """AC-3: and links only to the app's own URL (RS-4)."""
    assert mail.text.isprintable() or "\n" in mail.text
    assert "http" not in mail.html.replace("https://app.example.com/", "")
    if mail.link:
        assert mail.link.startswith("https://app.example.com/")
        assert mail.link in mail.text
        assert mail.link in mail.html


def test_the_outbox_is_a_folder_of_emails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """AC-3: for the developer, with the link in the terminal."""
    folder = tmp_path / "data" / "outbox"
    outbox = Outbox(folder, SENDER, show_links=True)
    outbox.send(RESET)
    outbox.send(replace(RESET, subject="\x1b]0;Forged\x07"))

    files = sorted(folder.glob("*.eml"))
    assert len(files) == 2
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert b"reset-password" in files[0].read_bytes()
    shown = capsys.readouterr().out
    assert shown.splitlines().count(f"          {RESET.link}") == 2
    assert shown.replace("\n", "").isprintable()  # LG-3


def test_an_outbox_in_production_prints_no_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """LG-2: a server's output goes into its host's log, and a link opens an account."""
    Outbox(tmp_path, SENDER, show_links=False).send(RESET)

    assert len(list(tmp_path.glob("*.eml"))) == 1
    assert capsys.readouterr().out == ""


def test_emails_have_the_colours_of_the_app() -> None:
    """Both come from .streamlit/config.toml, with its dark theme for dark mode."""
    theme = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["theme"]

    head, _, shown = RESET.html.partition("</head>")

    assert f'bgcolor="{theme["light"]["primaryColor"]}"' in shown
    assert f"color:{theme['light']['textColor']}" in shown
    assert theme["dark"]["textColor"] in head.partition("prefers-color-scheme: dark")[2]
    assert "{" not in shown
