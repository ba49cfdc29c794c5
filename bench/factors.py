"""Measure the wait for a page in Chromium when logging in with a code, and with a passkey."""

from contextlib import ExitStack
from itertools import islice
from statistics import median
from time import perf_counter, time

import bcrypt
from sqlalchemy import insert

from auth.keys import KeyRing
from bench.accounts import PASSWORD, Accounts, accounts, email, user_id
from bench.browser import Tab, chromium
from bench.log_in_cost import ROUNDS
from bench.server import entries, serving
from bench.table import Row, progress
from db.models import utc_now
from features.two_factor import codes
from features.two_factor.tables import Authenticator

SECRET = b"of every app here..."
BEYOND_BCRYPT, AT_ONCE = 250, 400  # ms
# Or the email field would log in before the button does: there is always a finger on the device.
BY_BUTTON = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def measure(quick: bool) -> list[Row]:
    """Return the rows of each entry script: with a code, and with a passkey."""
    rows: list[Row] = []
    rounds = 2 if quick else 15
    with ExitStack() as stack:
        made = stack.enter_context(accounts(len(entries()) * (rounds + 1)))
        users = iter(range(made.count))
        for name, entry in entries().items():
            url = stack.enter_context(serving(entry, made.environment)).url
            rows += with_code(name, url, made, list(islice(users, rounds)))  # each counts once
            rows += with_passkey(name, url, made, next(users), rounds)
    return rows


def with_code(name: str, url: str, made: Accounts, users: list[int]) -> list[Row]:
    """Log in with the password and a code; return the two waits, less one bcrypt."""
    waits = []
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(ROUNDS))
    with chromium() as browser:
        for number in users:
            progress(f"log in with a code at {name}: user {number}")
            set_app_up(made, number)
            start = perf_counter()
            bcrypt.checkpw(PASSWORD.encode(), hashed)
            bare = (perf_counter() - start) * 1_000
            tab = Tab(browser, url)
            tab.page.get_by_role("textbox", name="Email").fill(email(number))
            tab.page.get_by_role("textbox", name="Password").fill(PASSWORD)
            tab.page.evaluate('note("asked", "label", "Code")')
            tab.page.get_by_role("button", name="Log in", exact=True).click()
            asked = tab.wait("window.asked && window.asked - window.clicked")
            step = int(time()) // codes.PERIOD
            tab.page.get_by_role("textbox", name="Code").fill(codes.code_at(SECRET, step))
            tab.page.get_by_role("button", name="Log in", exact=True).click()
            waits.append(asked + tab.wait("window.shown && window.shown - window.clicked") - bare)
            tab.close()
    how = f"both waits after a click in Chromium, less one bcrypt, median of {len(users)}"
    return [Row(f"with a code, {name}", median(waits), "ms", how, at_most=BEYOND_BCRYPT)]


def set_app_up(made: Accounts, number: int) -> None:
    """Give user *number* an authenticator app."""
    ring = KeyRing.of(made.service.settings.keys, purpose="authenticator secrets")
    user = user_id(number)
    with made.database.write() as connection:
        connection.execute(
            insert(Authenticator).values(
                user_id=user,
                secret=codes.seal(ring, SECRET, user),
                last_step=0,
                created_at=utc_now(),
            )
        )


def with_passkey(name: str, url: str, made: Accounts, user: int, rounds: int) -> list[Row]:
    """Add a passkey in the open session of *user*, then log in with it, time after time."""
    waits = []
    with chromium() as browser:
        tab = Tab(browser, url, made.token(user))
        device = tab.page.context.new_cdp_session(tab.page)
        device.send("WebAuthn.enable")
        device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        tab.page.add_init_script(BY_BUTTON)
        tab.page.goto(f"{url}/passkeys")
        tab.page.get_by_role("button", name="Add a passkey").click()
        tab.page.get_by_text("Your passkey is ready").wait_for()
        for number in range(rounds):
            progress(f"log in with a passkey at {name}: round {number + 1} of {rounds}")
            tab.page.context.clear_cookies()
            tab.page.goto(url)
            tab.page.get_by_role("button", name="Log in with a passkey").click()
            waits.append(tab.wait("window.shown && window.shown - window.clicked"))
    how = f"from the click to the heading in Chromium, median of {rounds}, a virtual device"
    return [Row(f"with a passkey, {name}", median(waits), "ms", how, at_most=AT_ONCE)]
