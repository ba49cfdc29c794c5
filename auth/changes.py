"""Changes that users make to their own account: the name, the password, the email."""

from auth.addresses import Address, InvalidAddress, read_address
from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import (
    Purpose,
    issue_link,
    pending_address,
    use_link,
    void_links,
    void_objections,
)
from auth.errors import EmailTaken, InvalidDetails, LinkRefused, PasswordNeeded
from auth.limits import ALARM_RECIPIENT, CHANGE_EMAIL, CHANGE_SESSION, SIGN_UP_RECIPIENT
from auth.names import InvalidName, read_name
from auth.passwords import hash_password
from auth.recovery import Recovery
from auth.rotation import keep_current_session
from auth.sessions import Session
from auth.tokens import new_token_id
from auth.users import Login, find_by_address, find_by_id, set_password, update_user
from auth.verification import link_budgets, mail_limits


class Changes(Recovery):
    """The verbs about one's own account; each takes the *token* of the session that asks."""

    def change_name(self, token: str | None, name: str) -> None:
        """Store another name; raises InvalidDetails, or TooMany."""
        session = self._alive(token)
        self._count_change(session, session.client)
        try:
            name = read_name(name)
        except InvalidName as fault:
            raise InvalidDetails({"name": [str(fault)]}) from None
        with self._writing() as connection:
            update_user(connection, session.user.id, name=name)
            self._record(connection, Event.USER_CHANGED, session)

    def change_password(
        self, token: str | None, current: str, new: str, client: Client | None = None
    ) -> Login:
        """Store another password; other sessions end, this one goes on under the token returned.

        *client* is who asks, where known. Raises InvalidDetails, WrongPassword, TooMany, or Busy.
        """
        session = self._alive(token)
        user, client = session.user, client or session.client
        self._count_change(session, client)
        self._check_new_password(new, user.email, user.name, client)
        self._check_password(session, current, client)
        password_hash = hash_password(new, self._scheme, client.source)
        token_id = new_token_id()
        now = self._clock()
        with self._writing() as connection:
            set_password(connection, user.id, password_hash)
            keep_current_session(connection, session, token_id, now)
            void_links(connection, user.id, Purpose.KEEP)  # an attacker may do this
            self._record(connection, Event.PASSWORD_CHANGED, session)
        self._notify(self._emails.password_changed(user.email), ALARM_RECIPIENT)
        return Login(self._token(session, token_id), user, session.expires_at)

    def change_email(self, token: str | None, email: str) -> None:
        """Send a link to the new email; until it is confirmed the account keeps the old one.

        Raises PasswordNeeded, InvalidDetails, or TooMany. Whether the new email already has an
        account only its owner learns (EN-3).
        """
        session = self._alive(token)
        if not self.recently_authenticated(token):
            raise PasswordNeeded
        self._count_change(session, session.client)
        try:
            address = read_address(email)
        except InvalidAddress as fault:
            raise InvalidDetails({"email": [str(fault)]}) from None
        if address.shown == session.user.email:
            raise InvalidDetails({"email": ["This is your email already."]})
        old = read_address(session.user.email)
        recipients = [SIGN_UP_RECIPIENT.on(address.key), CHANGE_EMAIL.on(old.key)]
        self._take([*recipients, *mail_limits(session.client)], session.client)
        self._enqueue(lambda: self._ask_new_address(session, address))

    def pending_email(self, token: str | None) -> str | None:
        """Return the new email that is not confirmed yet."""
        session = self._alive(token)
        with self._reading() as connection:
            return pending_address(connection, session.user.id, self._clock())

    def keep_email(self, link: str, client: Client) -> None:
        """Undo or stop a change of email that its owner says they did not ask for.

        An attacker is in the account, so every session ends and no password opens it until a new
        one is chosen, by the link that goes to the old email. Raises LinkRefused, or TooMany.
        """
        self._take(link_budgets(client), client)
        now = self._clock()
        try:
            with self._writing() as connection:
                row = use_link(connection, link, (Purpose.KEEP,), now)
                if row is None:
                    raise LinkRefused
                set_password(
                    connection, row.user_id, None, email=row.email, email_key=row.email_key
                )
                void_links(connection, row.user_id, Purpose.KEEP)
                void_objections(connection, row.user_id, since=row.created_at)
                record(connection, Event.USER_CHANGED, now, user_id=row.user_id, client=client)
        except EmailTaken:  # by another account, meanwhile
            raise LinkRefused from None
        address = Address(row.email, row.email_key)
        self._enqueue(lambda: self._send_reset(address, client))

    def _count_change(self, session: Session, client: Client) -> None:
        """Count a change, also one that is then refused for what was typed; raises TooMany."""
        self._take([CHANGE_SESSION.on(f"{session.id} {client.network}")], client)

    def _ask_new_address(self, session: Session, address: Address) -> None:
        now = self._clock()
        with self._writing() as connection:
            user = find_by_id(connection, session.user.id)
            if user is None:
                return
            taken = find_by_address(connection, address)
            change = issue_link(connection, user, Purpose.CHANGE, address.shown, address.key, now)
            keep = issue_link(connection, user, Purpose.KEEP, user.email, user.email_key, now)
            self._record(connection, Event.LINK_SENT, session)
        if taken:
            self._send(self._emails.taken(taken.email))
        else:
            self._send(self._emails.change(address.shown, change))
        self._send(self._emails.changing(user.email, address.shown, keep))
