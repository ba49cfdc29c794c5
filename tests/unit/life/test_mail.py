"""Mail: real letters to a real server, encrypted on the way, and never in a page's way."""

import logging
import ssl
import subprocess
from pathlib import Path
from threading import Event

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from auth.letters import Letters, samples
from auth.mail import Mail, MailFailed, Post
from auth.outbox import Outbox
from auth.smtp import Smtp
from settings import Sender, read_mail_server
from tests.mailbox import body, mail_server
from tests.serving import free_port, wait_until

SENDER = Sender("", "no-reply@app.example.com")
LETTERS = Letters("Ada's <App>", "https://app.example.com")
LETTER = LETTERS.reset("ada@example.com", "the-token")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for localhost, and its key."""
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


def test_a_letter_arrives_as_text_and_as_html() -> None:
    """Whatever program reads it."""
    with mail_server(free_port()) as mailbox:
        Smtp(read_mail_server(mailbox.url), SENDER).send(LETTER)

    [mail] = mailbox.mails
    text, html = body(mail, "plain"), body(mail, "html")
    assert (mail["To"], mail["From"]) == ("ada@example.com", SENDER.email)
    assert "https://app.example.com/reset-password?token=the-token" in text
    assert 'href="https://app.example.com/reset-password?token=the-token"' in html
    assert "<App>" not in html


def test_starttls_is_used_where_it_is_offered(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """With the name and the password only after it."""
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
        Smtp(read_mail_server(f"smtp://ada:p%40ss@localhost:{port}"), SENDER, client).send(LETTER)

    assert mailbox.starttls == [True]
    assert seen == ["ada:p@ss"]


def test_smtps_is_encrypted_from_the_first_byte(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Port 465."""
    server, client = contexts
    port = free_port()
    with mail_server(port, ssl_context=server, server_hostname="localhost") as mailbox:
        Smtp(read_mail_server(f"smtps://localhost:{port}"), SENDER, client).send(LETTER)

    assert len(mailbox.mails) == 1


def test_a_certificate_nobody_vouches_for_gets_no_letter(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """A link that opens an account goes to nobody in between."""
    port = free_port()
    with (
        mail_server(port, tls_context=contexts[0]) as mailbox,
        pytest.raises(MailFailed, match="SSLCertVerificationError"),
    ):
        Smtp(read_mail_server(f"smtp://localhost:{port}"), SENDER).send(LETTER)

    assert mailbox.mails == []


def test_nothing_leaves_this_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server elsewhere that offers no TLS gets nothing."""
    monkeypatch.setattr("auth.smtp._is_here", lambda host: False)
    with mail_server(free_port()) as mailbox, pytest.raises(MailFailed):
        Smtp(read_mail_server(mailbox.url), SENDER).send(LETTER)

    assert mailbox.mails == []


def test_a_server_that_is_busy_is_tried_again() -> None:
    """After a pause that grows."""
    with mail_server(free_port(), refusals=2) as mailbox:
        post = Post(Smtp(read_mail_server(mailbox.url), SENDER), pauses=(0.0, 0.0, 0.0))
        post.send(LETTER)
        post.finish()
        post.close()

    assert len(mailbox.mails) == 1


def test_what_a_server_will_never_take_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """RFC 5321, 4.2.1: an address that does not exist must not keep the next letter waiting."""
    with (
        mail_server(free_port(), refusals=1, refusal="550 No such user") as mailbox,
        caplog.at_level(logging.WARNING, "auth.mail"),
    ):
        post = Post(Smtp(read_mail_server(mailbox.url), SENDER), pauses=(60.0, 60.0))
        post.send(LETTER)
        post.send(LETTER)
        post.finish()
        post.close()

    assert len(mailbox.mails) == 1
    told = [record.getMessage() for record in caplog.records]
    assert told == ["A mail was refused for good: SMTPDataError"]


def test_a_letter_that_nobody_takes_is_given_up_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LG-2: after the last try, without a word of what it said."""
    post = Post(
        Smtp(read_mail_server(f"smtp://127.0.0.1:{free_port()}"), SENDER), pauses=(0.0, 0.0)
    )
    with caplog.at_level(logging.WARNING, "auth.mail"):
        post.send(LETTER)
        post.finish()
    post.close()

    told = [record.getMessage() for record in caplog.records]
    assert told == ["A mail was not taken: ConnectionRefusedError"] * 3 + ["A mail was given up."]


def test_a_slow_server_keeps_nobody_waiting() -> None:
    """EN-2: a page hands its letter over and answers."""
    answer, taken = Event(), list[Mail]()

    class Slow:
        def send(self, mail: Mail) -> None:
            """Take *mail* when the test says so."""
            answer.wait(10)
            taken.append(mail)

    post = Post(Slow())
    post.send(LETTER)
    post.later(lambda: None)
    assert taken == []

    answer.set()
    wait_until(lambda: taken, "the letter")
    post.close()


def test_a_fault_in_an_errand_is_logged_and_the_next_one_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One letter's fault is not another's."""
    done: list[int] = []
    post = Post(Outbox(Path("nowhere"), SENDER, tell=False))
    with caplog.at_level(logging.ERROR, "auth.mail"):
        post.later(lambda: 1 / 0)
        post.later(lambda: done.append(1))
        post.finish()
    post.close()

    assert done == [1]
    assert [record.getMessage() for record in caplog.records] == ["An errand of the post failed."]


@pytest.mark.parametrize("app", ["A\r\nBcc: eve@example.com", "A\nB", "Ünïcode ☕", "<b>x</b>"])
def test_no_name_begins_another_header(app: str) -> None:
    """LG-3: what people call their app stands in the subject and nowhere else."""
    letter = Letters(app, "https://app.example.com").verify("ada@example.com", "t")
    with mail_server(free_port()) as mailbox:
        Smtp(read_mail_server(mailbox.url), SENDER).send(letter)

    [mail] = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == f"Confirm your email for {' '.join(app.split())}"


@pytest.mark.parametrize("name", samples(LETTERS))
def test_each_letter_says_the_same_in_both_forms(name: str) -> None:
    """And leads nowhere but to the app's own address (RS-4)."""
    mail = samples(LETTERS)[name]

    assert mail.text.isprintable() or "\n" in mail.text
    assert "http" not in mail.html.replace("https://app.example.com/", "")
    if mail.link:
        assert mail.link.startswith("https://app.example.com/")
        assert mail.link in mail.text
        assert mail.link in mail.html


def test_the_outbox_is_a_folder_of_letters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For the developer's eyes, with the link in the terminal."""
    folder = tmp_path / "data" / "outbox"
    outbox = Outbox(folder, SENDER, tell=True)
    outbox.send(LETTER)
    outbox.send(LETTER)

    files = sorted(folder.glob("*.eml"))
    assert len(files) == 2
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert b"reset-password" in files[0].read_bytes()
    assert capsys.readouterr().out.count(str(LETTER.link)) == 2


def test_an_outbox_in_production_tells_no_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """LG-2: what a server prints is its host's log, and a link opens an account."""
    Outbox(tmp_path, SENDER, tell=False).send(LETTER)

    assert len(list(tmp_path.glob("*.eml"))) == 1
    assert capsys.readouterr().out == ""
