"""The audit: each flow leaves its events, no row is changed, no line is forged, no secret leaks."""

import json
import logging
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from auth.administration import disable, end_every_session
from auth.audit import Event, note
from auth.client import Client
from auth.errors import AuthError
from auth.hand_off import end_reason, end_replaced, refresh
from auth.service import AuthService
from auth.sessions import MAX_PER_USER
from auth.step_up import confirm_password
from auth.users import Login
from db.engine import Database
from db.models import AuditEvent, Base
from features.account.rules import change_name, change_password
from features.activity.rules import recent_activity
from features.devices.rules import revoke_other_sessions
from features.email_change.rules import change_email, keep_email
from features.email_verification.rules import confirm_email, resend_link
from features.password_reset.rules import request_reset, reset_password
from features.personal_data.rules import delete_account
from tests.fixtures import KEY, LAPTOP, NOON, Clock, Letterbox, Person, open_session
from tests.template.examples import SHARED_FIXTURES

NEW, OTHER = "marble otter quiet window", "ada@new.example.com"
WRONG = "not the password at all"


@pytest.fixture
def token(service: AuthService, ada: Person) -> str:
    """Ada's session, in which she has just typed her password."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    return confirm_password(service, open_session(service, token), ada.password).token


def events(database: Database) -> list[str]:
    """Return the events in the table, oldest first."""
    with database.read() as connection:
        return list(connection.execute(select(AuditEvent.event).order_by(AuditEvent.id)).scalars())


def rotate(service: AuthService, token: str, clock: Clock) -> None:
    """Load a page when the token is due."""
    clock.advance(timedelta(minutes=15))
    refresh(service, token)


def end_others(service: AuthService, ada: Person, token: str) -> None:
    """Log in elsewhere, and end that session."""
    service.log_in(ada.email, ada.password, LAPTOP)
    revoke_other_sessions(service, open_session(service, token))


def reset(service: AuthService, ada: Person, box: Letterbox) -> None:
    """Choose a new password by the emailed link."""
    request_reset(service, ada.email, LAPTOP)
    reset_password(service, box.link(ada.email, "reset-password"), NEW, LAPTOP)


def object_to_change(service: AuthService, ada: Person, token: str, box: Letterbox) -> None:
    """Let an attacker change the email, and take it back."""
    change_email(service, open_session(service, token), "eve@example.com")
    keep_email(service, box.link(ada.email, "keep-email"), LAPTOP)


def reuse(service: AuthService, token: str, clock: Clock) -> None:
    """Present a copy of a token that was replaced long ago."""
    rotate(service, token, clock)
    renewed = refresh(service, token)
    assert renewed
    service.resume(renewed.token)
    clock.advance(timedelta(minutes=2))
    service.resume(token)


def idle(service: AuthService, token: str, clock: Clock) -> None:
    """Come back after the session's idle lifetime."""
    clock.advance(service.settings.session_idle_age)
    end_reason(service, token)


