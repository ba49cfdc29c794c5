"""Two factors: a code after the password, an app set up or turned off, and recovery codes.

A log-in needs a second factor if the account has an authenticator app, or if the settings require
one. Without an app, its challenge leads to the set-up, and no session exists before that (SF-1).
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.audit import Event, one_line, record
from auth.challenge import Challenge, find_challenge, keep_challenge, lock_challenged
from auth.client import Client
from auth.errors import LogInRefused, StepNeeded, StepOver
from auth.feature import DeviceToken, has_factor
from auth.housekeeping import Expired
from auth.keys import KeyRing, derive
from auth.limits import ALARM_RECIPIENT, FIRST_WAIT, change_counters, network_counters
from auth.log import BoundedLog
from auth.mail import Mail
from auth.roles import ROLES, Role
from auth.rotation import keep_current_session
from auth.service import AuthService
from auth.sessions import EndReason, Session, end_session, known_networks
from auth.stages import pass_stage
from auth.step_up import require_recent
from auth.throttle import DAY, HOUR, MINUTE, Counter, Limit, record_success
from auth.tokens import hash_token, new_token_id
from auth.users import Account, Login, User, find_by_id, lock_account, update_user
from db.models import Session as SessionRow
from db.models import User as UserRow
from features.two_factor import codes, emails
from features.two_factor.tables import Authenticator, RecoveryCode, TrustedDevice
from features.two_factor.words import CodeRefused, OtherFactorNeeded, RecoveryCodeRefused
from settings import Settings

STAGE = "two_factor"
# Like those of a log-in: an account's waits grow, a known network has its own (SF-2, TH-4).
CODE_ACCOUNT = Limit("code: account", 5, DAY, FIRST_WAIT, HOUR)
CODE_KNOWN = Limit("code: account, known network", 5, DAY, FIRST_WAIT, HOUR)
CODE_NETWORK = Limit("code: network", 100, 15 * MINUTE)
TRUSTED = timedelta(days=30)  # how long a device isn't asked for a code
ALONE = 15  # characters of a password that is the only factor (NIST SP 800-63B-4, 3.1.1.2)
BATCH = 500  # secrets encrypted anew in one transaction

log = BoundedLog("auth.two_factor")


class SetUpKey(NamedTuple):
    """A new secret, to scan and to type."""

    text: str
    uri: str


class Trusted(NamedTuple):
    """A device that isn't asked for a code."""

    id: str
    user_agent: str
    created_at: datetime
    expires_at: datetime


class State(NamedTuple):
    """What an account has: its app's row, if any, and the number of its recovery codes."""

    app: Any
    recovery_codes: int


# The log-in


def ask(auth: AuthService, account: Account, client: Client) -> bool:
    """Raise StepNeeded if the account has a second factor, or has to set one up.

    Returns True for a device that its user trusts.
    """
    if auth.settings.two_factor == "off":
        return False
    with auth.read() as connection:
        has_app = _secret_row(connection, account.id) is not None
        if has_app and _is_trusted(auth, connection, account, client):
            return True
        roles = connection.scalar(select(ROLES).where(UserRow.id == account.id))
    if has_app or is_required(auth.settings, roles or frozenset()):
        raise StepNeeded
    return False


def allows(auth: AuthService, session: Session) -> bool:
    """Return whether an open session has the factors that its user's roles require now."""
    return session.two_factors or not is_required(auth.settings, session.roles)


def is_required(settings: Settings, roles: frozenset[Role]) -> bool:
    """Return whether users with *roles* need two factors."""
    if settings.two_factor == "optional":
        return not roles.isdisjoint(settings.two_factor_required_for)
    return settings.two_factor == "required"


def has_app(auth: AuthService, connection: Connection, user_id: str) -> bool:
    """Return whether the account has an app whose code is asked for."""
    return auth.settings.two_factor != "off" and _secret_row(connection, user_id) is not None


