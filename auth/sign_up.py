"""Sign up: make an account. Features send the email that confirms it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth.audit import Event, record
from auth.breached import is_breached
from auth.client import Client
from auth.email_tokens import is_claimed
from auth.errors import EmailTaken, InvalidDetails, SignUpClosed
from auth.limits import (
    SIGN_UP_ALL,
    SIGN_UP_NETWORK,
    SIGN_UP_RECIPIENT,
    form_counters,
    network_counters,
)
from auth.password_rules import obvious_errors, password_errors
from auth.passwords import hash_password
from auth.users import Email, InvalidEmail, InvalidName, User, add_user, read_email, read_name

if TYPE_CHECKING:
    from auth.service import AuthService

FOUND_IN_BREACH = "This password was found in a data breach elsewhere. Choose another one."


def sign_up(auth: AuthService, email: str, password: str, name: str, client: Client | None) -> User:
    """Make an account; see `AuthService.sign_up`."""
    user = _add(auth, email, password, name, client)
    run_after_sign_up(auth, user, client)
    return user


def run_after_sign_up(auth: AuthService, user: User, client: Client | None) -> None:
    """Run what the features add after an account was made."""
    for feature in auth.features:
        if feature.after_sign_up:
            feature.after_sign_up(auth, user, client)


def sign_up_by_email(
    auth: AuthService, email: str, password: str, name: str, client: Client
) -> None:
    """Make an account whose owner continues from an email; it also tells them if they have one.

    The answer and the work are the same for a new and for a taken email (EN-3).
    Raises InvalidDetails, SignUpClosed, TooMany, or Busy.
    """
    try:
        sign_up(auth, email, password, name, client)
    except EmailTaken:
        for feature in auth.features:
            if feature.after_taken_sign_up:
                feature.after_taken_sign_up(auth, read_email(email), client)


def check_new_password(
    auth: AuthService, password: str, email: str, name: str, client: Client
) -> None:
    """Raise InvalidDetails unless this person may use *password*; also raises Busy.

    Slow, so count the attempt and refuse cheaper mistakes first (AV-1, AV-2).
    """
    context = (email, email.partition("@")[0], name, auth.settings.app_name)
    least = auth.settings.password_min_length
    errors = password_errors(password, least, context, client.source)
    if not errors and auth.settings.check_breached_passwords and is_breached(password):
        errors = [FOUND_IN_BREACH]
    if errors:
        raise InvalidDetails({"password": errors})


def check_domain(auth: AuthService, email: Email) -> None:
    """Raise InvalidDetails unless SIGN_UP_DOMAINS admits *email* (RO-4)."""
    if not auth.settings.admits(email.key.rpartition("@")[2]):
        listed = (f"*{each}" if each[0] == "." else each for each in auth.settings.sign_up_domains)
        raise InvalidDetails({"email": [f"Use an email at {' or '.join(listed)}."]})


def _add(auth: AuthService, email: str, password: str, name: str, client: Client | None) -> User:
    if client:
        auth.take(form_counters(client), client)
        if auth.settings.sign_up != "open":
            raise SignUpClosed
    errors: dict[str, list[str]] = {}
    try:
        name = read_name(name)
    except InvalidName as error:
        errors["name"] = [str(error)]
    try:
        parsed = read_email(email)
    except InvalidEmail as error:
        errors["email"] = [str(error)]
    if errors:
        weak = obvious_errors(password, auth.settings.password_min_length)
        errors |= {"password": weak} if weak else {}
        raise InvalidDetails(errors)
    if client:
        check_domain(auth, parsed)
    asker = client or Client()
    check_new_password(auth, password, parsed.shown, name, asker)
    if client:
        # The recipient's counter too, before looking for an account: every verb counts the same
        # for an email with an account and for one without (EN-3).
        limits = [*network_counters(SIGN_UP_NETWORK, client), SIGN_UP_ALL.on("")]
        auth.take([*limits, SIGN_UP_RECIPIENT.on(parsed.key)], client)
    password_hash = hash_password(password, auth.scheme, asker.source)
    now = auth.now()
    with auth.write() as connection:
        if is_claimed(connection, parsed.key, now):
            raise EmailTaken
        user = add_user(connection, parsed, name, password_hash, now)
        record(connection, Event.USER_CREATED, now, user_id=user.id, client=asker)
    return user
