"""Limits on attempts, with the numbers that SECURITY.md lists."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from auth.client import Client
from auth.sessions import Session
from auth.throttle import DAY, HOUR, MINUTE, Counter, Limit

# An account's own waits grow with each wrong password (TH-1). The limits of a network and those for
# everybody are wide: offices share an IP address, and one attacker must not use up the latter.
FIRST_WAIT = timedelta(seconds=30)
LOG_IN_ACCOUNT = Limit("log in: account", 5, DAY, FIRST_WAIT, HOUR)
LOG_IN_KNOWN = Limit("log in: account, known network", 5, DAY, FIRST_WAIT, HOUR)
LOG_IN_NETWORK = Limit("log in: network", 100, 15 * MINUTE)
LOG_IN_ALL = Limit("log in: everybody", 300, MINUTE)

PASSWORD_AGAIN = Limit("password again: session and network", 5, DAY, FIRST_WAIT, HOUR)

# Submitted forms, also those refused for invalid input: counted before any input is looked at.
# Thirty people on one network may each correct a form ten times.
FORM_NETWORK = Limit("form: network", 300, HOUR)
FORM_ALL = Limit("form: everybody", 20_000, HOUR)
# The same for changes by a signed-in user: name, password, email. The limit is per session, so that
# an attacker with a stolen one cannot keep the owner from changing the password.
CHANGE_SESSION = Limit("change: session and network", 60, HOUR)

SIGN_UP_NETWORK = Limit("sign up: network", 50, HOUR)
SIGN_UP_ALL = Limit("sign up: everybody", 1_000, HOUR)

# Emails to one recipient. A limit on links counts only verbs that always send one, so while it
# refuses, the last link is in the mailbox and stays valid for the longest wait: no attacker can
# keep an owner from choosing a new password. No answer depends on a counter that only an existing
# account has; notices over their limit are left out silently.
SIGN_UP_RECIPIENT = Limit("sign up or change to an email: recipient", 3, DAY, 5 * MINUTE, HOUR)
MAIL_RECIPIENT = Limit("mail: recipient", 5, DAY, 5 * MINUTE, HOUR)
NOTICE_RECIPIENT = Limit("notices: recipient", 10, DAY)
ALARM_RECIPIENT = Limit("notices about security: recipient", 20, DAY)
MAIL_NETWORK = Limit("mail: network", 20, HOUR)
MAIL_ALL = Limit("mail: everybody", 1_000, HOUR)

LINK_NETWORK = Limit("link: network", 50, HOUR)
LINK_ALL = Limit("link: everybody", 10_000, HOUR)

SITE_FACTOR = 3  # times a network's limit for all of an IPv6 /48, which has 65,536 networks


def network_counters(limit: Limit, client: Client) -> list[Counter]:
    """Return the counters of the network of *client*, and over IPv6 of its site.

    Without the second, one IPv6 line could use up the global limit.
    """
    counters = [limit.on(client.network)]
    if client.ipv6_site:
        whole = replace(limit, what=f"{limit.what}, site", free=SITE_FACTOR * limit.free)
        counters.append(whole.on(client.ipv6_site))
    return counters


def form_counters(client: Client) -> list[Counter]:
    """Return the counters for every form that a signed-out visitor sends, valid or not (AV-1)."""
    return [*network_counters(FORM_NETWORK, client), FORM_ALL.on("")]


# Wrong passwords in a row after which a password works from known networks only, until it is reset
# or entered correctly from one of them (NIST SP 800-63B-4, 3.2.2: at most 100).
MOST_FAILURES = 100


def mail_counters(client: Client) -> list[Counter]:
    """Return the counters of a request for an email, besides the recipient's own."""
    return [*network_counters(MAIL_NETWORK, client), MAIL_ALL.on("")]


def link_counters(client: Client) -> list[Counter]:
    """Return the counters of opening an emailed link, which limit guessing of its token (TH-2)."""
    return [*network_counters(LINK_NETWORK, client), LINK_ALL.on("")]


def change_counters(session: Session, client: Client) -> list[Counter]:
    """Return the counters of a change to one's own account; refused input counts too."""
    return [CHANGE_SESSION.on(f"{session.id} {client.network}")]


def log_in_counters(
    email_key: str | None, client: Client, known: bool
) -> tuple[list[Counter], list[Counter]]:
    """Return the account's own counters, which a log-in resets, and those shared with others.

    A network that the account was used from has a counter of its own, so that attackers elsewhere
    cannot lock the owner out (TH-4).
    """
    shared = shared_log_in_counters(client)
    if email_key is None:
        return [], shared
    if known:
        return [LOG_IN_KNOWN.on(f"{email_key} {client.network}")], []
    return [LOG_IN_ACCOUNT.on(email_key)], shared


def account_counters(email_key: str, networks: Collection[str]) -> list[Counter]:
    """Return an account's own counters: for unknown networks, and for each of the known ones."""
    known = [LOG_IN_KNOWN.on(f"{email_key} {network}") for network in networks]
    return [LOG_IN_ACCOUNT.on(email_key), *known]


def shared_log_in_counters(client: Client) -> list[Counter]:
    """Return the counters of a log-in that *client* shares with others."""
    return [*network_counters(LOG_IN_NETWORK, client), LOG_IN_ALL.on("")]
