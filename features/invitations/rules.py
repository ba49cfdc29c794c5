"""Invitations: sent by an admin, accepted once by the reader of the email (RO-4)."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.administration import record_change, write_as_admin
from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import is_claimed
from auth.errors import EmailTaken, InvalidDetails, LinkRefused, SignUpClosed
from auth.feature import Invitee
from auth.housekeeping import Expired
from auth.limits import change_counters, link_counters
from auth.members import matching
from auth.passwords import hash_password
from auth.roles import Role, read_roles, require_role
from auth.service import AuthService
from auth.sessions import Session
from auth.sign_up import check_domain, check_new_password, run_after_sign_up
from auth.step_up import require_recent
from auth.throttle import DAY, HOUR, MINUTE, Limit
from auth.tokens import hash_token
from auth.users import (
    Email,
    InvalidEmail,
    InvalidName,
    User,
    add_user,
    as_details,
    find_by_email,
    read_email,
    read_line,
    read_name,
    update_user,
)
from db.models import User as UserRow
from db.models import UserRole
from features.invitations.emails import invitation
from features.invitations.tables import Invitation

LIFE = timedelta(days=7)
KEPT = timedelta(days=30)  # after an invitation has expired
NOTE_MAX = 500  # characters
PAGE = 25  # invitations on a page
INVITE_RECIPIENT = Limit("invite: recipient", 5, DAY, 5 * MINUTE, HOUR)
PENDING = (Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))


class State(Enum):
    """What the link of an invitation can do now."""

    GOOD = "good"
    EXPIRED = "expired"
    HAS_ACCOUNT = "has account"  # it was accepted, or the email got an account in another way


class ReceivedInvitation(NamedTuple):
    """An invitation as the reader of its email may see it."""

    email: str
    state: State


class SentInvitation(NamedTuple):
    """An invitation as admins see it; *by* is who sent it, or None if that account is gone."""

    id: int
    email: str
    roles: frozenset[Role]
    note: str
    by_id: str | None
    by: str | None
    sent_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    accepted_at: datetime | None


def invite(
    auth: AuthService,
    email: str,
    roles: Collection[Role] = (),
    note: str = "",
    by: Session | None = None,
) -> str:
    """Email a link that makes an account with *roles*, and return the link for an operator.

    An earlier invitation of the same email becomes void. *by* is the admin's session, None for an
    operator's command. Raises SignUpClosed, InvalidDetails, EmailTaken, TooMany, PasswordNeeded,
    RoleNeeded, or SessionOver.
    """
    if by:
        require_role(by, Role.ADMIN)
        require_recent(auth, by)  # before counting: a copied cookie must use up no invitations
        auth.take(change_counters(by, by.client), by.client)
    if auth.settings.sign_up == "closed":
        raise SignUpClosed
    errors: dict[str, list[str]] = {}
    try:
        parsed = read_email(email)
    except InvalidEmail as error:
        errors["email"] = [str(error)]
    try:
        note = read_line(note, NOTE_MAX, "note")
    except InvalidName as error:
        errors["note"] = [str(error)]
    if errors:
        raise InvalidDetails(errors)
    check_domain(auth, parsed)
    return _send(auth, parsed, roles, note, by)


def expired(now: datetime) -> Sequence[Expired]:
    """Return what the purge deletes: expired invitations that were never accepted."""
    unanswered = Invitation.accepted_at.is_(None)
    return [(Invitation.id, [unanswered, Invitation.expires_at <= now - KEPT])]


def resend(auth: AuthService, invitation_id: int, by: Session | None = None) -> None:
    """Send an invitation again, also a revoked or expired one; the earlier link becomes void.

    Raises LinkRefused if it was accepted meanwhile, or what `invite` raises.
    """
    with auth.read() as connection:
        row = connection.execute(
            select(Invitation.email, Invitation.roles, Invitation.note).where(
                Invitation.id == invitation_id, Invitation.accepted_at.is_(None)
            )
        ).first()
    if row is None:
        raise LinkRefused
    invite(auth, row.email, read_roles(row.roles), row.note, by)


def revoke(auth: AuthService, invitation_id: int, by: Session | None = None) -> None:
    """Void an invitation that has not been accepted yet."""
    with write_as_admin(auth, by) as connection:
        voided = connection.execute(
            update(Invitation)
            .where(Invitation.id == invitation_id, *PENDING)
            .values(revoked_at=auth.now())
        )
        if voided.rowcount:
            record_change(auth, connection, Event.INVITATION_REVOKED, None, by)


def list_invitations(
    auth: AuthService, by: Session, before: int | None = None
) -> list[SentInvitation]:
    """Return a page of invitations, the newest first, and one more if there is a next page.

    For the next page, *before* is the id of this page's last one. Raises RoleNeeded.
    """
    require_role(by, Role.ADMIN)
    columns = [getattr(Invitation, name) for name in SentInvitation._fields if name != "by"]
    columns.insert(SentInvitation._fields.index("by"), UserRow.email)
    query = select(*columns).outerjoin(UserRow, UserRow.id == Invitation.by_id)
    if before is not None:
        query = query.where(Invitation.id < before)
    with auth.read() as connection:
        rows = connection.execute(query.order_by(Invitation.id.desc()).limit(PAGE + 1))
        return [SentInvitation._make(row)._replace(roles=read_roles(row.roles)) for row in rows]


def list_pending(auth: AuthService, by: Session, text: str = "", after: str = "") -> list[Invitee]:
    """Return a page of invited people without an account, and one more if there is a next page.

    Sorted by email; for *text* and *after* see `auth.members.list_members`. Raises RoleNeeded.
    """
    require_role(by, Role.ADMIN)
    # A subquery for each row: PostgreSQL would make NOT EXISTS a join with all users.
    account = select(UserRow.id).where(UserRow.email_key == Invitation.email_key).scalar_subquery()
    query = select(Invitation.email, Invitation.sent_at).where(
        *PENDING, account.is_(None), *matching(Invitation.email_key, text, after)
    )
    with auth.read() as connection:
        rows = connection.execute(query.order_by(Invitation.email_key).limit(PAGE + 1))
        return [Invitee._make(row) for row in rows]


def look_at_invitation(auth: AuthService, token: str) -> ReceivedInvitation | None:
    """Return whom *token* invites and whether it works now; None if never sent, or void."""
    with auth.read() as connection:
        columns = ("email", "email_key", "expires_at", "accepted_at")
        row = connection.execute(
            select(*(getattr(Invitation, name) for name in columns)).where(
                Invitation.hash == hash_token(token), Invitation.revoked_at.is_(None)
            )
        ).first()
        if row is None:
            return None
        if row.accepted_at or find_by_email(connection, Email(row.email, row.email_key)):
            return ReceivedInvitation(row.email, State.HAS_ACCOUNT)
    state = State.GOOD if auth.now() < row.expires_at else State.EXPIRED
    return ReceivedInvitation(row.email, state)


def accept(auth: AuthService, token: str, name: str, password: str, client: Client) -> User:
    """Make the account that *token* invites to: its email confirmed, with the invitation's roles.

    This does not log in. Raises InvalidDetails, which leaves the link valid, LinkRefused,
    EmailTaken, SignUpClosed, TooMany, or Busy.
    """
    auth.take(link_counters(client), client)
    if auth.settings.sign_up == "closed":
        raise SignUpClosed
    found = look_at_invitation(auth, token)
    if found is None or found.state is State.EXPIRED:
        raise LinkRefused
    if found.state is State.HAS_ACCOUNT:
        raise EmailTaken
    email = read_email(found.email)
    check_domain(auth, email)
    with as_details("name"):
        name = read_name(name)
    check_new_password(auth, password, email.shown, name, client)
    password_hash = hash_password(password, auth.scheme, client.source)
    with auth.write() as connection:
        user = _make_account(auth, connection, token, email, name, password_hash, client)
    run_after_sign_up(auth, user, client)
    return user


def export(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return the invitation that *user* accepted, for their download."""
    columns = (Invitation.email, Invitation.note, Invitation.sent_at, Invitation.accepted_at)
    row = connection.execute(select(*columns).where(Invitation.user_id == user.id)).first()
    return {"invitation": dict(row._mapping) if row else None}