def needs_set_up(auth: AuthService, challenge: Challenge) -> bool:
    """Return whether the account of *challenge* has yet to set up its app.

    Raises OtherFactorNeeded where it has another factor: the password alone sets up none beside it.
    """
    with auth.read() as connection:
        if _secret_row(connection, challenge.user_id) is not None:
            return False
        _refuse_other_factor(auth, connection, challenge)
        return True


def log_in_with_code(
    auth: AuthService,
    token: str,
    typed: str,
    client: Client,
    *,
    recovery: bool = False,
    trust: bool = False,
) -> Login:
    """Finish the log-in of the challenge *token* with a code, or with a recovery code.

    With *trust*, this browser isn't asked for a code for thirty days, under `server.py`. Wrong
    codes are counted per account and network, and reported to the owner. Raises CodeRefused,
    RecoveryCodeRefused, TooMany, or StepOver.
    """
    challenge = find_challenge(auth, token, client)
    if challenge is None or challenge.stage != STAGE:
        raise StepOver
    _check(auth, challenge.user_id, typed, client, recovery=recovery)
    login = pass_stage(auth, token, client, STAGE)
    if trust:
        _trust(auth, login, challenge.auth_version, client)
    return login


def key_for_challenge(auth: AuthService, challenge: Challenge) -> SetUpKey:
    """Return the key to set up during a log-in: the same for as long as the challenge lives."""
    with auth.read() as connection:
        user = find_by_id(connection, challenge.user_id)
    if user is None:
        raise StepOver
    return _key(auth, _secret_for(auth, challenge.hash), user.email)


def set_up_at_log_in(
    auth: AuthService, token: str, typed: str, client: Client
) -> tuple[Login, list[str]]:
    """Set the app up with a correct code, and finish the log-in; return its recovery codes too.

    Raises CodeRefused, OtherFactorNeeded, TooMany, or StepOver.
    """
    challenge = find_challenge(auth, token, client)
    if challenge is None or challenge.stage != STAGE:
        raise StepOver
    secret = _secret_for(auth, challenge.hash)
    auth.take(_counters(auth, challenge.user_id, client)[1], client)
    step = codes.step_of(secret, typed, auth.now())
    if step is None:
        raise CodeRefused
    with auth.write() as connection:
        lock_challenged(connection, challenge)
        _refuse_other_factor(auth, connection, challenge)
        made = _turn_on(auth, connection, challenge.user_id, secret, step)
        # Other sessions end, and this log-in continues under the account's new version.
        update_user(connection, challenge.user_id, auth_version=UserRow.auth_version + 1)
        keep_challenge(connection, challenge)
        now = auth.now()
        record(connection, Event.FACTOR_ADDED, now, user_id=challenge.user_id, client=client)
        user = find_by_id(connection, challenge.user_id)
    if user:
        auth.notify(emails.turned_on(auth.emails, user.email), ALARM_RECIPIENT)
    return pass_stage(auth, token, client, STAGE), made


# Devices that aren't asked


def device_token(auth: AuthService, login: Login) -> DeviceToken | None:
    """Return the token of the device that *login* was asked to trust, once.

    It is sent with the response that sets the session's cookie, so no script ever sees it.
    """
    claims = auth.claims(login.token)
    due = (TrustedDevice.session_id == (claims.session_id if claims else ""),)
    with auth.read() as connection:  # most log-ins have none, and needn't wait for a writer
        if connection.scalar(select(TrustedDevice.id).where(*due)) is None:
            return None
    token = secrets.token_urlsafe(24)
    with auth.write() as connection:
        sent = connection.execute(
            update(TrustedDevice)
            .where(*due, TrustedDevice.hash.is_(None))
            .values(hash=hash_token(token))
        )
    return DeviceToken(token, int(TRUSTED.total_seconds())) if sent.rowcount == 1 else None


