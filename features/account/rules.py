"""Changes that users make to their own account: the name and the password."""

from auth.audit import Event
from auth.client import Client
from auth.email_tokens import OBJECTIONS, void_links
from auth.errors import InvalidDetails
from auth.limits import ALARM_RECIPIENT, change_counters
from auth.passwords import hash_password
from auth.rotation import keep_current_session
from auth.service import AuthService
from auth.sessions import Session
from auth.sign_up import check_new_password
from auth.step_up import require_password
from auth.tokens import new_token_id
from auth.users import Login, as_details, read_name, set_password, update_user
from features.account import words


def change_name(auth: AuthService, session: Session, name: str) -> bool:
    """Store a new name; returns False, and writes nothing, if it is the same as before.

    Raises InvalidDetails, TooMany, or SessionOver.
    """
    auth.take(change_counters(session, session.client), session.client)
    with as_details("name"):
        name = read_name(name)
    if name == session.user.name:
        return False
    with auth.write_as(session) as connection:
        update_user(connection, session.user.id, name=name)
        auth.record(connection, Event.USER_CHANGED, session)
    return True


def change_password(
    auth: AuthService, session: Session, current: str, new: str, client: Client | None = None
) -> Login:
    """Store a new password; other sessions end, and this one continues under the returned token.

    An account without a password gets one, after a recent step-up. *client* is the requester, if
    known. Raises InvalidDetails, WrongPassword, PasswordNeeded, TooMany, Busy, or SessionOver.
    """
    user, client = session.user, client or session.client
    auth.take(change_counters(session, client), client)
    check_new_password(auth, new, user.email, user.name, client)
    require_password(auth, session, current, client)
    if new == current:
        raise InvalidDetails({"password": [words.PASSWORD_UNCHANGED]})
    password_hash = hash_password(new, auth.scheme, client.source)
    token_id = new_token_id()
    by_passkey = session.by_passkey and not current  # a typed password confirms as itself
    with auth.write_as(session) as connection:
        set_password(connection, user.id, password_hash)
        keep_current_session(connection, session, token_id, auth.now(), by_passkey=by_passkey)
        void_links(connection, user.id, *OBJECTIONS)  # an attacker may do this
        auth.record(connection, Event.PASSWORD_CHANGED, session, client)
    auth.notify(auth.emails.password_changed(user.email), ALARM_RECIPIENT)
    return auth.login(session, token_id)
