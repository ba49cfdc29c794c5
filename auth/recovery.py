"""Recovery: a forgotten password is replaced by a link in an email."""

from auth.addresses import Address, InvalidAddress, read_address
from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import Purpose, issue_link, look_at_link, use_link, void_links
from auth.errors import InvalidDetails, LinkRefused
from auth.limits import ALARM_RECIPIENT, LOG_IN_ACCOUNT, MAIL_RECIPIENT, form_limits
from auth.passwords import hash_password
from auth.sign_up import SignUp
from auth.throttle import clear
from auth.users import find_by_address, find_by_id, set_password
from auth.verification import link_budgets, mail_limits

# Links that let their reader choose a password: that of a new account too, because the one it was
# made with may be an attacker's, who waits for the owner to confirm it.
CHOOSES = (Purpose.RESET, Purpose.VERIFY)


class Recovery(SignUp):
    """The verbs for users who cannot log in."""

    def forgot_password(self, email: str, client: Client) -> None:
        """Email a reset link if the account exists; the caller cannot tell whether it does (EN-2).

        All that depends on the account is done after the answer. Raises InvalidDetails for what is
        not an email at all, or TooMany.
        """
        self._take(form_limits(client), client)
        try:
            address = read_address(email)
        except InvalidAddress as fault:
            raise InvalidDetails({"email": [str(fault)]}) from None
        self._take([MAIL_RECIPIENT.on(address.key), *mail_limits(client)], client)
        self._enqueue(lambda: self._send_reset(address, client))

    def reset_password(self, link: str, password: str, client: Client) -> None:
        """Set the password of the account that *link* was sent for; every session ends (RS-5).

        The link may be one that verifies a new account. It logs no one in. Raises InvalidDetails,
        which leaves the link good, LinkRefused, or TooMany.
        """
        self._take(link_budgets(client), client)
        with self._reading() as connection:
            row = look_at_link(connection, link, CHOOSES, self._clock())
        if row is None:
            raise LinkRefused
        self._check_new_password(password, row.email, row.name, client)
        password_hash = hash_password(password, self._scheme, client.source)
        now = self._clock()
        with self._writing() as connection:
            used = use_link(connection, link, CHOOSES, now)
            user = find_by_id(connection, used.user_id) if used else None
            if used is None or user is None or user.email_key != used.email_key:
                raise LinkRefused
            # Counters before accounts, as at log-in: neither waits for the other.
            clear(connection, [LOG_IN_ACCOUNT.on(user.email_key)])
            # Reading the email has shown that it is theirs.
            set_password(connection, user.id, password_hash, verified_at=user.verified_at or now)
            void_links(connection, user.id, Purpose.KEEP)  # an attacker may do this
            record(connection, Event.PASSWORD_CHANGED, now, user_id=user.id, client=client)
        self._notify(self._emails.password_changed(user.email), ALARM_RECIPIENT)

    def is_reset_link(self, link: str) -> bool:
        """Return whether *link* would work now, so that nobody fills in a form for nothing."""
        with self._reading() as connection:
            return look_at_link(connection, link, CHOOSES, self._clock()) is not None

    def _send_reset(self, address: Address, client: Client) -> None:
        """Send the link, to the email as its owner once spelled it (CVE-2019-19844)."""
        now = self._clock()
        with self._writing() as connection:
            user = find_by_address(connection, address)
            if user is None or not user.is_active:
                return
            link = issue_link(connection, user, Purpose.RESET, user.email, user.email_key, now)
            record(connection, Event.LINK_SENT, now, user_id=user.id, client=client)
        self._send(self._emails.reset(user.email, link))
