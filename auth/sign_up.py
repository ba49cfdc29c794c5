"""Sign up: make an account. Features send the email that confirms it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import is_claimed
from auth.errors import EmailTaken, InvalidDetails
from auth.fields import InvalidEmail, InvalidName, read_email, read_name
from auth.limits import (
    SIGN_UP_ALL,
    SIGN_UP_NETWORK,
    SIGN_UP_RECIPIENT,
    form_counters,
    network_counters,
)
from auth.password_rules import assess, obvious_errors
from auth.passwords import hash_password
from auth.users import User, add_user

if TYPE_CHECKING:
    from auth.service import AuthService


def sign_up(auth: AuthService, email: str, password: str, name: str, client: Client | None) -> User:
    """Make an account; see `AuthService.sign_up`."""
    user = _add(auth, email, password, name, client)
    for feature in auth.features:
        if feature.after_sign_up:
            feature.after_sign_up(auth, user, client)
    return user


def sign_up_by_email(
    auth: AuthService, email: str, password: str, name: str, client: Client
) -> None:
    """Make an account whose owner continues from an email, which also says if one exists.

    The answer and the work are the same for a new and for a taken email (EN-3).
    Raises InvalidDetails, TooMany, or Busy.
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
    """Raise InvalidDetails unless this person may use *password*; raises Busy too.

    This is slow: count the attempt and refuse cheaper mistakes first (AV-1, AV-2).
    """
    context = (email, email.partition("@")[0], name, auth.settings.app_name)
    found = assess(password, auth.settings.password_min_length, context, client.source)
    if found.errors:
        raise InvalidDetails({"password": found.errors}, strength=found.strength)


def _add(auth: AuthService, email: str, password: str, name: str, client: Client | None) -> User:
    if client:
        auth.take(form_counters(client), client)
    errors: dict[str, list[str]] = {}
    try:
        name = read_name(name)
    except InvalidName as error:
        errors["name"] = [str(error)]
    try:
        address = read_email(email)
    except InvalidEmail as error:
        errors["email"] = [str(error)]
    if errors:
        weak = obvious_errors(password, auth.settings.password_min_length)
        errors |= {"password": weak} if weak else {}
        raise InvalidDetails(errors, strength=0 if weak else None)
    asker = client or Client()
    check_new_password(auth, password, address.shown, name, asker)
    if client:
        # The recipient's too, before looking for an account: every verb counts the same for an
        # email that has one and for one that has not (EN-3).
        limits = [*network_counters(SIGN_UP_NETWORK, client), SIGN_UP_ALL.on("")]
        auth.take([*limits, SIGN_UP_RECIPIENT.on(address.key)], client)
    password_hash = hash_password(password, auth.scheme, asker.source)
    now = auth.now()
    with auth.write() as connection:
        if is_claimed(connection, address.key, now):
            raise EmailTaken
        user = add_user(connection, address, name, password_hash, now)
        record(connection, Event.USER_CREATED, now, user_id=user.id, client=asker)
    return user
