"""Every form, clicked two, three and ten times within half a second, ends as one click does."""

import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import cache
from time import time

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from sqlalchemy import func, select, update

from auth.administration import grant
from auth.audit import Event
from auth.client import Client
from auth.roles import Role
from auth.users import find_by_email, read_email
from db.models import AuditEvent
from db.models import Session as SessionRow
from features.journal.tables import JournalEntry
from features.two_factor.codes import PERIOD, code_at
from tests.browser.conftest import NewContext, ServerOf, add_account
from tests.browser.template.test_two_factor import secret_shown
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.serving import Server, serve, wait_until

NEXT = "kumquat lantern orbit seven"
LAST = "seventeen pewter swans asleep"
WRONG = "not the password at all"
BCRYPT = {"BCRYPT_ROUNDS": "12"}  # what runs in production: the second click meets the first's
EMAILS = [
    "Confirm your email for Streamlit auth starter",  # signed up
    "Confirm your email for Streamlit auth starter",  # sent again
    "Your email for Streamlit auth starter is about to change",
    "Your password for Streamlit auth starter was changed",
    "Choose a new password for Streamlit auth starter",  # kept the old email
    "Choose a new password for Streamlit auth starter",  # forgot
    "Your password for Streamlit auth starter was changed",
    "Your account at Streamlit auth starter was deleted",
]
WITHIN = 500  # milliseconds
FINGERS, FOLLOWED = 3, 10_000  # clicks on a link at most; milliseconds until its page is there
# How often one form after the other is clicked. Each journey begins at another of these, so that
# every form meets all three in each mode.
CLICKS = (2, 3, 10)
JOURNEYS = pytest.mark.parametrize("first", range(len(CLICKS)))
# Clicks as a finger does that stays where it is: on the button, or one of that name in its place.
CLICK = """async (first, [label, moments]) => {
  const named = (each) => each?.textContent.trim().endsWith(label);
  first.scrollIntoView({block: 'center'});
  const {x, y, width, height} = first.getBoundingClientRect();
  const there = () => document.elementFromPoint(x + width / 2, y + height / 2)?.closest('button');
  await Promise.all(moments.map((moment) => new Promise((done) => setTimeout(() => {
    const button = first.isConnected ? first : there();
    if (named(button)) button.click();
    done();
  }, moment))));
}"""


@pytest.fixture(scope="package")
def dear_app_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOf]:
    """Return a way to the app with production's bcrypt, started once for each entry script."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("clicks")
        yield cache(lambda script: stack.enter_context(serve(script, folder / script, env=BCRYPT)))


@pytest.fixture
def server(dear_app_of: ServerOf, bridge: str) -> Iterator[Server]:
    """Return that app, and check that the test did not cost it an exception."""
    server = dear_app_of(bridge)
    before = len(server.said())
    yield server
    assert "Traceback" not in server.said(since=before)


class Impatient(Visitor):
    """A visitor who clicks each button several times, with pauses that differ between forms."""

    def __init__(self, context: BrowserContext, server: Server, first: int) -> None:
        super().__init__(context, server)
        self._first, self._forms = first, 0

    def press(self, label: str) -> None:
        """Click the button, again and again, all within half a second.

        While a page arrives, the last page's button of that name may still be in it, hidden.
        """
        arrived = self.page.locator('[data-stale="false"]')
        button = arrived.get_by_role("button", name=label, exact=True).first
        expect(button).to_be_visible()
        clicks = CLICKS[(self._first + self._forms) % len(CLICKS)]
        self._forms += 1
        last = WITHIN if clicks > 3 else (20, 90, 180, 300, 400, WITHIN)[self._forms % 6]
        moments = [last * click // (clicks - 1) for click in range(clicks)]
        button.evaluate(CLICK, [label, moments])

    def says(self, text: str) -> None:
        """Expect *text* on the page, and that nothing goes on behind it."""
        expect(self.page.get_by_test_id("stMain").get_by_text(text)).to_be_visible()
        self.expect_settled()
        self.expect_calm()

    def go(self, *links: str) -> None:
        """Follow links on the pages by their names.

        A late click's run may draw a link anew under the finger, or lead back from where it went:
        then it is clicked again.
        """
        for name in links:
            link, here = self.page.get_by_role("link", name=name, exact=True), self.page.url
            elsewhere = re.compile(f"^(?!{re.escape(here)}$)")
            for _ in range(FINGERS):
                link.click()
                with suppress(PlaywrightTimeout):
                    self.page.wait_for_url(elsewhere, timeout=FOLLOWED)
                self.expect_settled()
                if self.page.url != here:
                    break

    def fill(self, **fields: str) -> None:
        """Type into the fields; a field is named by its label, with _ for spaces."""
        for name, value in fields.items():
            self.field(name.replace("_", " ").capitalize()).fill(value)


class Facts:
    """What the database and the mailbox know of one account."""

    def __init__(self, server: Server, email: str) -> None:
        self._server, self._email = server, email
        with server.database() as database, database.read() as connection:
            row = find_by_email(connection, read_email(email))
        assert row is not None, f"there is no account of {email}"
        self.user_id: str = row.id
        self.failures: int = row.failures

    def count(self, *events: Event) -> list[int]:
        """Return how often each of *events* was recorded for this account."""
        with self._server.database() as database, database.read() as connection:
            return [
                connection.scalar(
                    select(func.count()).where(
                        AuditEvent.user_id == self.user_id, AuditEvent.event == event
                    )
                )
                or 0
                for event in events
            ]

    @property
    def open_sessions(self) -> int:
        """Return how many sessions of this account have not ended."""
        with self._server.database() as database, database.read() as connection:
            alive = select(func.count()).where(
                SessionRow.user_id == self.user_id, SessionRow.ended_at.is_(None)
            )
            return connection.scalar(alive) or 0

    @property
    def entries(self) -> int:
        """Return how many entries are in this account's journal."""
        with self._server.database() as database, database.read() as connection:
            own = select(func.count()).where(JournalEntry.user_id == self.user_id)
            return connection.scalar(own) or 0

    def log_in_elsewhere(self, *agents: str) -> None:
        """Start a session for each of *agents*."""
        with self._server.service() as service:
            for agent in agents:
                service.log_in(self._email, NEXT, Client(user_agent=agent))

    def forget_the_password(self) -> None:
        """Let it be long ago that the password was typed."""
        with self._server.database() as database, database.write() as connection:
            connection.execute(update(SessionRow).values(confirmed_at=None))


