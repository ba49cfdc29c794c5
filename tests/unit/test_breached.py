"""Breached passwords: what is asked, what is answered, and what happens without an answer."""

import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from auth import breached
from auth.errors import InvalidDetails
from auth.log import BoundedLog
from auth.service import AuthService
from db.engine import Database
from features import FEATURES
from tests.fixtures import LAPTOP, Clock, make_settings
from tests.serving import free_port

GOOD, BAD, PADDED = "kumquat lantern orbit", "marble otter quiet window", "violet umbrella harbour"


def digest(password: str) -> str:
    """Return the SHA-1 that the collection lists."""
    return hashlib.sha1(password.encode()).hexdigest().upper()


class Collection(ThreadingHTTPServer):
    """A collection of breaches with one password, which notes what it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.status, self.silent = 200, Event()
        self.silent.set()
        super().__init__(("127.0.0.1", 0), Answer)


class Answer(BaseHTTPRequestHandler):
    """One answer: the password's line, and one that only pads."""

    server: Collection

    def do_GET(self) -> None:
        """Answer, once the collection is not silent."""
        self.server.asked.append((self.path, self.headers["Add-Padding"]))
        self.server.silent.wait(10)
        lines = f"{digest(BAD)[5:]}:42\r\n{digest(PADDED)[5:]}:0\r\n{'F' * 35}:7\r\n"
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(lines.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collection]:
    """A collection on this machine, asked in place of the real one."""
    with Collection() as server:
        monkeypatch.setattr(breached, "RANGES", f"http://127.0.0.1:{server.server_port}/range/")
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.silent.set()
        server.shutdown()
        thread.join()


def sign_up(database: Database, clock: Clock, password: str, *, check: bool = True) -> None:
    """Sign up with *password*, where breaches are checked."""
    settings = make_settings(check_breached_passwords=check)
    service = AuthService(database, settings, features=FEATURES, clock=clock)
    service.sign_up("ada@example.com", password, "Ada", LAPTOP)


def test_a_breached_password_is_refused_with_the_reason(
    collection: Collection, database: Database, clock: Clock
) -> None:
    """PW-7: and nothing but five digits of its hash has left."""
    with pytest.raises(InvalidDetails) as refused:
        sign_up(database, clock, BAD)

    assert "breach" in refused.value.errors["password"][0]
    assert collection.asked == [(f"/range/{digest(BAD)[:5]}", "true")]


@pytest.mark.parametrize("password", [GOOD, PADDED])
def test_another_password_passes(
    collection: Collection, database: Database, clock: Clock, password: str
) -> None:
    """PW-7: also one that only pads the answer."""
    sign_up(database, clock, password)

    assert len(collection.asked) == 1


def test_by_default_nothing_is_asked(
    collection: Collection, database: Database, clock: Clock
) -> None:
    """AV-5: no connection but to the database and the mail server."""
    sign_up(database, clock, BAD, check=False)

    assert collection.asked == []


@pytest.mark.parametrize("fault", ["silent", "error", "gone"])
def test_without_an_answer_the_password_passes_and_the_log_has_a_line(
    collection: Collection,
    database: Database,
    clock: Clock,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """PW-7, AV-7, LG-2: the sign-up must not depend on a stranger, and the line has no secret."""
    monkeypatch.setattr(breached, "PATIENCE", 0.2)
    monkeypatch.setattr(breached, "log", BoundedLog("auth.breached"))
    if fault == "silent":
        collection.silent.clear()
    elif fault == "error":
        collection.status = 503
    else:
        monkeypatch.setattr(breached, "RANGES", f"http://127.0.0.1:{free_port()}/range/")

    sign_up(database, clock, BAD)

    lines = [each.getMessage() for each in caplog.records if each.name == "auth.breached"]
    assert len(lines) == 1
    assert "not checked against breaches" in lines[0]
    assert digest(BAD)[:5] not in lines[0]
