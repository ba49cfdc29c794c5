"""Sessions: new at each log-in, checked on each run, ended on time."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text, update

from auth.administration import disable, enable
from auth.audit import Event, session_mark
from auth.hand_off import end_reason
from auth.service import AuthService
from auth.sessions import (
    IPS_OF_USER,
    MAX_PER_USER,
    NEWEST,
    TOUCH_EVERY,
    Client,
    EndReason,
    end_session,
    known_networks,
    known_user_agents,
    touch_session,
)
from db.engine import Database
from db.models import AuditEvent, Session
from settings import Settings
from tests.fixtures import LAPTOP, Clock, Person, make_settings

SECOND = timedelta(seconds=1)
ZERO = timedelta(0)


def test_a_log_in_makes_a_session_of_its_own(service: AuthService, ada: Person) -> None:
    """SE-1: never the same token or id twice, and 192 random bits in each."""
    logins = [service.log_in(ada.email, ada.password, LAPTOP) for _ in range(5)]

    sessions = [service.session(login.token) for login in logins]

    assert len({login.token for login in logins}) == 5
    assert len({session.id for session in sessions if session and len(session.id) == 32}) == 5


def test_a_log_in_ends_the_session_it_replaces(service: AuthService, ada: Person) -> None:
    """SE-1: a token planted before log-in is never adopted."""
    planted = service.log_in(ada.email, ada.password, LAPTOP).token

    login = service.log_in(ada.email, ada.password, Client(token=planted))

    assert login.token != planted
    assert service.resume(planted) is None
    assert end_reason(service, planted) == EndReason.REPLACED


def test_a_failed_log_in_ends_nothing(service: AuthService, ada: Person) -> None:
    """SE-1: a user who mistypes in a second tab stays signed in in the first."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    with pytest.raises(Exception, match="do not match"):
        service.log_in(ada.email, "wrong", Client(token=token))

    assert service.resume(token)


def test_a_copied_cookie_is_dead_after_log_out(service: AuthService, ada: Person) -> None:
    """SE-5: logging out ends the session itself, not just the browser's copy of it."""
    login = service.log_in(ada.email, ada.password, client=LAPTOP)
    copied = login.token

    service.log_out(copied)

    assert service.resume(copied) is None
    assert end_reason(service, copied) == EndReason.LOGGED_OUT


def test_logging_out_again_is_no_fault(service: AuthService, ada: Person, clock: Clock) -> None:
    """SE-5: a double click ends it once, for the first reason."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    for junk in (token, token, "", None, "no.token.this"):
        service.log_out(junk)
        clock.advance(SECOND)

    assert end_reason(service, token) == EndReason.LOGGED_OUT


def test_logging_out_leaves_other_browsers_alone(service: AuthService, ada: Person) -> None:
    """JWT-11: what ends is the session the token names."""
    phone, laptop = (service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(2))

    service.log_out(phone)

    assert service.resume(laptop)


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "\ud800", "x" * 10_000])
def test_without_a_token_there_is_no_user(service: AuthService, token: str | None) -> None:
    """JWT-9: anonymous, and no exception."""
    assert service.resume(token) is None
    assert end_reason(service, token) is None


@pytest.mark.parametrize("remember", [False, True], ids=["plain", "remembered"])
@pytest.mark.parametrize(("early", "alive"), [(SECOND, True), (ZERO, False), (-SECOND, False)])
def test_a_session_ends_with_its_absolute_life(
    database: Database, clock: Clock, remember: bool, early: timedelta, alive: bool
) -> None:
    """SE-3, SE-11: on the server, to the second, however active the user was."""
    settings = make_settings()
    life = settings.session_remember_age if remember else settings.session_max_age
    service = AuthService(
        database,
        settings.model_copy(update={"session_idle_age": life, "session_remember_idle_age": life}),
        clock=clock,
    )
    ada = service.sign_up("ada@example.com", "difference engine number two")
    login = service.log_in(ada.email, "difference engine number two", LAPTOP, remember)

    clock.advance(life - early)

    assert login.expires_at == clock.now + early
    assert (service.resume(login.token) is not None) is alive
    assert end_reason(service, login.token) == (None if alive else EndReason.EXPIRED)


@pytest.mark.parametrize("remember", [False, True], ids=["plain", "remembered"])
@pytest.mark.parametrize(("early", "alive"), [(SECOND, True), (ZERO, False), (-SECOND, False)])
def test_a_session_ends_when_it_is_idle(
    service: AuthService,
    settings: Settings,
    ada: Person,
    clock: Clock,
    remember: bool,
    early: timedelta,
    alive: bool,
) -> None:
    """SE-4, SE-11: a second before the limit it is open; at the limit it has ended."""
    idle = settings.session_remember_idle_age if remember else settings.session_idle_age
    token = service.log_in(ada.email, ada.password, LAPTOP, remember).token

    clock.advance(idle - early)

    assert (service.resume(token) is not None) is alive
    assert end_reason(service, token) == (None if alive else EndReason.IDLE)


def test_using_a_session_keeps_it_and_looking_does_not(
    service: AuthService, settings: Settings, ada: Person, clock: Clock
) -> None:
    """SE-4: a page that only checks whether it may stay open does not count as use."""
    used, looked_at = (service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(2))

    for _ in range(4):
        clock.advance(settings.session_idle_age / 3)
        service.resume(used)
        service.resume(looked_at, touch=False)

    assert service.resume(used)
    assert service.resume(looked_at) is None


@pytest.mark.parametrize(
    ("after", "written"),
    [(ZERO, False), (TOUCH_EVERY - SECOND, False), (TOUCH_EVERY, True), (-SECOND, False)],
)
def test_a_use_is_written_once_a_minute(
    service: AuthService, ada: Person, clock: Clock, after: timedelta, written: bool
) -> None:
    """SE-4: a run reads; it writes rarely, and never backwards."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    began = clock.now

    clock.advance(after)
    service.resume(token)
    session = service.session(token)

    assert session
    assert session.last_seen_at == (began + after if written else began)


