"""What may be tried how often: the policy's numbers, as SECURITY.md tells them."""

from dataclasses import replace
from datetime import timedelta

from auth.client import Client
from auth.throttle import DAY, HOUR, MINUTE, Budget, Limit

# An account's own waits grow with each wrong password (TH-1). A network's and everybody's are
# wide: offices share an address, and a limit on all must be more than an attacker can use up
# while everybody else waits.
FIRST_WAIT = timedelta(seconds=30)
LOG_IN_ACCOUNT = Limit("log in: account", 5, DAY, FIRST_WAIT, HOUR)
LOG_IN_KNOWN = Limit("log in: account, known network", 5, DAY, FIRST_WAIT, HOUR)
LOG_IN_NETWORK = Limit("log in: network", 100, 15 * MINUTE)
LOG_IN_ALL = Limit("log in: everybody", 300, MINUTE)

PASSWORD_AGAIN = Limit("password again: session and network", 5, DAY, FIRST_WAIT, HOUR)

# Forms that are sent, also those that are then refused for what was typed: counted before anything
# typed is looked at. Thirty people at one network may each correct theirs ten times.
FORM_NETWORK = Limit("form: network", 300, HOUR)
FORM_ALL = Limit("form: everybody", 20_000, HOUR)
# The same for what a signed-in user changes: the name, the password, the email. A limit of the
# session, so that nobody with a stolen one keeps the owner from changing the password.
CHANGE_SESSION = Limit("change: session and network", 60, HOUR)

SIGN_UP_NETWORK = Limit("sign up: network", 50, HOUR)
SIGN_UP_ALL = Limit("sign up: everybody", 1_000, HOUR)

# What one person receives. Each limit on links is for verbs that send every time, so while one
# refuses, the last link, good for as long as the longest wait, is in the mailbox: nobody can keep
# an owner from a new password. No answer depends on a counter that only an existing account has:
# notices are left out silently instead.
SIGN_UP_RECIPIENT = Limit("sign up or change to an email: recipient", 3, DAY, 5 * MINUTE, HOUR)
MAIL_RECIPIENT = Limit("mail: recipient", 5, DAY, 5 * MINUTE, HOUR)
CHANGE_EMAIL = Limit("change email: account", 3, DAY, 5 * MINUTE, HOUR)
NOTICE_RECIPIENT = Limit("notices: recipient", 10, DAY)
ALARM_RECIPIENT = Limit("notices about security: recipient", 20, DAY)
MAIL_NETWORK = Limit("mail: network", 20, HOUR)
MAIL_ALL = Limit("mail: everybody", 1_000, HOUR)

LINK_NETWORK = Limit("link: network", 50, HOUR)
LINK_ALL = Limit("link: everybody", 10_000, HOUR)

SITE = 3  # times a network's allowance for all of an IPv6 /48, which has 65,536 networks


def for_place(limit: Limit, client: Client) -> list[Budget]:
    """Return the budgets of where *client* is: its network's, and over IPv6 its site's.

    Without the second one line could use up what is for everybody.
    """
    budgets = [limit.on(client.network)]
    if client.site:
        whole = replace(limit, what=f"{limit.what}, site", free=SITE * limit.free)
        budgets.append(whole.on(client.site))
    return budgets


def form_limits(client: Client) -> list[Budget]:
    """Return what sending a form costs a signed-out visitor, whatever comes of it (AV-1)."""
    return [*for_place(FORM_NETWORK, client), FORM_ALL.on("")]


# Wrong passwords in a row after which a password opens the account from known networks alone,
# until it is reset or typed rightly (NIST SP 800-63B-4, 3.2.2: at most 100).
MOST_FAILURES = 100
