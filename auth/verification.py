"""Verification: a link in an email shows that the email, perhaps a new one, is its user's."""

from dataclasses import dataclass

from auth.addresses import read_address
from auth.audit import Event, record
from auth.client import Client
from auth.devices import Devices
from auth.email_tokens import Purpose, is_claimed, issue_link, look_at_link, use_link, void_links
from auth.errors import EmailTaken, LinkRefused, LogInRefused, PasswordNeeded, WrongPassword
from auth.limits import LINK_ALL, LINK_NETWORK, MAIL_ALL, MAIL_NETWORK, MAIL_RECIPIENT, for_place
from auth.log_in import Authenticated, LogIn
from auth.throttle import Budget, settle
from auth.users import find_by_id, update_user

CONFIRMS = (Purpose.VERIFY, Purpose.CHANGE)


@dataclass(frozen=True)
class Confirmation:
    """What a link that confirms an email would do, for the page that it opens."""

    email: str  # that it was sent to
    needs_password: bool  # the account's, because this browser is not signed in to it
    may_choose_password: bool  # by the same link, instead of typing the account's


class Verification(Devices, LogIn):
    """The verbs about whose an email is.

    Reading an email proves no more than that. Its account may be an attacker's, who signed up with
    the owner's email and waits for the click that verifies it; or a person's who mistyped their
    email, so that a stranger reads the link. Hence a link confirms together with the account's
    password only, or in a session that began with it. The owner of a new account's email can
    choose another password instead, which ends every session. A link for a changed email cannot:
    that account is the one of the old email.
    """

    def resend_link(self, token: str | None) -> None:
        """Send the user who asks another link for their email; raises TooMany."""
        session = self._alive(token)
        recipient = MAIL_RECIPIENT.on(read_address(session.user.email).key)
        self._take([recipient, *mail_limits(session.client)], session.client)
        self._enqueue(lambda: self._send_link(session.user.id))

    def confirmation(self, link: str, token: str | None = None) -> Confirmation | None:
        """Return what *link* would confirm for the session *token*, or None if it does not work."""
        with self._reading() as connection:
            row = look_at_link(connection, link, CONFIRMS, self._clock())
        if row is None:
            return None
        return Confirmation(
            email=row.sent_to,
            needs_password=not self._is_signed_in(row.id, token),
            may_choose_password=row.purpose == Purpose.VERIFY,
        )

    def confirm_email(
        self, link: str, client: Client, password: str | None = None, token: str | None = None
    ) -> str:
        """Note that the email *link* was sent to is its user's, and return it.

        *password* is the account's; none is needed where *token* is of a session of the account. A
        new email takes the old one's place. Wrong passwords count like those of a log-in (TH-1),
        and leave the link good. Raises LinkRefused, PasswordNeeded, WrongPassword, or TooMany.
        """
        self._take(link_budgets(client), client)
        with self._reading() as connection:
            found = look_at_link(connection, link, CONFIRMS, self._clock())
        if found is None:
            raise LinkRefused
        checked = None
        if not self._is_signed_in(found.id, token):
            if password is None:
                raise PasswordNeeded
            checked = self._check_owner(found.email, password, client)
        try:
            return self._confirm(link, client, checked)
        except EmailTaken:  # by another account, meanwhile
            raise LinkRefused from None

    def _confirm(self, link: str, client: Client, checked: Authenticated | None) -> str:
        now = self._clock()
        with self._writing() as connection:
            if checked:  # counters before accounts, as at log-in: neither waits for the other
                settle(connection, checked.own, checked.shared, now)
            row = use_link(connection, link, CONFIRMS, now)
            user = find_by_id(connection, row.user_id) if row else None
            if row is None or user is None:
                raise LinkRefused
            if row.purpose == Purpose.CHANGE:
                if is_claimed(connection, row.email_key, now, user.id):
                    raise LinkRefused
                update_user(
                    connection, user.id, email=row.email, email_key=row.email_key, verified_at=now
                )
                void_links(connection, user.id, Purpose.KEEP)
            elif user.email_key == row.email_key:
                update_user(connection, user.id, verified_at=now)
            else:
                raise LinkRefused
            if checked and user.failures:
                update_user(connection, user.id, failures=0)
            record(connection, Event.USER_CHANGED, now, user_id=user.id, client=client)
        email: str = row.email
        return email

    def _check_owner(self, email: str, password: str, client: Client) -> Authenticated:
        try:
            return self._authenticate(email, password, client, by_link=True)
        except LogInRefused:
            raise WrongPassword from None

    def _is_signed_in(self, user_id: str, token: str | None) -> bool:
        session = self.session(token, trusted=True)
        return session is not None and not session.end_reason and session.user.id == user_id

    def _send_link(self, user_id: str) -> None:
        """Send the email that asks a user to confirm theirs, unless they have."""
        now = self._clock()
        with self._writing() as connection:
            user = find_by_id(connection, user_id)
            if user is None or user.verified_at:
                return
            link = issue_link(connection, user, Purpose.VERIFY, user.email, user.email_key, now)
            record(connection, Event.LINK_SENT, now, user_id=user.id)
        self._send(self._emails.verify(user.email, link))


def mail_limits(client: Client) -> list[Budget]:
    """Return what asking for an email costs besides its recipient's own limit."""
    return [*for_place(MAIL_NETWORK, client), MAIL_ALL.on("")]


def link_budgets(client: Client) -> list[Budget]:
    """Return what trying a link costs: nobody guesses 192 bits, but nobody has to try (TH-2)."""
    return [*for_place(LINK_NETWORK, client), LINK_ALL.on("")]
