"""Where an account was used before: networks and browsers that are no surprise."""

from sqlalchemy import Connection, bindparam, select

from auth.client import UNKNOWN, network
from db.models import Session

ADDRESSES = select(Session.address).where(Session.user_id == bindparam("key")).distinct()


def networks_of(connection: Connection, user_id: str) -> set[str]:
    """Return the networks that a user has logged in from, as long as their sessions are kept."""
    rows = connection.execute(ADDRESSES, {"key": user_id})
    return {network(row.address) for row in rows} - {UNKNOWN}


def agents_of(connection: Connection, user_id: str, but: str) -> set[str]:
    """Return the User-Agents of a user's sessions, without the session *but*."""
    rows = connection.execute(
        select(Session.agent).where(Session.user_id == user_id, Session.id != but).distinct()
    )
    return {row.agent for row in rows}
