"""Housekeeping: log-ins and the operator delete expired rows, and only those."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, select

from auth import __main__ as command
from auth.administration import disable, end_every_session
from auth.audit import KEPT, Event
from auth.client import Client
from auth.errors import AuthError, LogInRefused
from auth.housekeeping import (
    ACCOUNT_BATCH,
    BATCH,
    SESSIONS_KEPT,
    STRANGERS_KEPT,
    count_expired,
    purge,
)
from auth.service import AuthService
from db.engine import Database
from db.models import AuditEvent, Base, Counter, EmailToken, Session, User
from features.email_verification.rules import confirm_email
from features.invitations import rules as invitations
from features.invitations.tables import Invitation
from features.password_reset.rules import request_reset
from features.two_factor.tables import TrustedDevice
from tests.fixtures import KEY, LAPTOP, NOON, Clock, Letterbox, Person

SECOND = timedelta(seconds=1)


def count(database: Database, table: type[Base]) -> int:
    """Return how many rows *table* has."""
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def test_a_log_in_tidies_up(
    service: AuthService, ada: Person, clock: Clock, database: Database, letterbox: Letterbox
) -> None:
    """DB-7: one batch of each kind, after the answer."""
    request_reset(service, ada.email, LAPTOP)
    letterbox.queue.finish()
    with pytest.raises(LogInRefused):
        service.log_in("unknown@example.com", "wrong wrong wrong", LAPTOP)
    clock.advance(timedelta(days=2))

    service.log_in(ada.email, ada.password, LAPTOP)
    letterbox.queue.finish()

    assert (count(database, EmailToken), count(database, Counter)) == (0, 2)


@pytest.mark.parametrize(
    ("table", "life"),
    [
        (Session, timedelta(hours=12) + SESSIONS_KEPT),
        (EmailToken, timedelta(hours=24)),
        (AuditEvent, KEPT),
    ],
)
def test_nothing_goes_before_its_time(
    service: AuthService,
    ada: Person,
    clock: Clock,
    database: Database,
    table: type[Base],
    life: timedelta,
) -> None:
    """DB-7: to the second."""
    service.log_in(ada.email, ada.password, LAPTOP)
    before = count(database, table)
    clock.now = NOON + life - SECOND
    sum(purge(service))
    kept = count(database, table)
    clock.now = NOON + life
    sum(purge(service))

    assert (kept, count(database, table)) == (before, 0)


def test_what_features_keep_goes_in_its_time_too(
    service: AuthService, ada: Person, clock: Clock, database: Database
) -> None:
    """DB-7: an invited person's email, and a device that was trusted, without anyone's doing."""
    service.log_in(ada.email, ada.password, LAPTOP)  # an account that is used stays
    invitations.invite(service, "bob@example.com")
    accepted = clock.now + invitations.LIFE + invitations.KEPT
    with database.write() as connection:
        connection.execute(
            insert(TrustedDevice).values(
                id="device",
                user_id=ada.id,
                auth_version=0,
                session_id="session",
                user_agent="",
                created_at=clock.now,
                expires_at=accepted,
            )
        )
    clock.now = accepted - SECOND
    sum(purge(service))
    kept = [count(database, table) for table in (Invitation, TrustedDevice)]
    clock.now = accepted
    assert count_expired(service) >= 2
    sum(purge(service))

    assert kept == [1, 1]
    assert [count(database, table) for table in (Invitation, TrustedDevice)] == [0, 0]


def test_failed_log_ins_to_unknown_emails_are_kept_for_a_day(
    service: AuthService, ada: Person, clock: Clock, database: Database
) -> None:
    """TH-5: rows that any visitor can cause are kept for a short time."""
    for email in (ada.email, "unknown@example.com"):
        with pytest.raises(LogInRefused):
            service.log_in(email, "wrong wrong wrong", LAPTOP)
    end_every_session(service)
    clock.advance(STRANGERS_KEPT)

    sum(purge(service))

    with database.read() as connection:
        left = connection.execute(select(AuditEvent.user_id, AuditEvent.event)).all()
    assert {row.event for row in left if row.user_id is None} == {Event.SESSION_REVOKED}
    assert Event.LOG_IN_FAILED in {row.event for row in left if row.user_id == ada.id}


def test_an_account_that_was_never_confirmed_nor_used_goes_after_a_week(
    service: AuthService, ada: Person, clock: Clock, database: Database
) -> None:
    """EN-3, DB-7: to the second; the email becomes free, and the audit keeps a pseudonym."""
    kept = timedelta(days=7)
    clock.now = NOON + kept - SECOND
    sum(purge(service))
    assert count(database, User) == 1

    clock.now = NOON + kept
    assert sum(purge(service)) > 0

    assert count(database, User) == 0
    with database.read() as connection:
        events = connection.execute(select(AuditEvent.event, AuditEvent.user_id)).all()
    assert (Event.USER_DELETED, ada.id) in events
    assert service.sign_up(ada.email, "marble otter quiet window")


def test_a_sign_up_that_came_to_nothing_leaves_no_events_for_a_year(
    service: AuthService, clock: Clock, database: Database, letterbox: Letterbox
) -> None:
    """TH-5: a visitor can sign up at will: only its deletion is kept, for a day."""
    service.sign_up("nobody@example.com", "marble otter quiet window", client=LAPTOP)
    assert letterbox.to("nobody@example.com")  # the link's event is written
    clock.advance(timedelta(days=7))
    sum(purge(service))
    assert count(database, AuditEvent) == 1
    clock.advance(STRANGERS_KEPT)

    sum(purge(service))

    assert count(database, AuditEvent) == 0


@pytest.mark.parametrize("kind", ["confirmed", "used", "disabled", "off"])
def test_every_other_account_stays(
    service: AuthService,
    ada: Person,
    clock: Clock,
    database: Database,
    letterbox: Letterbox,
    kind: str,
) -> None:
    """DB-7: also long after its last session was deleted."""
    if kind == "confirmed":
        confirm_email(service, letterbox.link(ada.email, "verify-email"), LAPTOP, ada.password)
    elif kind == "used":
        service.log_out(service.log_in(ada.email, ada.password, LAPTOP).token)
    elif kind == "disabled":
        disable(service, ada.id)
    else:
        changes = {"unverified_accounts_kept": None}
        service.settings = service.settings.model_copy(update=changes)
    clock.advance(timedelta(days=300))

    sum(purge(service))

    assert (count(database, User), count(database, Session)) == (1, 0)


def test_a_log_in_deletes_unused_accounts_too(
    service: AuthService, ada: Person, clock: Clock, database: Database, letterbox: Letterbox
) -> None:
    """DB-7: no operator has to remember it."""
    service.log_in(ada.email, ada.password, LAPTOP)
    service.sign_up("unused@example.com", "marble otter quiet window")
    letterbox.queue.finish()
    clock.advance(timedelta(days=7))

    service.log_in(ada.email, ada.password, LAPTOP)
    letterbox.queue.finish()

    assert count(database, User) == 1


def test_many_unused_accounts_go_by_batches(
    service: AuthService, ada: Person, clock: Clock, database: Database, letterbox: Letterbox
) -> None:
    """DB-7: each a short transaction of its own."""
    service.log_in(ada.email, ada.password, LAPTOP)
    letterbox.queue.finish()
    with database.write() as connection:
        row = {"name": "", "is_active": True, "auth_version": 1, "created_at": NOON}
        names = [f"user{number}" for number in range(ACCOUNT_BATCH + 10)]
        connection.execute(
            User.__table__.insert(),  # type: ignore[attr-defined]
            [{**row, "id": name, "email": name, "email_key": name} for name in names],
        )
    clock.advance(timedelta(days=7))

    batches = list(purge(service))

    assert [batch for batch in batches if batch][-2:] == [ACCOUNT_BATCH, 10]
    assert count(database, User) == 1


def test_a_purge_goes_by_batches(service: AuthService, clock: Clock, database: Database) -> None:
    """DB-7: each a short transaction of its own."""
    with database.write() as connection:
        connection.execute(
            Counter.__table__.insert(),  # type: ignore[attr-defined]
            [
                {"key": f"{number:064}", "count": 1, "until": NOON, "expires_at": NOON}
                for number in range(BATCH + 10)
            ],
        )

    batches = list(purge(service))

    assert [batch for batch in batches if batch] == [BATCH, 10]


@pytest.fixture
def operator(
    service: AuthService, ada: Person, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> CliRunner:
    """An operator at the terminal of a server with Ada's account."""
    for name, value in {"DATABASE_URL": database_url, "SECRET_KEY": KEY}.items():
        monkeypatch.setenv(name, value)
    return CliRunner()