def test_a_lock_held_by_another_writer_keeps_no_page_waiting(
    database: Database, service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-4, AV-4: recording a session's use can wait for the next run."""
    login = service.log_in(ada.email, ada.password, LAPTOP)
    clock.advance(timedelta(minutes=2))

    with database.write() as connection:
        connection.execute(
            update(Session).values(user_agent="locked")
        )  # every row, and SQLite whole
        user = service.resume(login.token)

    assert user == login.user
    service.resume(login.token)
    with database.read() as connection:
        assert connection.scalar(select(Session.last_seen_at)) == clock.now


def test_disabling_ends_every_session_for_good(service: AuthService, ada: Person) -> None:
    """SE-2, SE-6: at the next run, and enabling does not bring them back."""
    tokens = [service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(3)]

    disable(service, ada.id)
    assert [service.resume(token) for token in tokens] == [None] * 3
    assert end_reason(service, tokens[0]) == EndReason.DISABLED

    enable(service, ada.id)
    assert [service.resume(token) for token in tokens] == [None] * 3
    assert end_reason(service, tokens[0]) == EndReason.CHANGED
    assert service.log_in(ada.email, ada.password, LAPTOP)


def test_a_session_whose_row_is_gone_is_over(
    service: AuthService, ada: Person, database: Database
) -> None:
    """SE-2: the row decides; the token alone gives no access."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    with database.write() as connection:
        connection.execute(Session.__table__.delete())  # type: ignore[attr-defined]

    assert service.resume(token) is None
    service.log_out(token)


def test_a_token_of_another_user_opens_no_session(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-2: user and session of a token belong together, even under our own signature."""
    from auth.keys import KeyRing
    from auth.tokens import issue

    bob = service.sign_up("bob@example.com", "kumquat lantern orbit")
    session = service.session(service.log_in(ada.email, ada.password, LAPTOP).token)
    assert session
    ring = KeyRing.of(make_settings().keys, "session")

    crossed = issue(bob.id, session.id, ring, now=clock.now, expires_at=session.expires_at)

    assert service.resume(crossed) is None


def test_a_session_records_its_client_in_one_plain_line(
    service: AuthService, ada: Person, database: Database
) -> None:
    """LG-3: the User-Agent is shortened, and forges no line."""
    agent = "Mozilla\r\n\x1b[31mauthn_login_success\0" + "x" * 1000

    service.log_in(ada.email, ada.password, Client("192.0.2.7\n", agent))

    with database.read() as connection:
        row = connection.execute(select(Session.ip, Session.user_agent)).one()
    assert row.ip == "192.0.2.7"
    assert row.user_agent.startswith("Mozilla[31mauthn")
    assert len(row.user_agent) <= 256


def test_a_session_past_both_limits_has_expired(
    service: AuthService, ada: Person, database: Database
) -> None:
    """SE-3: at the first moment too: no use could have kept it, so "idle" would mislead."""
    session = service.session(service.log_in(ada.email, ada.password, LAPTOP).token)
    assert session

    with database.read() as connection:
        ended = service.sessions.find(connection, session.id, session.expires_at)

    assert ended and ended.end_reason is EndReason.EXPIRED


def test_the_record_of_a_crowded_out_session_names_the_new_client(
    service: AuthService, ada: Person, database: Database, clock: Clock
) -> None:
    """SE-10, LG-1: and the session that ended: which log-in ended which browser."""
    first = service.session(service.log_in(ada.email, ada.password, LAPTOP).token)
    assert first
    for _ in range(MAX_PER_USER):
        clock.advance(SECOND)
        service.log_in(ada.email, ada.password, Client("192.0.2.200", "Phone"))

    with database.read() as connection:
        query = select(AuditEvent.__table__).where(AuditEvent.event == Event.SESSION_REVOKED)
        row = connection.execute(query).one()
    assert (row.user_id, row.session) == (ada.id, session_mark(first.id))
    assert (row.ip, row.user_agent) == ("192.0.2.200", "Phone")


@pytest.mark.parametrize(("two_factors", "by_passkey"), [(True, False), (False, True)])
def test_a_session_records_how_its_log_in_was_proved(
    service: AuthService, ada: Person, clock: Clock, two_factors: bool, by_passkey: bool
) -> None:
    """SE-1: the second factor and the passkey, each by itself: rules ask for them later."""
    with service.write() as connection:
        session = service.sessions.start(
            connection,
            ada.id,
            1,
            LAPTOP,
            remembered=False,
            two_factors=two_factors,
            by_passkey=by_passkey,
            now=clock.now,
        )

    assert (session.two_factors, session.by_passkey) == (two_factors, by_passkey)


def test_an_ended_session_keeps_its_first_end_and_its_last_use(
    service: AuthService, ada: Person, database: Database, clock: Clock
) -> None:
    """SE-5: neither a later end nor a use that was under way changes the record."""
    session = service.session(service.log_in(ada.email, ada.password, LAPTOP).token)
    assert session
    with service.write() as connection:
        ended = [end_session(connection, session.id, EndReason.LOGGED_OUT, clock.now)]
        clock.advance(SECOND)
        ended.append(end_session(connection, session.id, EndReason.REUSED, clock.now))
        touch_session(connection, session.id, clock.now)

    with database.read() as connection:
        row = connection.execute(select(Session.__table__)).one()
    assert ended == [True, False]
    assert row.end_reason == EndReason.LOGGED_OUT
    assert row.ended_at == row.last_seen_at == clock.now - SECOND


def test_a_late_use_moves_no_session_back(
    service: AuthService, ada: Person, database: Database, clock: Clock
) -> None:
    """SE-4: two runs may write in any order; the latest use counts."""
    session = service.session(service.log_in(ada.email, ada.password, LAPTOP).token)
    assert session

    with service.write() as connection:
        for moment in (clock.now + SECOND, clock.now):
            touch_session(connection, session.id, moment)

    with database.read() as connection:
        assert connection.scalar(select(Session.last_seen_at)) == clock.now + SECOND


def test_a_use_and_an_end_concern_one_session(
    service: AuthService, ada: Person, database: Database, clock: Clock
) -> None:
    """JWT-11: the same user's other sessions stay as they are."""
    used, ended, other = (
        service.session(service.log_in(ada.email, ada.password, LAPTOP).token) for _ in range(3)
    )
    assert used and ended and other
    with service.write() as connection:
        touch_session(connection, used.id, clock.now + SECOND)
        end_session(connection, ended.id, EndReason.ENDED, clock.now)

    with database.read() as connection:
        rows = connection.execute(select(Session.id, Session.last_seen_at, Session.ended_at))
        assert {row.id: tuple(row)[1:] for row in rows} == {
            used.id: (clock.now + SECOND, None),
            ended.id: (clock.now, clock.now),
            other.id: (clock.now, None),
        }


def test_however_often_a_user_has_logged_in_few_networks_are_read(
    service: AuthService, ada: Person, database: Database
) -> None:
    """AV-1: nothing counts a successful log-in, and every refusal looks the networks up."""
    service.log_in(ada.email, ada.password, LAPTOP)
    with database.write() as connection:
        row = connection.execute(select(Session.__table__)).one()._mapping
        made = [
            {**row, "id": str(number), "ip": f"10.0.{number >> 8}.{number & 255}"}
            | {"created_at": row["created_at"] + (number + 1) * SECOND}
            for number in range(NEWEST)
        ]
        connection.execute(insert(Session), made[:-1])
        before = known_networks(connection, ada.id)
        connection.execute(insert(Session), made[-1:])
        networks = known_networks(connection, ada.id)

    assert LAPTOP.network in before
    assert len(before) == len(networks) == NEWEST
    assert LAPTOP.network not in networks


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_users_newest_sessions_are_read_without_sorting_all_of_them(database: Database) -> None:
    """AV-1: an index has their order; without it a refusal grows with every log-in so far."""
    query = IPS_OF_USER.params(key="a user")
    sql = query.compile(database.engine, compile_kwargs={"literal_binds": True})

    with database.read() as connection:
        steps = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"))]

    assert any("ix_sessions_user_id_created_at" in step for step in steps)
    assert not any("ORDER BY" in step for step in steps)


def test_a_user_is_known_by_their_own_sessions_alone(
    service: AuthService, ada: Person, database: Database
) -> None:
    """TH-4, AC-3: another user's networks and browsers, and missing ones, vouch for no one."""
    bob = service.sign_up("bob@example.com", "kumquat lantern orbit")
    service.log_in(bob.email, "kumquat lantern orbit", Client("198.51.100.9", "Bob's browser"))
    for client in (LAPTOP, Client("", "Phone"), Client("192.0.2.200", "Tablet")):
        token = service.log_in(ada.email, ada.password, client).token
    newest = service.session(token)
    assert newest

    with database.read() as connection:
        networks = known_networks(connection, ada.id)
        browsers = known_user_agents(connection, ada.id, but=newest.id)

    assert networks == {LAPTOP.network, "192.0.2.200"}
    assert browsers == {LAPTOP.user_agent, "Phone"}
