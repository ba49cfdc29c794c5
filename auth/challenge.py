"""A challenge: a row between a correct password and the session, while a stage asks for more.

It lives for five minutes and opens nothing by itself: there is neither a session nor a cookie yet.
Its token is held by one tab and works only in the browser that sent the password.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from auth.errors import StepOver
from auth.tokens import hash_token
from db.models import Challenge as ChallengeRow
from db.models import User as UserRow

if TYPE_CHECKING:
    from auth.client import Client
    from auth.service import AuthService
    from auth.users import Account

LIFE = timedelta(minutes=5)


class Challenge(NamedTuple):
    """A challenge's row: whose log-in it is, and which stage asks."""

    hash: str
    user_id: str
    auth_version: int
    stage: str
    remembered: bool
    ip: str


def issue_challenge(
    auth: AuthService,
    connection: Connection,
    account: Account,
    stage: str,
    client: Client,
    *,
    remembered: bool,
) -> str:
    """Return the token of a new challenge of *stage*; the browser's earlier ones become void."""
    _void(connection, client)
    token = secrets.token_urlsafe(24)
    connection.execute(
        insert(ChallengeRow).values(
            hash=hash_token(token),
            browser=hash_token(client.browser),
            user_id=account.id,
            auth_version=account.auth_version,
            stage=stage,
            remembered=remembered,
            ip=client.ip,
            expires_at=auth.now() + LIFE,
        )
    )
    return token


def find_challenge(auth: AuthService, token: str | None, client: Client) -> Challenge | None:
    """Return the challenge of *token* if *client* may continue it now; None for anything else."""
    if not token:
        return None
    columns = [getattr(ChallengeRow, name) for name in Challenge._fields]
    with auth.read() as connection:
        row = connection.execute(
            select(*columns)
            .join(UserRow, UserRow.id == ChallengeRow.user_id)
            .where(
                ChallengeRow.hash == hash_token(token),
                ChallengeRow.browser == hash_token(client.browser),
                ChallengeRow.expires_at > auth.now(),
                ChallengeRow.auth_version == UserRow.auth_version,
                UserRow.is_active,
            )
        ).first()
    return Challenge._make(row) if row else None


def lock_challenged(connection: Connection, challenge: Challenge) -> None:
    """Lock the account of *challenge*; raise StepOver if that was voided since it was found."""
    account = select(UserRow.auth_version).where(UserRow.id == challenge.user_id, UserRow.is_active)
    version = connection.scalar(account.with_for_update())
    found = select(ChallengeRow.auth_version).where(ChallengeRow.hash == challenge.hash)
    if version is None or connection.scalar(found.with_for_update()) != version:
        raise StepOver


def keep_challenge(connection: Connection, challenge: Challenge) -> None:
    """Let *challenge* continue after a change of the account that voids all others."""
    version = select(UserRow.auth_version).where(UserRow.id == challenge.user_id)
    connection.execute(
        update(ChallengeRow)
        .where(ChallengeRow.hash == challenge.hash)
        .values(auth_version=version.scalar_subquery())
    )


def use_challenge(connection: Connection, challenge: Challenge) -> bool:
    """Use up *challenge*; False for all but one of several who try at once."""
    used = connection.execute(delete(ChallengeRow).where(ChallengeRow.hash == challenge.hash))
    return used.rowcount == 1


def void_challenges(auth: AuthService, client: Client) -> None:
    """Void what the browser of *client* has begun: another password is being tried in it."""
    if not client.browser:
        return  # all without a nonce would share one; each of their tabs holds one token
    pending = select(ChallengeRow.hash).where(ChallengeRow.browser == hash_token(client.browser))
    with auth.read() as connection:  # most have none, and needn't wait for a writer
        if connection.scalar(pending.limit(1)) is None:
            return
    with auth.write() as connection:
        _void(connection, client)


def _void(connection: Connection, client: Client) -> None:
    if client.browser:
        connection.execute(
            delete(ChallengeRow).where(ChallengeRow.browser == hash_token(client.browser))
        )
