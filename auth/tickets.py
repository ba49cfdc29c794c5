"""Tickets: passed from a script to its page so that an HTTP response can set the cookie.

A ticket works once, for half a minute, and only in the browser it was made for.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from db.models import Ticket

LIFE = timedelta(seconds=30)


def issue_ticket(
    connection: Connection,
    session_id: str,
    browser: str,
    now: datetime,
    ticket: str | None = None,
) -> str:
    """Return a ticket, new or the given one, that only the holder of the nonce *browser* can use.

    A given *ticket* must have at least 128 random bits; it is valid from now on.
    """
    ticket = ticket or secrets.token_urlsafe(24)
    connection.execute(
        insert(Ticket).values(
            hash=_hash(ticket),
            session_id=session_id,
            browser=_hash(browser),
            expires_at=now + LIFE,
        )
    )
    return ticket


def is_ticket(connection: Connection, ticket: str) -> bool:
    """Return whether the ticket exists; only then is it worth a write transaction."""
    found = connection.execute(select(Ticket.hash).where(Ticket.hash == _hash(ticket))).first()
    return found is not None


def use_ticket(connection: Connection, ticket: str, browser: str, now: datetime) -> str | None:
    """Return the id of the session that *ticket* is for, once; None for anything else.

    A single statement deletes it, so only one of two concurrent requests wins, in any process.
    A ticket presented by another browser is used up too: it has leaked.
    """
    row = connection.execute(
        delete(Ticket)
        .where(Ticket.hash == _hash(ticket))
        .returning(Ticket.session_id, Ticket.browser, Ticket.expires_at)
    ).first()
    if row is None or row.browser != _hash(browser) or now >= row.expires_at:
        return None
    session_id: str = row.session_id
    return session_id


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