Flow = Callable[[AuthService, Person, str, Letterbox, Clock], object]
FLOWS: dict[str, tuple[Flow, list[Event]]] = {
    "log in": (
        lambda it, ada, token, box, clock: it.log_in(ada.email, ada.password, LAPTOP),
        [Event.LOGGED_IN, Event.SESSION_STARTED],
    ),
    "wrong password": (
        lambda it, ada, token, box, clock: it.log_in(ada.email, WRONG, LAPTOP),
        [Event.LOG_IN_FAILED],
    ),
    "unknown email": (
        lambda it, ada, token, box, clock: it.log_in("unknown@example.com", WRONG, LAPTOP),
        [Event.LOG_IN_FAILED],
    ),
    "log out": (lambda it, ada, token, box, clock: it.log_out(token), [Event.LOGGED_OUT]),
    "sign up": (
        lambda it, ada, token, box, clock: it.sign_up("bob@example.com", NEW),
        [Event.USER_CREATED, Event.LINK_SENT],
    ),
    "forgot password": (
        lambda it, ada, token, box, clock: request_reset(it, ada.email, LAPTOP),
        [Event.LINK_SENT],
    ),
    "forgot by a stranger": (
        lambda it, ada, token, box, clock: request_reset(it, "unknown@example.com", LAPTOP),
        [],
    ),
    "confirm": (
        lambda it, ada, token, box, clock: confirm_email(
            it, box.link(ada.email, "verify-email"), LAPTOP, ada.password
        ),
        [Event.USER_CHANGED],
    ),
    "change name": (
        lambda it, ada, token, box, clock: change_name(it, open_session(it, token), "A. L."),
        [Event.USER_CHANGED],
    ),
    "change password": (
        lambda it, ada, token, box, clock: change_password(
            it, open_session(it, token), ada.password, NEW
        ),
        [Event.PASSWORD_CHANGED],
    ),
    "wrong password again": (
        lambda it, ada, token, box, clock: confirm_password(it, open_session(it, token), WRONG),
        [Event.REFUSED],
    ),
    "password again": (
        lambda it, ada, token, box, clock: confirm_password(
            it, open_session(it, token), ada.password
        ),
        [Event.CONFIRMED, Event.SESSION_RENEWED],
    ),
    "log in over another": (
        lambda it, ada, token, box, clock: end_replaced(
            it, it.log_in(ada.email, ada.password, LAPTOP).token, token
        ),
        [Event.LOGGED_IN, Event.SESSION_STARTED, Event.SESSION_REVOKED],
    ),
    "change email": (
        lambda it, ada, token, box, clock: change_email(it, open_session(it, token), OTHER),
        [Event.LINK_SENT],
    ),
    "rotate": (
        lambda it, ada, token, box, clock: rotate(it, token, clock),
        [Event.SESSION_RENEWED],
    ),
    "end other sessions": (
        lambda it, ada, token, box, clock: end_others(it, ada, token),
        [Event.LOGGED_IN, Event.SESSION_STARTED, Event.SESSION_REVOKED],
    ),
    "reset": (
        lambda it, ada, token, box, clock: reset(it, ada, box),
        [Event.LINK_SENT, Event.PASSWORD_CHANGED],
    ),
    "object": (
        lambda it, ada, token, box, clock: object_to_change(it, ada, token, box),
        [Event.LINK_SENT, Event.USER_CHANGED, Event.LINK_SENT],
    ),
    "another link": (
        lambda it, ada, token, box, clock: resend_link(it, open_session(it, token)),
        [Event.LINK_SENT],
    ),
    "log in over a session": (
        lambda it, ada, token, box, clock: it.log_in(
            ada.email, ada.password, replace(LAPTOP, token=token)
        ),
        [Event.SESSION_REVOKED, Event.LOGGED_IN, Event.SESSION_STARTED],
    ),
    "one device too many": (
        lambda it, ada, token, box, clock: [
            it.log_in(ada.email, ada.password, LAPTOP) for _ in range(MAX_PER_USER)
        ],
        [
            *[Event.LOGGED_IN, Event.SESSION_STARTED] * (MAX_PER_USER - 1),
            *[Event.SESSION_REVOKED, Event.LOGGED_IN, Event.SESSION_STARTED],
        ],
    ),
    "idle": (
        lambda it, ada, token, box, clock: idle(it, token, clock),
        [Event.SESSION_EXPIRED],
    ),
    "reuse": (
        lambda it, ada, token, box, clock: reuse(it, token, clock),
        [Event.SESSION_RENEWED, Event.TOKEN_REUSED],
    ),
    "disable": (lambda it, ada, token, box, clock: disable(it, ada.id), [Event.USER_CHANGED]),
    "end all": (
        lambda it, ada, token, box, clock: end_every_session(it),
        [Event.SESSION_REVOKED],
    ),
    "delete": (
        lambda it, ada, token, box, clock: delete_account(
            it, open_session(it, token), ada.password
        ),
        [Event.USER_DELETED],
    ),
}


REFUSED = {"wrong password", "unknown email", "wrong password again"}


@pytest.mark.parametrize("flow", FLOWS)
def test_each_flow_leaves_exactly_its_events(
    service: AuthService,
    database: Database,
    ada: Person,
    token: str,
    letterbox: Letterbox,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    flow: str,
) -> None:
    """LG-1: in the table and in the log."""
    letterbox.queue.finish()
    before = len(events(database))
    run, expected = FLOWS[flow]
    caplog.set_level(logging.INFO, "auth.audit")
    caplog.clear()

    with suppress(AuthError) if flow in REFUSED else nullcontext():
        run(service, ada, token, letterbox, clock)
    letterbox.queue.finish()

    assert events(database)[before:] == expected
    lines = [record for record in caplog.records if record.name == "auth.audit"]
    assert [json.loads(line.getMessage())["event"] for line in lines] == expected


def test_what_is_done_with_a_copied_cookie_is_recorded_from_where_it_is_done(
    service: AuthService, database: Database, ada: Person, token: str
) -> None:
    """LG-1: a guess, a step-up and a change say where the requester is, not the owner's log-in."""
    thief = Client(ip="198.51.100.66", user_agent="Thief")
    before = len(events(database))
    copied = open_session(service, token)

    with pytest.raises(AuthError):
        confirm_password(service, copied, WRONG, thief)
    login = confirm_password(service, copied, ada.password, thief)
    change_password(service, open_session(service, login.token), ada.password, NEW, thief)

    with database.read() as connection:
        rows = connection.execute(select(AuditEvent.ip).order_by(AuditEvent.id)).scalars().all()
    assert len(rows) == before + 4
    assert set(rows[before:]) == {thief.ip}