def trusted_devices(auth: AuthService, session: Session) -> list[Trusted]:
    """Return the user's devices that aren't asked for a code, the newest first."""
    columns = [getattr(TrustedDevice, name) for name in Trusted._fields]
    with auth.read() as connection:
        rows = connection.execute(
            select(*columns)
            .join(UserRow, UserRow.id == TrustedDevice.user_id)
            .where(
                TrustedDevice.user_id == session.user.id,
                TrustedDevice.auth_version == UserRow.auth_version,
                TrustedDevice.hash.is_not(None),
                TrustedDevice.expires_at > auth.now(),
            )
            .order_by(TrustedDevice.created_at.desc(), TrustedDevice.id)
        )
        return [Trusted._make(row) for row in rows]


def end_trust(auth: AuthService, session: Session, device: str) -> None:
    """Ask for a code again on one of the user's devices; raises SessionOver.

    It needs no step-up, since it only makes a log-in harder.
    """
    with auth.write_as(session) as connection:
        ended = connection.execute(
            delete(TrustedDevice).where(
                TrustedDevice.id == device, TrustedDevice.user_id == session.user.id
            )
        )
        if ended.rowcount:
            auth.record(connection, Event.DEVICE_TRUST_ENDED, session)


def _trust(auth: AuthService, login: Login, auth_version: int, client: Client) -> None:
    claims, now = auth.claims(login.token), auth.now()
    with auth.write() as connection:
        if claims is None or find_by_id(connection, login.user.id, lock=True) is None:
            return  # the account was deleted meanwhile
        connection.execute(
            insert(TrustedDevice).values(
                id=secrets.token_hex(16),
                user_id=login.user.id,
                auth_version=auth_version,
                session_id=claims.session_id,
                user_agent=one_line(client.user_agent),
                created_at=now,
                expires_at=now + TRUSTED,
            )
        )
        record(
            connection,
            Event.DEVICE_TRUSTED,
            now,
            user_id=login.user.id,
            session_id=claims.session_id,
            client=client,
        )


def _is_trusted(
    auth: AuthService, connection: Connection, account: Account, client: Client
) -> bool:
    if not client.device:
        return False
    found = connection.scalar(
        select(TrustedDevice.id).where(
            TrustedDevice.hash == hash_token(client.device),
            TrustedDevice.user_id == account.id,
            TrustedDevice.auth_version == account.auth_version,
            TrustedDevice.expires_at > auth.now(),
        )
    )
    return found is not None


# The account


def state(auth: AuthService, session: Session) -> State:
    """Return whether the user's app is set up, and how many recovery codes are left."""
    with auth.read() as connection:
        app = _secret_row(connection, session.user.id)
        return State(app, _count_recovery_codes(connection, session.user.id))


def key_for_session(auth: AuthService, session: Session) -> SetUpKey:
    """Return the key to set up: the same while this session is open, and another one next time."""
    return _key(auth, _secret_of_session(auth, session), session.user.email)


def set_up(
    auth: AuthService, session: Session, typed: str, client: Client
) -> tuple[Login, list[str]]:
    """Turn two factors on with a correct code; return the session renewed, and recovery codes.

    Other sessions end: they began with one factor. Raises CodeRefused, PasswordNeeded, TooMany,
    or SessionOver.
    """
    require_recent(auth, session)
    auth.take(change_counters(session, client), client)
    secret = _secret_of_session(auth, session)
    step = codes.step_of(secret, typed, auth.now())
    if step is None:
        raise CodeRefused
    token_id = new_token_id()
    with auth.write_as(session) as connection:
        made = _turn_on(auth, connection, session.user.id, secret, step)
        _end_others(auth, connection, session, token_id, two_factors=True)
        auth.record(connection, Event.FACTOR_ADDED, session, client)
    auth.notify(emails.turned_on(auth.emails, session.user.email), ALARM_RECIPIENT)
    return auth.login(session, token_id), made


def turn_off(
    auth: AuthService, session: Session, typed: str, client: Client, *, recovery: bool = False
) -> Login:
    """Remove the app and its recovery codes, with one of them: the password isn't enough (SF-5).

    After step-up by a passkey no code is needed. Other sessions end. Raises CodeRefused,
    RecoveryCodeRefused, PasswordNeeded, TooMany, or SessionOver.
    """
    require_recent(auth, session)
    _check_factor(auth, session, typed, client, recovery=recovery)
    token_id = new_token_id()
    with auth.write_as(session) as connection:
        _remove(connection, session.user.id)
        _end_others(auth, connection, session, token_id, two_factors=session.by_passkey)
        auth.record(connection, Event.FACTOR_REMOVED, session, client)
    auth.notify(emails.turned_off(auth.emails, session.user.email), ALARM_RECIPIENT)
    return auth.login(session, token_id)


