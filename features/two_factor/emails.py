"""The emails of this feature."""

from auth.emails import RESET, Emails
from auth.mail import Mail, Urgency

NOT_YOU = "If it wasn't you, log in, end your other sessions and choose a new password."


def turned_on(emails: Emails, to: str) -> Mail:
    """Return the notice that an authenticator app was set up."""
    subject = f"Two-factor authentication is on at {emails.app}"
    text = (
        f"An authenticator app was just set up for your account, {to}. Every log-in with your "
        "password now asks for its code."
    )
    return _notice(emails, "two_factor_on", to, subject, text)


def turned_off(emails: Emails, to: str, *, by_operator: bool = False) -> Mail:
    """Return the notice that two-factor authentication is off."""
    by = " by the people who run this app" if by_operator else ""
    subject = f"Two-factor authentication is off at {emails.app}"
    text = (
        f"The authenticator app of your account, {to}, was just removed{by}. Its recovery codes "
        "no longer work."
    )
    return _notice(emails, "two_factor_off", to, subject, text)


def recovery_used(emails: Emails, to: str, left: int) -> Mail:
    """Return the notice that a recovery code was used, and how many are *left*."""
    subject = f"A recovery code was used at {emails.app}"
    text = f"A recovery code of your account, {to}, was just used. You have {left} left."
    return _notice(emails, "recovery_code_used", to, subject, text)


def new_codes(emails: Emails, to: str) -> Mail:
    """Return the notice that the recovery codes were replaced."""
    subject = f"New recovery codes at {emails.app}"
    text = (
        f"The recovery codes of your account, {to}, were just replaced. The old ones no longer "
        "work."
    )
    return _notice(emails, "recovery_codes_new", to, subject, text)


def wrong_codes(emails: Emails, to: str) -> Mail:
    """Return the notice that wrong codes follow a correct password."""
    return emails.compose(
        "two_factor_wrong",
        to,
        f"Someone knows your password for {emails.app}",
        f"Someone entered the password of your account, {to}, and then several wrong codes.",
        "If it was you, try again in a while. If not, choose a new password now: only the code "
        "keeps them out.",
        button=("Choose a new password", RESET),
        urgency=Urgency.ALARM,
    )


def samples(emails: Emails) -> list[Mail]:
    """Return a sample of each email."""
    to = "ada@example.com"
    of_the_app = [turned_on(emails, to), turned_off(emails, to), wrong_codes(emails, to)]
    return [*of_the_app, recovery_used(emails, to, 9), new_codes(emails, to)]


def _notice(emails: Emails, kind: str, to: str, subject: str, text: str) -> Mail:
    button = ("See your account", "/account")
    return emails.compose(
        kind, to, subject, text, button=button, after=NOT_YOU, urgency=Urgency.ALARM
    )