def test_an_operator_purges(operator: CliRunner) -> None:
    """DB-7: and sees how many rows were deleted."""
    done = operator.invoke(command.main, ["purge"])

    assert done.exit_code == 0
    assert "rows deleted." in done.output


def test_an_operator_ends_the_sessions_of_one_or_all(
    operator: CliRunner, service: AuthService, ada: Person
) -> None:
    """SE-8: by email, or all; never both by mistake."""
    bob = service.sign_up("bob@example.com", "marble otter quiet window")
    hers = service.log_in(ada.email, ada.password, LAPTOP).token
    his = service.log_in(bob.email, "marble otter quiet window", LAPTOP).token

    assert operator.invoke(command.main, ["log-out", "ADA@example.com"]).exit_code == 0
    assert (service.resume(hers), service.resume(his)) == (None, bob)
    assert operator.invoke(command.main, ["log-out", "--everybody"]).exit_code == 0
    assert service.resume(his) is None
    for slip in (["log-out"], ["log-out", ada.email, "--everybody"]):
        assert operator.invoke(command.main, slip).exit_code == 2


def test_an_operator_disables_and_enables(
    operator: CliRunner, service: AuthService, ada: Person
) -> None:
    """SE-6: the account's sessions end at once."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    assert operator.invoke(command.main, ["disable", ada.email]).exit_code == 0
    assert service.resume(token) is None
    with pytest.raises(AuthError):
        service.log_in(ada.email, ada.password, LAPTOP)
    assert operator.invoke(command.main, ["enable", ada.email]).exit_code == 0
    assert service.log_in(ada.email, ada.password, LAPTOP)


@pytest.mark.parametrize(
    ("email", "told"),
    [("unknown@example.com", "There is no account"), ("nonsense", "Enter a whole email address")],
)
def test_an_operator_is_told_in_a_sentence_what_was_wrong(
    operator: CliRunner, email: str, told: str
) -> None:
    """CF-1: a typo gives no traceback."""
    ended = operator.invoke(command.main, ["disable", email])

    assert ended.exit_code
    assert told in ended.output


def test_the_emails_can_be_looked_at(operator: CliRunner, tmp_path: Path) -> None:
    """Each as text and as HTML."""
    done = operator.invoke(command.main, ["emails", str(tmp_path / "emails")])

    assert done.exit_code == 0
    names = {path.suffix for path in (tmp_path / "emails").iterdir()}
    assert names == {".html", ".txt"}


def test_the_network_of_a_deleted_session_is_forgotten(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-4: an account's known networks come from its stored sessions."""
    service.log_in(ada.email, ada.password, LAPTOP)
    clock.advance(timedelta(hours=12) + SESSIONS_KEPT)
    sum(purge(service))
    for _ in range(5):
        with pytest.raises(LogInRefused):
            service.log_in(ada.email, "wrong wrong wrong", Client(ip="198.51.100.9"))

    with pytest.raises(AuthError, match="Too many"):
        service.log_in(ada.email, ada.password, LAPTOP)