def _send(
    auth: AuthService, email: Email, roles: Collection[Role], note: str, by: Session | None
) -> str:
    now = auth.now()
    auth.take([INVITE_RECIPIENT.on(email.key)], by.client if by else Client())
    token = secrets.token_urlsafe(24)  # 192 bits; only its hash is kept
    with write_as_admin(auth, by) as connection:
        if find_by_email(connection, email):
            raise EmailTaken
        unanswered = Invitation.accepted_at.is_(None)
        values = {
            "hash": hash_token(token),
            "email": email.shown,
            "roles": ",".join(sorted(roles)),
            "note": note,
            "by_id": by.user.id if by else None,
            "sent_at": now,
            "expires_at": now + LIFE,
            "revoked_at": None,
        }
        its = (Invitation.email_key == email.key, unanswered)
        replace = update(Invitation).where(*its).values(values)
        if not connection.execute(replace).rowcount:
            try:
                with connection.begin_nested():
                    connection.execute(insert(Invitation).values(email_key=email.key, **values))
            except IntegrityError:  # another one was sent at this moment: the later link counts
                connection.execute(replace)
        record_change(auth, connection, Event.INVITED, None, by)
    inviter = (by.user.name or by.user.email) if by else ""
    mail = invitation(auth.emails, email.shown, token, inviter, note)
    auth.send(mail)
    return mail.link or ""


def _make_account(
    auth: AuthService,
    connection: Connection,
    token: str,
    email: Email,
    name: str,
    password_hash: str,
    client: Client,
) -> User:
    now = auth.now()
    row = connection.execute(  # one statement: of two requests at once, one wins
        update(Invitation)
        .where(Invitation.hash == hash_token(token), Invitation.expires_at > now, *PENDING)
        .values(accepted_at=now)
        .returning(Invitation.id, Invitation.roles, Invitation.by_id)
    ).first()
    if row is None or not _may_invite(connection, row.by_id):
        raise LinkRefused
    if is_claimed(connection, email.key, now):
        raise EmailTaken
    user = add_user(connection, email, name, password_hash, now)
    update_user(connection, user.id, verified_at=now)  # reading the email has shown it is theirs
    connection.execute(update(Invitation).where(Invitation.id == row.id).values(user_id=user.id))
    record(connection, Event.USER_CREATED, now, user_id=user.id, client=client)
    record(
        connection, Event.INVITATION_ACCEPTED, now, user_id=user.id, client=client, by_id=row.by_id
    )
    for role in read_roles(row.roles):
        connection.execute(insert(UserRole).values(user_id=user.id, role=role.value))
        record(
            connection, Event.ROLE_GRANTED, now, user_id=user.id, by_id=row.by_id, detail=role.value
        )
    return user


def _may_invite(connection: Connection, admin_id: str | None) -> bool:
    """Return whether the inviter is still an admin; otherwise their invitations are void."""
    if admin_id is None:
        return True
    its = (UserRole.user_id == admin_id, UserRole.role == Role.ADMIN.value, UserRow.is_active)
    query = select(UserRole.user_id).join(UserRow, UserRow.id == UserRole.user_id)
    return connection.scalar(query.where(*its)) is not None
