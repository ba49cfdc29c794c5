"""The audit as admins read it: filtered, a page at a time, or all of it as CSV."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, or_, select
from sqlalchemy.orm import aliased

from auth.audit import Event
from auth.errors import InvalidDetails
from auth.roles import Role, require_role
from auth.service import AuthService
from auth.sessions import Session
from auth.users import as_details, find_by_email, read_email
from db.models import AuditEvent
from db.models import User as UserRow
from features.audit_log import words

PAGE = 50  # events on a page
EXPORTED = 50_000  # events that a file may have
CHUNK = 1_000  # events read at once for it
USER_ID = re.compile(r"[0-9a-f]{32}")
# What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection).
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
By = aliased(UserRow)


class EventFilter(NamedTuple):
    """The filter: events about or by a user, of a kind, from a moment on and before another."""

    user_id: str | None = None
    event: Event | None = None
    since: datetime | None = None
    until: datetime | None = None


class LoggedEvent(NamedTuple):
    """An event; the emails are None where the account is gone."""

    at: datetime
    id: int
    event: str
    detail: str | None
    user_id: str | None
    email: str | None
    by_id: str | None
    by_email: str | None
    ip: str
    user_agent: str


QUERY = (
    select(
        AuditEvent.at,
        AuditEvent.id,
        AuditEvent.event,
        AuditEvent.detail,
        AuditEvent.user_id,
        UserRow.email,
        AuditEvent.by_id,
        By.email,
        AuditEvent.ip,
        AuditEvent.user_agent,
    )
    .outerjoin(UserRow, UserRow.id == AuditEvent.user_id)
    .outerjoin(By, By.id == AuditEvent.by_id)
    .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
)


def find_user_id(auth: AuthService, by: Session, text: str) -> str | None:
    """Return the id that an email or an id stands for, or None for empty text.

    A deleted account's events are still found by its id. Raises InvalidDetails, or RoleNeeded.
    """
    require_role(by, Role.ADMIN)
    text = text.strip()
    if not text or USER_ID.fullmatch(text):
        return text or None
    with as_details("user"):
        email = read_email(text)
    with auth.read() as connection:
        account = find_by_email(connection, email)
    if account is None:
        raise InvalidDetails({"user": [words.NO_SUCH_USER]})
    return account.id


def list_events(
    auth: AuthService, by: Session, wanted: EventFilter, before: tuple[datetime, int] | None = None
) -> list[LoggedEvent]:
    """Return a page of events, the newest first, and one more if there is a next page.

    For the next page, *before* is the time and id of this page's last event. Raises RoleNeeded.
    """
    require_role(by, Role.ADMIN)
    with auth.read() as connection:
        return _read(connection, wanted, before, PAGE + 1)


def export_csv(auth: AuthService, by: Session, wanted: EventFilter) -> str:
    """Return the newest events that are *wanted* as CSV, at most EXPORTED of them.

    They are read in chunks and returned as one text, whose size EXPORTED bounds: Streamlit 1.67
    reads all that `st.download_button` is given, even a file, before it sends any.

    It may run after the page did, so it checks again: raises SessionOver, or RoleNeeded. Text that
    a spreadsheet would take for a formula gets an apostrophe in front.
    """
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(LoggedEvent._fields)
    writer.writerows(map(_cells, _all(auth, by, wanted)))
    return file.getvalue()


def _all(auth: AuthService, by: Session, wanted: EventFilter) -> Iterator[LoggedEvent]:
    before: tuple[datetime, int] | None = None
    for _ in range(EXPORTED // CHUNK):
        with auth.read() as connection:
            auth.require_open(connection, by, Role.ADMIN)
            found = _read(connection, wanted, before, CHUNK)
        yield from found
        if len(found) < CHUNK:
            return
        before = found[-1][:2]


def _read(
    connection: Connection, wanted: EventFilter, before: tuple[datetime, int] | None, most: int
) -> list[LoggedEvent]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.event:
        conditions.append(AuditEvent.event == wanted.event.value)
    if wanted.since:
        conditions.append(AuditEvent.at >= wanted.since)
    if before:
        at, last = before
        conditions += [AuditEvent.at <= at, or_(AuditEvent.at < at, AuditEvent.id < last)]
    elif wanted.until:
        conditions.append(AuditEvent.at < wanted.until)
    query = QUERY.where(*conditions).limit(most)
    if wanted.user_id is None:
        return _rows(connection.execute(query))
    # Two queries, each by its own index: otherwise SQLite would read the whole table by time.
    about = query.where(AuditEvent.user_id == wanted.user_id).with_hint(
        AuditEvent, "INDEXED BY ix_audit_user_id_id", "sqlite"
    )
    done = query.where(
        AuditEvent.by_id == wanted.user_id, AuditEvent.user_id.is_distinct_from(wanted.user_id)
    ).with_hint(AuditEvent, "INDEXED BY ix_audit_by_id", "sqlite")
    found = [*_rows(connection.execute(about)), *_rows(connection.execute(done))]
    return sorted(found, reverse=True)[:most]


def _rows(rows: Iterable[Any]) -> list[LoggedEvent]:
    return [LoggedEvent._make(row) for row in rows]


def _cells(entry: LoggedEvent) -> list[str]:
    cells = (str(cell or "") for cell in entry._replace(at=entry.at.isoformat()))  # type: ignore[arg-type]
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]
