"""Sign up: make an account, and have its owner confirm the email."""

from auth.addresses import Address, InvalidAddress, read_address
from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import Purpose, is_claimed, issue_link
from auth.errors import EmailTaken, InvalidDetails
from auth.limits import SIGN_UP_ALL, SIGN_UP_NETWORK, SIGN_UP_RECIPIENT, for_place, form_limits
from auth.names import InvalidName, read_name
from auth.password_rules import assess, obvious_faults
from auth.passwords import hash_password
from auth.users import User, add_user, find_by_address
from auth.verification import Verification


class SignUp(Verification):
    """The verbs that make accounts; the limits count a *client*, but not an operator."""

    def sign_up(
        self, email: str, password: str, name: str = "", client: Client | None = None
    ) -> User:
        """Make an account, and send the link that confirms its email.

        Raises InvalidDetails with every broken rule of every field, EmailTaken, TooMany, or Busy.
        """
        user = self._add(email, password, name, client)
        self._enqueue(lambda: self._send_link(user.id))
        return user

    def sign_up_by_mail(self, email: str, password: str, name: str, client: Client) -> None:
        """Make an account whose owner continues from an email, which also says if it is taken.

        The answer is the same for a new and for a taken email, and so is the work (EN-3).
        Raises InvalidDetails, TooMany, or Busy.
        """
        try:
            self.sign_up(email, password, name, client)
        except EmailTaken:
            address = read_address(email)
            self._enqueue(lambda: self._tell_owner(address, client))

    def _check_new_password(self, password: str, email: str, name: str, client: Client) -> None:
        """Return if this person may use *password*, or raise InvalidDetails or Busy.

        It takes a while: count the attempt first, and refuse first what else is wrong (AV-1, AV-2).
        """
        context = (email, email.partition("@")[0], name, self.settings.app_name)
        least = self.settings.password_min_length
        found = assess(password, least, context, client.source)
        if found.errors:
            raise InvalidDetails({"password": found.errors}, strength=found.strength)

    def _add(self, email: str, password: str, name: str, client: Client | None) -> User:
        if client:
            self._take(form_limits(client), client)
        faults: dict[str, list[str]] = {}
        try:
            name = read_name(name)
        except InvalidName as fault:
            faults["name"] = [str(fault)]
        try:
            address = read_address(email)
        except InvalidAddress as fault:
            faults["email"] = [str(fault)]
        if faults:
            weak = obvious_faults(password, self.settings.password_min_length)
            faults |= {"password": weak} if weak else {}
            raise InvalidDetails(faults, strength=0 if weak else None)
        asks = client or Client()
        self._check_new_password(password, address.shown, name, asks)
        if client:
            # The recipient's too, before anyone looks whether there is an account: every verb
            # counts the same for an email that has one and for one that has not (EN-3).
            limits = [*for_place(SIGN_UP_NETWORK, client), SIGN_UP_ALL.on("")]
            self._take([*limits, SIGN_UP_RECIPIENT.on(address.key)], client)
        password_hash = hash_password(password, self._scheme, asks.source)
        now = self._clock()
        with self._writing() as connection:
            if is_claimed(connection, address.key, now):
                raise EmailTaken
            user = add_user(connection, address, name, password_hash, now)
            record(connection, Event.USER_CREATED, now, user_id=user.id, client=asks)
        return user

    def _tell_owner(self, address: Address, client: Client) -> None:
        """Write to the owner of a taken email, as they once spelled it (CVE-2019-19844).

        Where it was never confirmed, its owner chooses the password: the present one may be that of
        an attacker who signed up first.
        """
        now = self._clock()
        with self._writing() as connection:
            user = find_by_address(connection, address)
            if user is None or not user.is_active:
                return
            if user.verified_at:
                mail = self._emails.taken(user.email)
            else:
                link = issue_link(connection, user, Purpose.RESET, user.email, user.email_key, now)
                mail = self._emails.finish(user.email, link)
                record(connection, Event.LINK_SENT, now, user_id=user.id, client=client)
        self._send(mail)