def renew_recovery_codes(
    auth: AuthService, session: Session, typed: str, client: Client, *, recovery: bool = False
) -> list[str]:
    """Return new recovery codes in place of the old, for what turns the app off: each can, too.

    There are none without an app. Raises CodeRefused, RecoveryCodeRefused, PasswordNeeded, TooMany,
    or SessionOver.
    """
    require_recent(auth, session)
    auth.take(change_counters(session, client), client)
    if state(auth, session).app is None:
        return []
    _check_factor(auth, session, typed, client, recovery=recovery)
    with auth.write_as(session) as connection:
        if _secret_row(connection, session.user.id) is None:
            return []  # turned off meanwhile
        made = _new_recovery_codes(connection, session.user.id)
        auth.record(connection, Event.RECOVERY_RENEWED, session, client)
    auth.notify(emails.new_codes(auth.emails, session.user.email), ALARM_RECIPIENT)
    return made


def export(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return when the app was set up, and the trusted devices, for the user's download."""
    row = _secret_row(connection, user.id)
    columns = TrustedDevice.user_agent, TrustedDevice.created_at, TrustedDevice.expires_at
    devices = connection.execute(select(*columns).where(TrustedDevice.user_id == user.id))
    trusted = [dict(each._mapping) for each in devices]
    return {
        "two_factor": {"set_up_at": row.created_at if row else None, "trusted_devices": trusted}
    }


def expired(now: datetime) -> Sequence[Expired]:
    """Return what the purge deletes."""
    return [(TrustedDevice.id, [TrustedDevice.expires_at <= now])]


# The operator


def turn_off_for(auth: AuthService, user_id: str) -> str:
    """Remove the second factor of a user who has lost it, end their sessions, and email them."""
    with auth.write() as connection:
        lock_account(connection, user_id)
        removed = _remove(connection, user_id)
        if removed:
            update_user(connection, user_id, auth_version=UserRow.auth_version + 1)
            record(connection, Event.FACTOR_REMOVED, auth.now(), user_id=user_id)
        user = find_by_id(connection, user_id)
    if user and removed:
        auth.send(emails.turned_off(auth.emails, user.email, by_operator=True))
    return "Two-factor authentication is off." if removed else "It was off already."


def remove_planted(
    auth: AuthService, connection: Connection, user_id: str, planted: bool
) -> Mail | None:
    """Remove an app that can't be the owner's, and return the notice of it.

    Otherwise it stays: an old mailbox may be an attacker's, and the app what keeps them out.
    """
    if not planted or not _remove(connection, user_id):
        return None
    record(connection, Event.FACTOR_REMOVED, auth.now(), user_id=user_id)
    user = find_by_id(connection, user_id)
    return emails.turned_off(auth.emails, user.email) if user else None


def rotate(auth: AuthService) -> int:
    """Encrypt every secret under the newest key, in batches; return how many were under another."""
    ring = _ring(auth)
    newest, _ = ring.newest
    old = select(Authenticator.user_id, Authenticator.secret).where(
        Authenticator.secret.not_like(f"{newest}.%")
    )
    done, last = 0, ""
    while True:
        with auth.write() as connection:
            batch = old.where(Authenticator.user_id > last).order_by(Authenticator.user_id)
            rows = connection.execute(batch.limit(BATCH)).all()
            for user_id, sealed in rows:
                last = user_id
                secret = codes.unseal(ring, sealed, user_id)
                if secret is None:
                    log.error("The secret of an authenticator app is under a key that is gone.")
                    continue
                connection.execute(
                    update(Authenticator)
                    .where(Authenticator.user_id == user_id, Authenticator.secret == sealed)
                    .values(secret=codes.seal(ring, secret, user_id))
                )
                done += 1
        if len(rows) < BATCH:
            return done


def at_start(auth: AuthService) -> Sequence[str]:
    """End sessions that began while TWO_FACTOR was off, and return what to log."""
    ended = _end_begun_off(auth) if auth.settings.two_factor != "off" else 0
    begun_off = f"Sessions that began while TWO_FACTOR was off, and ended now: {ended}."
    return [*([begun_off] if ended else []), *warnings(auth.settings)]


def _end_begun_off(auth: AuthService) -> int:
    """End the sessions with one factor of users with an app; return how many (SF-1)."""
    found = (
        select(SessionRow.id)
        .join(Authenticator, Authenticator.user_id == SessionRow.user_id)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(
            SessionRow.ended_at.is_(None),
            SessionRow.two_factors.is_(False),
            SessionRow.auth_version == UserRow.auth_version,  # others are over for their own reason
        )
        .limit(BATCH)
    )
    ended = 0
    while True:
        with auth.read() as connection:  # usually there are none, and nothing waits for a writer
            ids = connection.execute(found).scalars().all()
        if not ids:
            return ended
        for each in ids:
            with auth.write() as connection:  # one lock at a time: others end sessions, too
                ended += end_session(connection, each, EndReason.ONE_FACTOR, auth.now())


def warnings(settings: Settings) -> Sequence[str]:
    """Return what to log about passwords that are the only factor."""
    if settings.two_factor == "required" or settings.password_min_length >= ALONE:
        return []
    return [
        f"PASSWORD_MIN_LENGTH is {settings.password_min_length}: while a password may be the only "
        f"factor, {ALONE} are safe. Set TWO_FACTOR=required, or write {ALONE}."
    ]


# What these share


def _check(auth: AuthService, user_id: str, typed: str, client: Client, *, recovery: bool) -> None:
    """Use up one code of the user; count the attempt first, and report when it begins a wait."""
    own, shared = _counters(auth, user_id, client)
    begun = auth.take([*own, *shared], client)
    used = _use_recovery_code if recovery else _use_code
    if not used(auth, user_id, typed, client):
        with auth.write() as connection:
            now = auth.now()
            record(connection, Event.FACTOR_FAILED, now, user_id=user_id, client=client)
            user = find_by_id(connection, user_id)
        if user and not begun.isdisjoint(own):  # a full network says nothing of this account
            auth.notify(emails.wrong_codes(auth.emails, user.email), ALARM_RECIPIENT)
        raise RecoveryCodeRefused if recovery else CodeRefused
    with auth.write() as connection:
        record_success(connection, own, shared, auth.now())


def _check_factor(
    auth: AuthService, session: Session, typed: str, client: Client, *, recovery: bool
) -> None:
    """Use up one code of the session's user, unless a passkey has confirmed the session."""
    if not session.by_passkey:  # which is a factor, too: for those whose phone is gone
        _check(auth, session.user.id, typed, client, recovery=recovery)


def _use_code(auth: AuthService, user_id: str, typed: str, client: Client) -> bool:
    """Count the step of a correct code, so that no code of that step works again (A 6.5.1)."""
    with auth.read() as connection:
        row = _secret_row(connection, user_id)
    secret = codes.unseal(_ring(auth), row.secret, user_id) if row else None
    if row and secret is None:
        log.error("The secret of an authenticator app cannot be read: bring its SECRET_KEY back.")
    step = codes.step_of(secret, typed, auth.now()) if secret else None
    if step is None:
        return False
    with auth.write() as connection:
        counted = connection.execute(
            update(Authenticator)
            .where(
                Authenticator.user_id == user_id,
                Authenticator.secret == row.secret,
                Authenticator.last_step < step,
            )
            .values(last_step=step)
        )
    return counted.rowcount == 1


def _use_recovery_code(auth: AuthService, user_id: str, typed: str, client: Client) -> bool:
    with auth.write() as connection:
        used = connection.execute(
            delete(RecoveryCode).where(
                RecoveryCode.hash == codes.recovery_hash(typed), RecoveryCode.user_id == user_id
            )
        )
        if used.rowcount != 1:
            return False
        record(connection, Event.RECOVERY_USED, auth.now(), user_id=user_id, client=client)
        left, user = _count_recovery_codes(connection, user_id), find_by_id(connection, user_id)
    if user:
        auth.notify(emails.recovery_used(auth.emails, user.email, left), ALARM_RECIPIENT)
    return True


def _counters(
    auth: AuthService, user_id: str, client: Client
) -> tuple[list[Counter], list[Counter]]:
    with auth.read() as connection:
        known = client.network in known_networks(connection, user_id)
    own = CODE_KNOWN.on(f"{user_id} {client.network}") if known else CODE_ACCOUNT.on(user_id)
    return [own], network_counters(CODE_NETWORK, client)


def _refuse_other_factor(auth: AuthService, connection: Connection, challenge: Challenge) -> None:
    if has_factor(auth, connection, challenge.user_id, but=STAGE):
        raise OtherFactorNeeded


def _turn_on(
    auth: AuthService, connection: Connection, user_id: str, secret: bytes, step: int
) -> list[str]:
    """Store the app's secret, whose code of *step* has counted; return new recovery codes."""
    try:
        connection.execute(
            insert(Authenticator).values(
                user_id=user_id,
                secret=codes.seal(_ring(auth), secret, user_id),
                last_step=step,
                created_at=auth.now(),
            )
        )
    except IntegrityError:  # set up elsewhere meanwhile, or the account is gone
        raise StepOver from None
    return _new_recovery_codes(connection, user_id)


def _new_recovery_codes(connection: Connection, user_id: str) -> list[str]:
    made = [codes.new_recovery_code() for _ in range(codes.RECOVERY_CODES)]
    connection.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    connection.execute(
        insert(RecoveryCode),
        [{"hash": codes.recovery_hash(code), "user_id": user_id} for code in made],
    )
    return made


def _remove(connection: Connection, user_id: str) -> bool:
    connection.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    connection.execute(delete(TrustedDevice).where(TrustedDevice.user_id == user_id))
    removed = connection.execute(delete(Authenticator).where(Authenticator.user_id == user_id))
    return removed.rowcount == 1


def _end_others(
    auth: AuthService, connection: Connection, session: Session, token_id: str, *, two_factors: bool
) -> None:
    """End the user's other sessions; this one continues under *token_id*."""
    update_user(connection, session.user.id, auth_version=UserRow.auth_version + 1)
    keep_current_session(connection, session, token_id, auth.now(), two_factors=two_factors)


def _secret_row(connection: Connection, user_id: str) -> Any:
    return connection.execute(
        select(Authenticator.secret, Authenticator.created_at).where(
            Authenticator.user_id == user_id
        )
    ).first()


def _count_recovery_codes(connection: Connection, user_id: str) -> int:
    counted = select(func.count()).where(RecoveryCode.user_id == user_id)
    return connection.scalar(counted) or 0


def _secret_of_session(auth: AuthService, session: Session) -> bytes:
    with auth.read() as connection:
        user = find_by_id(connection, session.user.id)
    if user is None:
        raise LogInRefused
    return _secret_for(auth, f"{session.id} {user.auth_version}")


def _secret_for(auth: AuthService, occasion: str) -> bytes:
    """Return the secret of one set-up, derived so that F5 shows the same without storing it.

    *occasion* is secret or random, and different for every set-up (RFC 4226, 7.5).
    """
    whole = derive(auth.settings.keys[0], "authenticator", occasion.encode())
    return whole[: codes.SECRET_BYTES]


def _key(auth: AuthService, secret: bytes, email: str) -> SetUpKey:
    uri = codes.key_uri(secret, auth.settings.app_name, email)
    return SetUpKey(codes.key_as_text(secret), uri)


def _ring(auth: AuthService) -> KeyRing:
    return KeyRing.of(auth.settings.keys, purpose="authenticator secrets")