def test_failing_leaves_a_lock_and_a_log_in_after_it(
    service: AuthService, database: Database, ada: Person, clock: Clock
) -> None:
    """LG-1: the fifth wrong password starts a wait; the right one afterwards is recorded too."""
    before = len(events(database))
    for _ in range(5):
        with pytest.raises(AuthError):
            service.log_in(ada.email, WRONG, LAPTOP)
    clock.advance(timedelta(minutes=1))
    service.log_in(ada.email, ada.password, LAPTOP)

    assert events(database)[before:] == [
        *["authn_login_fail"] * 5,
        "authn_login_lock",
        "authn_login_successafterfail",
        "session_created",
    ]


def test_what_attackers_can_repeat_is_only_in_the_log(
    service: AuthService,
    database: Database,
    ada: Person,
    token: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LG-1: attempts over a limit, and ended sessions, add no rows."""
    service.log_out(token)
    for _ in range(6):
        with pytest.raises(AuthError):
            service.log_in("unknown@example.com", WRONG, Client())
    before = len(events(database))
    caplog.set_level(logging.INFO, "auth.audit")
    caplog.clear()

    with pytest.raises(AuthError):
        service.log_in("unknown@example.com", WRONG, Client())
    end_reason(service, token)

    assert len(events(database)) == before
    told = [json.loads(record.getMessage())["event"] for record in caplog.records]
    assert told == ["excess_rate_limit_exceeded", "session_use_after_expire"]


def test_no_row_can_be_changed_by_any_program(database: Database, ada: Person) -> None:
    """LG-1: the database itself refuses; only the client's IP and User-Agent can be blanked."""
    for change in ({"event": "user_updated"}, {"user_id": "eve"}, {"at": NOON + timedelta(1)}):
        with pytest.raises(DBAPIError, match="append-only"), database.write() as connection:
            connection.execute(update(AuditEvent).values(change))

    with database.write() as connection:
        connection.execute(update(AuditEvent).values(ip="", user_agent=""))


@SHARED_FIXTURES
@given(agent=st.text(), address=st.text())
def test_no_text_breaks_a_line_of_the_log(
    caplog: pytest.LogCaptureFixture, agent: str, address: str
) -> None:
    """LG-3: one line of JSON in printable ASCII, for any User-Agent."""
    caplog.set_level(logging.INFO, "auth.audit")
    caplog.clear()

    note(Event.LOG_IN_FAILED, NOON, client=Client(address, agent))

    [line] = [record.getMessage() for record in caplog.records]
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["event"] == "authn_login_fail"


def test_a_user_sees_their_own_recent_activity(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """Newest first, of thirty days, and no other user's."""
    bob = service.sign_up("bob@example.com", NEW)
    clock.advance(timedelta(hours=1))
    change_name(service, open_session(service, token), "A. L.")

    seen = [entry.event for entry in recent_activity(service, open_session(service, token))]

    assert seen[0] == Event.USER_CHANGED
    assert seen[-1] == Event.USER_CREATED
    assert seen.count(Event.USER_CREATED) == 1
    assert bob.id != ada.id


@pytest.mark.slow
def test_no_flow_writes_a_secret_anywhere(
    service: AuthService,
    database: Database,
    ada: Person,
    token: str,
    letterbox: Letterbox,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LG-2: passwords, tokens, links and keys are in no log, no column and no wrong email.

    Each flow has its own account, so that none ends another's session.
    """
    caplog.set_level(logging.DEBUG)
    canaries = [ada.password, WRONG, NEW, token, KEY]
    for number, (name, (run, _)) in enumerate(FLOWS.items()):
        user = service.sign_up(f"visitor{number}@example.com", ada.password)
        person = Person(user.id, user.email, ada.password)
        own = service.log_in(person.email, person.password, LAPTOP).token
        canaries.append(own)
        own = confirm_password(service, open_session(service, own), person.password).token
        canaries.append(own)
        with suppress(AuthError) if name in REFUSED else nullcontext():
            made = run(service, person, own, letterbox, clock)
            canaries += [made.token] if isinstance(made, Login) else []
        letterbox.queue.finish()
    links = [mail.link.partition("token=")[2] for mail in letterbox.mails if mail.link]
    assert any(links)

    with database.read() as connection:
        stored = " ".join(
            str(value)
            for table in Base.metadata.tables.values()
            for row in connection.execute(select(table))
            for value in row
        )
    logged = " ".join(record.getMessage() for record in caplog.records)
    mailed = " ".join(mail.text + mail.html + mail.subject for mail in letterbox.mails)
    for secret in [*canaries, *filter(None, links)]:
        assert secret not in stored
        assert secret not in logged
    assert not any(secret in mailed for secret in canaries)