@JOURNEYS
def test_every_form_happens_once(new_context: NewContext, server: Server, first: int) -> None:
    """GD-10: form after form of an account: one user, one session, one email, one attempt each."""
    visitor, mailbox = Impatient(new_context(), server, first), server.mailbox
    email, new = (f"{name}-{secrets.token_hex(4)}@example.com" for name in ("ada", "new"))

    visitor.open("/sign-up")
    visitor.fill(name="Ada", email=email, password=PASSWORD)
    visitor.press("Sign up")
    visitor.expect_signed_in(email)
    visitor.wait_for_cookie()
    facts = Facts(server, email)
    assert facts.count(Event.USER_CREATED, Event.LOGGED_IN) == [1, 1]
    assert facts.open_sessions == 1

    visitor.go("Account")
    visitor.press("Send the link again")
    visitor.says("We have sent you a link.")
    visitor.page.goto(mailbox.link(email, "Confirm your email", number=2))
    visitor.press("Confirm my email")
    visitor.says("Thank you. Your email is confirmed.")
    assert facts.count(Event.USER_CHANGED) == [1]

    visitor.go("Change your name")
    visitor.fill(name="Countess")
    visitor.press("Save")
    visitor.says("Your name has been changed.")
    assert facts.count(Event.USER_CHANGED) == [2]

    facts.forget_the_password()
    visitor.go("Change your email")
    visitor.fill(password=WRONG)
    visitor.press("Confirm")
    visitor.says("This is not your password.")
    visitor.fill(password=PASSWORD)
    visitor.press("Confirm")
    expect(visitor.field("New email")).to_be_visible()
    visitor.fill(new_email=new)
    visitor.press("Send the link")
    visitor.says("Open the link we have sent to your new email.")
    objection = mailbox.link(email, "about to change")
    assert facts.count(Event.REFUSED, Event.LINK_SENT) == [1, 3]

    visitor.go("Back to your account", "Change your password")
    visitor.fill(current_password=WRONG, new_password=NEXT)
    visitor.press("Change my password")
    visitor.says("This is not your password.")
    visitor.fill(current_password=PASSWORD)
    visitor.press("Change my password")
    visitor.says("Your password has been changed, and your other devices are logged out.")
    assert facts.count(Event.REFUSED, Event.PASSWORD_CHANGED) == [2, 1]
    assert facts.open_sessions == 1

    facts.log_in_elsewhere("Firefox/1", "Safari/2", "Chrome/3")
    visitor.go("See all your devices")
    visitor.press("End session")
    expect(visitor.button("End session")).to_have_count(2)
    assert facts.open_sessions == 3
    visitor.press("End all other sessions")
    visitor.says("You aren't logged in on any other device.")
    assert facts.open_sessions == 1

    visitor.press("Log out")
    visitor.expect_form()
    visitor.wait_for_no_cookie()
    visitor.says("You are logged out.")
    assert (facts.open_sessions, facts.count(Event.LOGGED_OUT)) == (0, [1])

    visitor.fill(email=email, password=WRONG)
    visitor.press("Log in")
    visitor.says("This email and password do not match an account.")
    assert facts.count(Event.LOG_IN_FAILED) == [1]
    assert Facts(server, email).failures == 1
    visitor.fill(password=NEXT)
    visitor.press("Log in")
    visitor.expect_signed_in(email)
    visitor.wait_for_cookie()
    assert facts.open_sessions == 1

    visitor.page.goto(objection)
    expect(visitor.page.get_by_test_id("stMain").get_by_text(email, exact=True)).to_be_visible()
    visitor.press("Keep my old email")
    visitor.says("Your account keeps its old email.")
    visitor.go("Forgot password?")
    expect(visitor.heading("Forgot your password?")).to_be_visible()
    visitor.fill(email=email)
    visitor.press("Send the link")
    visitor.says("If there is an account with this email, we have sent it a link.")
    visitor.page.goto(mailbox.link(email, "Choose a new password", number=2))
    visitor.fill(new_password=LAST)
    visitor.press("Change my password")
    visitor.says("Your password has been changed. Log in with it.")
    assert facts.count(Event.PASSWORD_CHANGED) == [2]

    visitor.fill(email=email, password=LAST)
    visitor.press("Log in")
    visitor.expect_signed_in(email)
    visitor.wait_for_cookie()
    visitor.go("Account", "Delete your account")
    visitor.fill(password=LAST)
    visitor.press("Delete my account")
    visitor.says("Your account has been deleted.")
    visitor.wait_for_no_cookie()

    wait_until(lambda: len(mailbox.subjects(email)) >= len(EMAILS), "every email")
    assert sorted(mailbox.subjects(email)) == sorted(EMAILS)
    assert len(mailbox.subjects(new)) == 1


