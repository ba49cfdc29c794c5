"""The app as a separate server: started for a test, waited for, stopped by its process."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from random import randrange
from threading import Event

from pydantic import SecretStr

from auth.service import AuthService
from db.engine import Database
from db.migrate import migrate
from features import FEATURES
from settings import Settings
from tests.mailbox import Mailbox, mail_server

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
START = 60.0  # seconds a start may take on a busy machine; it takes two
STOP = 10.0
PROJECT = ("app.py", "server.py", "settings.py", "a2wsgi.py", "pyproject.toml", ".streamlit")
PACKAGES = ("auth", "db", "features", "migrations", "views", "web")
# Every setting that affects a test: the developer who runs the suite may have an .env.
SETTINGS = {
    "APP_NAME": "Streamlit auth starter",
    "APP_ENV": "development",
    "PASSWORD_MIN_LENGTH": "15",
    "BCRYPT_ROUNDS": "10",  # the cheapest that the settings allow
    "COOKIE_NAME": "auth",
    "SESSION_MAX_AGE": "12h",
    "SESSION_REMEMBER_AGE": "30d",
    "SESSION_IDLE_AGE": "2h",
    "SESSION_REMEMBER_IDLE_AGE": "14d",
    "SMTP_URL": "",  # mails go into the outbox, or where `serve` says
    "REQUIRE_VERIFIED_EMAIL": "false",
}

# Below the ports that outgoing connections leave from, so that none takes a port between the check
# and the server's start. Each of a run's workers, up to 16, has a share of its own.
SHARE, WORKER = 750, int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST = 20_000 + (WORKER % 16) * SHARE
PORTS = islice(cycle(range(FIRST, FIRST + SHARE)), randrange(SHARE), None)


def wait_until(condition: Callable[[], object], what: str, within: float = 30.0) -> None:
    """Wait until *condition* holds, or fail after *within* seconds, naming *what*."""
    pause = Event()
    for _ in range(int(within / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"waited {within:.0f} s for {what}")


@dataclass(frozen=True)
class Server:
    """A running app: its URL, log, settings, and the emails it has sent."""

    url: str
    log: Path
    env: Mapping[str, str]
    mailbox: Mailbox = field(default_factory=Mailbox)  # always empty if not started

    def address(self, path: str = "/") -> str:
        """Return the full URL of *path*."""
        return self.url + path

    def said(self, since: int = 0) -> str:
        """Return the log from character *since* on."""
        return self.log.read_text("utf-8", errors="replace")[since:]

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Yield this server's database, migrated: the app migrates at its first visitor."""
        with closing(Database(self.env["DATABASE_URL"])) as database:
            migrate(database)
            yield database

    @contextmanager
    def service(self) -> Iterator[AuthService]:
        """Yield the service over this server's database, as an operator uses it."""
        settings = Settings(
            _env_file=None,
            database_url=self.env["DATABASE_URL"],
            secret_key=SecretStr(self.env["SECRET_KEY"]),
        )
        cheapest = settings.model_copy(update={"bcrypt_rounds": 4})  # below the settings' floor
        with self.database() as database:
            yield AuthService(database, cheapest, features=FEATURES)


@contextmanager
def serve(
    script: str,
    folder: Path,
    *flags: str,
    project: Path = ROOT,
    env: Mapping[str, str] | None = None,
    scheme: str = "http",
    base: str = "",
    port: int | None = None,
    host: str = HOST,
) -> Iterator[Server]:
    """Run *script* of *project* on a free loopback port, with its data and its log in *folder*.

    *env* is added to the server's own settings: a database, a key and a mail server that no other
    test uses. *flags* go to streamlit. *scheme* and *base* are those that the flags result in;
    *host* is a name of this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    url = f"{scheme}://{host}:{port}{base}"
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless=true"]
    options = [f"--server.address={HOST}", f"--server.port={port}", "--server.fileWatcherType=none"]
    with mail_server(free_port()) as mailbox:
        settings = SETTINGS | {
            "DATABASE_URL": f"sqlite:///{folder / 'app.db'}",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "BASE_URL": url,
            "SMTP_URL": mailbox.url,
            **(env or {}),
        }
        server = Server(url, folder / "server.log", settings, mailbox)
        with _running([*command, *options, *flags], project, server) as process:
            wait_until(lambda: _is_up(server, process, port), f"{script} to answer", START)
            yield server


@contextmanager
def _running(
    command: list[str], project: Path, server: Server
) -> Iterator[subprocess.Popen[bytes]]:
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=project,
            env=os.environ | server.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP)


def _is_up(server: Server, process: subprocess.Popen[bytes], port: int) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"the app ended with {process.returncode}:\n{server.said()}")
    if server.url.startswith("https"):  # a certificate of our own: the socket has to do
        return is_listening(port)
    try:
        with urllib.request.urlopen(server.address("/_stcore/health"), timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def is_listening(port: int) -> bool:
    """Return whether a server answers at a loopback port."""
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """Return a loopback port without a listener, a different one each time."""
    for port in islice(PORTS, SHARE):
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise AssertionError("no port is left in this worker's share")


def copy_project(folder: Path, *, edits: Mapping[str, tuple[str, str]] | None = None) -> Path:
    """Copy the app to *folder*, as an owner who starts from it does; return the folder.

    *edits* name a file, the text to replace in it, which occurs once, and the new text.
    """
    folder.mkdir(parents=True)
    for name in filter(lambda name: (ROOT / name).exists(), (*PROJECT, *PACKAGES)):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder)
    for name, (old, new) in (edits or {}).items():
        text = (folder / name).read_text("utf-8")
        assert text.count(old) == 1, f"{name} does not have {old!r} once"
        (folder / name).write_text(text.replace(old, new), "utf-8")
    return folder
