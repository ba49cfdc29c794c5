"""Verification: a link in a mail shows that an address is its user's, also when it is a new one."""

from auth.audit import Event, record
from auth.client import Client
from auth.devices import Devices
from auth.email_tokens import Purpose, is_claimed, issue_link, use_link, void_links
from auth.errors import EmailTaken, LinkRefused
from auth.limits import LINK_ALL, LINK_NETWORK, MAIL_ACCOUNT, MAIL_ALL, MAIL_NETWORK, for_place
from auth.throttle import Budget
from auth.users import find_by_id, update_user


class Verification(Devices):
    """The verbs about whose an address is."""

    def resend_link(self, token: str | None) -> None:
        """Send the user who asks another link for their address; raises TooMany."""
        session = self._alive(token)
        self._take(mail_budgets(session.user.id, session.client), session.client)
        self._enqueue(lambda: self._send_link(session.user.id))

    def confirm_email(self, link: str, client: Client) -> str:
        """Note that the address *link* was sent to is its user's, and return it.

        A new address takes the old one's place. Raises LinkRefused, or TooMany.
        """
        self._take(link_budgets(client), client)
        now = self._clock()
        try:
            with self._writing() as connection:
                row = use_link(connection, link, (Purpose.VERIFY, Purpose.CHANGE), now)
                user = find_by_id(connection, row.user_id) if row else None
                if row is None or user is None:
                    raise LinkRefused
                if row.purpose == Purpose.CHANGE:
                    if is_claimed(connection, row.email_key, now, user.id):
                        raise LinkRefused
                    update_user(
                        connection,
                        user.id,
                        email=row.email,
                        email_key=row.email_key,
                        verified_at=now,
                    )
                    void_links(connection, user.id, Purpose.KEEP)
                elif user.email_key == row.email_key:
                    update_user(connection, user.id, verified_at=now)
                else:
                    raise LinkRefused
                record(connection, Event.USER_CHANGED, now, user_id=user.id, client=client)
        except EmailTaken:  # by somebody who was faster
            raise LinkRefused from None
        email: str = row.email
        return email

    def _send_link(self, user_id: str) -> None:
        """Write the letter that asks whether the address is theirs; not where that is known."""
        now = self._clock()
        with self._writing() as connection:
            user = find_by_id(connection, user_id)
            if user is None or user.verified_at:
                return
            link = issue_link(connection, user, Purpose.VERIFY, user.email, user.email_key, now)
            record(connection, Event.LINK_SENT, now, user_id=user.id)
        self._send(self._emails.verify(user.email, link))


def mail_budgets(subject: str, client: Client) -> list[Budget]:
    """Return what a mail for *subject* costs, an account's id or an address's key."""
    return [MAIL_ACCOUNT.on(subject), *for_place(MAIL_NETWORK, client), MAIL_ALL.on("")]


def link_budgets(client: Client) -> list[Budget]:
    """Return what trying a link costs: nobody guesses 192 bits, but nobody has to try (TH-2)."""
    return [*for_place(LINK_NETWORK, client), LINK_ALL.on("")]