@JOURNEYS
def test_every_form_of_an_admin_happens_once(
    new_context: NewContext, server: Server, first: int
) -> None:
    """GD-10: the journal, an invitation and its acceptance, two factors, and another's account."""
    admin, bob = (Impatient(new_context(), server, first) for _ in range(2))
    invited = f"bob-{secrets.token_hex(4)}@example.com"
    with server.service() as service:
        ada = add_account(service, "Ada")
        grant(service, ada.id, Role.ADMIN)
    facts = Facts(server, ada.email)

    admin.log_in(ada.email)
    admin.field("What did you do today?").fill("Drew a bridge")
    admin.press("Add")
    admin.says("Saved.")
    assert facts.entries == 1

    admin.go("Invitations")
    admin.fill(email=invited)
    admin.press("Send the invitation")
    admin.says("We have sent an invitation to:")
    bob.page.goto(server.mailbox.link(invited, "Your invitation"))
    bob.fill(name="Bob", password=PASSWORD)
    bob.press("Make my account")
    bob.expect_signed_in(invited)
    bob.wait_for_cookie()
    assert Facts(server, invited).count(Event.USER_CREATED, Event.LOGGED_IN) == [1, 1]

    bob.open("/two-factor")
    secret, step = secret_shown(bob), int(time()) // PERIOD
    bob.fill(code=code_at(secret, step))
    bob.press("Turn on")
    expect(bob.heading("Your recovery codes")).to_be_visible()
    bob.press("Log out")
    bob.expect_form()
    bob.wait_for_no_cookie()
    bob.fill(email=invited, password=PASSWORD)
    bob.press("Log in")
    expect(bob.field("Code")).to_be_visible()
    bob.fill(code=code_at(secret, max(step + 1, int(time()) // PERIOD)))  # each counts once
    bob.press("Log in")
    bob.expect_signed_in(invited)
    bob.wait_for_cookie()
    assert Facts(server, invited).open_sessions == 1

    admin.go("Users", invited)
    admin.press("Disable")
    admin.says("The account is disabled")
    bob.reload()
    bob.expect_form()
    assert Facts(server, invited).count(Event.USER_CHANGED) == [1]
    wait_until(lambda: len(server.mailbox.subjects(invited)) >= 2, "both emails")
    assert sorted(server.mailbox.subjects(invited)) == [
        "Two-factor authentication is on at Streamlit auth starter",
        "Your invitation to Streamlit auth starter",
    ]
