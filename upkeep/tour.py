"""A tour of every page in every state that a visitor meets: for the pictures, and to measure them.

The app runs in a copy with people, sessions and emails of its own. Where it can, a state is made
by the rules and opened by its address, so that a tour loads each page once.
"""

from base64 import b32decode
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page, ViewportSize
from sqlalchemy import insert, text, update

from auth import administration
from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import Purpose, issue_link
from auth.limits import LOG_IN_ACCOUNT
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import EndReason, Session, end_session
from auth.smtp import Outbox
from auth.users import User, find_by_id
from db.models import Counter
from db.models import Session as SessionRow
from features.email_verification import emails as verification
from features.invitations import rules as invitations
from features.journal.rules import add_entry
from features.passkeys.tables import Passkey
from features.password_reset.rules import issue_reset
from features.two_factor import rules as two_factor
from features.two_factor.codes import PERIOD, code_at, recovery_hash
from features.two_factor.tables import RecoveryCode
from features.two_factor.words import CODES_TITLE, TURN_OFF
from tests.browser.visitor import LOG_IN, PASSWORD, SIGN_UP, Visitor, expect
from tests.serving import SETTINGS, Server, copy_project, serve

ADMIN, USER, NEW, CAREFUL, LOCKED, GUEST, INVITED = (
    f"{name}@example.com"
    for name in ("grace", "ada", "joan", "radia", "barbara", "katherine", "mary")
)
NAMES = {ADMIN: "Grace Hopper", USER: "Ada Lovelace", NEW: "", CAREFUL: "Radia Perlman"}
# People with a session of their own: one that was ended, one that began long ago, one while the
# database can't be used.
LEFT, EARLIER, UNLUCKY = "left", "earlier", "unlucky"
WRONG = "not the password at all"
RECOVERY_CODE = "one of ten that were saved"
DESK, HAND = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
# Goes to another address as the browser's own buttons do: the app is not loaded again.
GO = """path => {
  history.pushState({}, "", path);
  dispatchEvent(new PopStateEvent("popstate", {state: {}}));
}"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]  # 2.2, levels A and AA
AXE = """async rules => {
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const found = await axe.run({runOnly: rules, resultTypes: ["violations"]});
  return found.violations.flatMap(each => each.nodes.map(
    node => `${each.id}: ${node.target.join(" ")} ${node.failureSummary}`));
}"""
LAPTOP = Client(
    ip="203.0.113.7",
    user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36",
)
PHONE = Client(
    ip="198.51.100.24",
    user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
)
JOURNAL = (  # days ago, what, minutes
    (12, "Lecture by Mr Babbage", 105),
    (9, "A walk, and the harp", 60),
    (7, "Note G, second draft", 75),
    (4, "Proofs for the translation", 120),
    (2, "Letters", 30),
    (1, "Notes on Bernoulli numbers", 90),
    (0, "Read about difference engines", 45),
)
LOG_INS = (1, 2, 2, 5, 8, 8, 8, 13, 17, 21, 22, 28)  # days ago
Act = Callable[[Visitor], object]


class Look(NamedTuple):
    """A theme and a size."""

    theme: Literal["light", "dark"]
    size: ViewportSize

    def __str__(self) -> str:
        return f"{self.theme}, {'desk' if self.size == DESK else 'phone'}"


LOOKS = [Look(theme, size) for size in (DESK, HAND) for theme in ("light", "dark")]


class State(NamedTuple):
    """A page in one state: its name, its title, and how a visitor gets there.

    That is by an address, as the person *by* or signed out; without one, from the state before.
    """

    name: str
    heading: str
    path: str = ""
    acts: tuple[Act, ...] = ()
    by: str = ""
    load: bool = False  # where Streamlit itself goes to no such address, or remembers too much


class Tour:
    """The app at *server*, filled, and the ways to its states."""

    def __init__(self, server: Server, auth: AuthService, outbox: Outbox) -> None:
        self.server, self._auth = server, auth
        self._tokens: dict[str, str] = {}  # of a session of each person
        self._links: dict[str, str] = {}  # tokens of emails, by what they are for
        self._sign_up()
        self._log_in()
        self._write()
        self._send(outbox)

    def walk(self, visitor: Visitor, only: Collection[str] = ()) -> Iterator[State]:
        """Bring *visitor* to each state in turn, or at least to *only* some, and yield it.

        Its page is then complete. Who stays signed in, or out, goes on without loading the app.
        """
        person: str | None = None
        for walk in WALKS:
            wanted = [step for step in walk if not only or step.name in only]
            for step in walk[: walk.index(wanted[-1]) + 1] if wanted else ():
                if step.path:
                    self.open(visitor, step.path, step.by, load=step.by != person or step.load)
                    person = step.by
                for act in step.acts:
                    act(visitor)
                settle(visitor.page, step.heading)
                yield step

    def open(self, visitor: Visitor, path: str, by: str = "", *, load: bool = True) -> None:
        """Open *path* as the person *by*, or signed out; {reset} in it is that link's token."""
        path = path.format(**self._links)
        if not load:
            visitor.page.evaluate(GO, path)
            return
        visitor.context.clear_cookies()
        if by:
            name, url = SETTINGS["COOKIE_NAME"], self.server.url
            visitor.context.add_cookies([{"name": name, "value": self._tokens[by], "url": url}])
        broken = self._without_sessions() if by == UNLUCKY else nullcontext()
        with broken:
            visitor.open(path)
            if by == UNLUCKY:
                expect(visitor.heading("Back in a moment")).to_be_visible()

    @contextmanager
    def _without_sessions(self) -> Iterator[None]:
        """Take a table away meanwhile: the database can't be used."""
        rename = "ALTER TABLE {} RENAME TO {}"
        with self._auth.write() as connection:
            connection.execute(text(rename.format("sessions", "lost")))
        try:
            yield
        finally:
            with self._auth.write() as connection:
                connection.execute(text(rename.format("lost", "sessions")))

    def _sign_up(self) -> None:
        auth = self._auth
        self._people = {email: auth.sign_up(email, PASSWORD, name) for email, name in NAMES.items()}
        for name in ("Hedy Lamarr", "Annie Easley", "Karen Jones"):
            auth.sign_up(f"{name.split()[0].lower()}@example.com", PASSWORD, name)
        administration.grant(auth, self._people[ADMIN].id, Role.ADMIN)
        for email in (ADMIN, USER, CAREFUL):
            administration.verify(auth, self._people[email].id)
        for number, email in enumerate((ADMIN, USER)):
            self._add_passkey(self._people[email], f"key-{number}")

    def _log_in(self) -> None:
        auth = self._auth
        soon = auth.now() + timedelta(minutes=8)
        wait = {"count": 10, "until": soon, "expires_at": soon + timedelta(days=1)}
        with auth.write() as connection:
            connection.execute(insert(Counter).values(key=LOG_IN_ACCOUNT.on(LOCKED).key, **wait))
        auth.log_in(USER, PASSWORD, PHONE, remember=True)
        for person in (ADMIN, USER, NEW, CAREFUL):
            self._tokens[person] = auth.log_in(person, PASSWORD, LAPTOP).token
        for name in (LEFT, EARLIER, UNLUCKY):
            self._tokens[name] = auth.log_in(ADMIN, PASSWORD, LAPTOP).token
        with auth.write() as connection:
            end_session(connection, self.session(LEFT).id, EndReason.ENDED, auth.now())
            earlier = SessionRow.id == self.session(EARLIER).id
            connection.execute(update(SessionRow).where(earlier).values(confirmed_at=None))
        session = self.session(CAREFUL)
        key = b32decode(two_factor.key_for_session(auth, session).text.replace(" ", ""))
        code = code_at(key, int(auth.now().timestamp()) // PERIOD)
        login, made = two_factor.set_up(auth, session, code, LAPTOP)
        one = update(RecoveryCode).where(RecoveryCode.hash == recovery_hash(made[0]))
        with auth.write() as connection:
            connection.execute(one.values(hash=recovery_hash(RECOVERY_CODE)))
        self._tokens[CAREFUL] = login.token

    def _write(self) -> None:
        auth, session = self._auth, self.session(USER)
        for days, what, minutes in JOURNAL:
            day = auth.now().date() - timedelta(days=days)
            add_entry(auth, session, day, what, minutes)
        with auth.write() as connection:
            for days in LOG_INS:
                at = auth.now() - timedelta(days=days)
                record(connection, Event.LOGGED_IN, at, user_id=session.user.id, client=LAPTOP)

    def _send(self, outbox: Outbox) -> None:
        auth, admin = self._auth, self.session(ADMIN)
        for purpose, email in ((Purpose.VERIFY, NEW), (Purpose.KEEP, USER), (Purpose.CHANGE, NEW)):
            with auth.write() as connection:
                user = find_by_id(connection, self._people[email].id)
                assert user
                to = f"new.{email}" if purpose is Purpose.CHANGE else email
                token = issue_link(connection, user, purpose, to, to, auth.now())
            self._links[purpose.value] = token
        mail = issue_reset(auth, self._people[ADMIN].id)
        links = {"reset": mail.link or ""}
        for name, email in (("invitation", INVITED), ("accepted", GUEST)):
            links[name] = invitations.invite(auth, email, [], "See you on Monday!", admin)
        for name, link in links.items():
            self._links[name] = parse_qs(urlsplit(link).query)["token"][0]
        invitations.accept(auth, self._links["accepted"], "Katherine Johnson", PASSWORD, PHONE)
        for each in (*verification.samples(auth.emails), mail):
            outbox.send(each)

    def _add_passkey(self, user: User, key: str) -> None:
        public = {"public_key": "", "sign_count": 0, "transports": "internal"}
        named = {"name": "Chrome on Linux", "created_at": self._auth.now() - timedelta(days=21)}
        with self._auth.write() as connection:
            connection.execute(
                insert(Passkey).values(
                    id=key, user_id=user.id, host="localhost", synced=True, **public, **named
                )
            )

    def session(self, by: str) -> Session:
        """Return the session of the person *by*."""
        session = self._auth.session(self._tokens[by])
        assert session
        return session


def send(button: str, **fields: str) -> Act:
    """Return what fills in *fields* and sends the form."""

    def act(visitor: Visitor) -> None:
        for label, value in fields.items():
            visitor.field(label.replace("_", " ")).fill(value)
        visitor.button(button).click()

    return act


def sees(words: str) -> Act:
    """Return what waits for *words*."""
    return lambda visitor: expect(visitor.page.get_by_text(words).first).to_be_visible()


def sees_chart(visitor: Visitor) -> None:
    """Wait until the chart is drawn: it comes after the rest of its page."""
    expect(visitor.page.get_by_test_id("stVegaLiteChart").locator("svg").first).to_be_visible()


def follow(words: str) -> Act:
    """Return what follows the link called *words*; wherever it is: the page may just be resized."""

    def act(visitor: Visitor) -> None:
        visitor.page.get_by_role("link", name=words, exact=True).first.dispatch_event("click")

    return act


BACK = follow("Back to your account")


def hides(words: str) -> Act:
    """Return what waits until *words* are gone."""
    return lambda visitor: expect(visitor.page.get_by_text(words)).to_have_count(0)


def types(label: str, value: str) -> Act:
    """Return what types *value* into the field called *label*."""
    return lambda visitor: visitor.field(label).fill(value)


# Each begins at an address and goes on from there.
WALKS = (
    (
        State("Log in", LOG_IN, "/log-in"),
        State("Log in: empty", LOG_IN, acts=(send("Log in"), sees("Enter your email."))),
        State(
            "Log in: wrong password",
            LOG_IN,
            acts=(send("Log in", Email=USER, Password=WRONG), sees("do not match")),
        ),
        State(
            "Log in: too many attempts",
            LOG_IN,
            acts=(send("Log in", Email=LOCKED, Password=WRONG), sees("Try again in")),
        ),
        State(
            "Second step",
            "Enter your code",
            acts=(send("Log in", Email=CAREFUL, Password=PASSWORD),),
        ),
        State(
            "Second step: recovery code refused",
            "Enter your code",
            acts=(
                send("Use a recovery code"),
                send("Log in", Recovery_code="none"),
                sees("This recovery code"),
            ),
        ),
    ),
    (
        State("Sign up", SIGN_UP, "/sign-up"),
        State(
            "Sign up: typing a password",
            SIGN_UP,
            acts=(
                types("Name", "Ada Lovelace"),
                types("Email", USER),
                types("Password", "violet umbrella"),
            ),
        ),
        State(
            "Sign up: refused",
            SIGN_UP,
            acts=(send("Sign up", Email="ada@", Password="ada"), sees("Use at least 15")),
        ),
    ),
    (
        State("Forgot password", "Forgot your password?", "/forgot-password"),
        # Not to USER: a newer link would void the one that a later state opens.
        State("Check your inbox", "Check your inbox", acts=(send("Send the link", Email=GUEST),)),
    ),
    (
        State(
            "New password",
            "Choose a new password",
            "/reset-password?token={reset}",
            acts=(sees("Change my password"),),
        ),
    ),
    (State("New password: link used", "Choose a new password", "/reset-password?token=used"),),
    (State("Confirm email: no link", "Confirm your email", "/verify-email", load=True),),
    (State("Confirm email", "Confirm your email", "/verify-email?token={verify}"),),
    (State("Keep old email", "Keep your old email", "/keep-email?token={keep}"),),
    (State("Invitation", "Accept your invitation", "/accept-invitation?token={invitation}"),),
    (
        State(
            "Invitation: has account",
            "Accept your invitation",
            "/accept-invitation?token={accepted}",
        ),
    ),
    (State("Page not found", "Page not found", "/nothing", load=True),),
    (State("Log in: session ended", LOG_IN, "/", (sees("logged this device out"),), LEFT),),
    (State("Unavailable", "Back in a moment", "/", by=UNLUCKY),),
    (
        State("Home", "Home", "/", (sees_chart,), USER),
        State("Home: journal", "Home", acts=(send("Dismiss"), hides("This page is yours"))),
        State("Account", "Account", "/account", by=USER),
        State("Change name", "Change your name", acts=(follow("Change your name"),)),
        State("Change name: no change", "Change your name", acts=(send("Save"), sees("nothing"))),
        State("Change email", "Change your email", acts=(BACK, follow("Change your email"))),
        State(
            "Change password", "Change your password", acts=(BACK, follow("Change your password"))
        ),
        State(
            "Change password: empty",
            "Change your password",
            acts=(send("Change my password"), sees("Choose a password.")),
        ),
        State("Devices", "Your devices", acts=(BACK, follow("See all your devices"))),
        State(
            "Second factor: set up",
            "Set up your authenticator app",
            "/account",
            (follow("Set up your authenticator app"),),
            USER,
        ),
        State("Delete account", "Delete your account", acts=(BACK, follow("Delete your account"))),
        State("Passkeys", "Passkeys", acts=(BACK, follow("Change your passkeys"))),
        State(
            "Passkeys: change",
            "Passkeys",
            acts=(send("Change"), types("Name", "Chrome on my old laptop")),
        ),
        State("Outbox", "Outbox", "/outbox", by=USER),
    ),
    (State("Page not found, signed in", "Page not found", "/nothing", by=USER, load=True),),
    (State("Password again", "Change your email", "/change-email", by=EARLIER),),
    (
        State("Home: nothing yet", "Home", "/", (sees("Nothing here yet"),), NEW),
        State("Account: email not confirmed", "Account", "/account", by=NEW),
    ),
    (
        State("Second factor: turn off", TURN_OFF, "/two-factor", by=CAREFUL),
        State("Recovery codes", CODES_TITLE, acts=(BACK, follow("Renew your recovery codes"))),
        State(
            "Recovery codes: new",
            CODES_TITLE,
            acts=(
                send("Use a recovery code"),
                send("Make new codes", Recovery_code=RECOVERY_CODE),
                sees("I've saved them"),
            ),
        ),
    ),
    (
        State("Users", "Users", "/users", by=ADMIN),
        State("User", "Radia Perlman", acts=(follow(CAREFUL),)),
        State("Invitations", "Invitations", "/invitations", by=ADMIN),
        State("Audit log", "Audit log", "/audit-log", by=ADMIN),
    ),
)
STATES = tuple(state for walk in WALKS for state in walk)


@contextmanager
def touring(folder: Path) -> Iterator[Tour]:
    """Run the app from a copy in *folder*, and yield a tour of it."""
    project = copy_project(folder / "app")
    # By a name, because browsers refuse passkeys at an IP address; no SMTP_URL opens the outbox.
    settings = {"SMTP_URL": ""}
    with (
        serve("server.py", folder, project=project, env=settings, host="localhost") as server,
        server.service() as auth,
    ):
        yield Tour(
            server, auth, Outbox(project / "data/outbox", auth.settings.sender, show_links=False)
        )


def settle(page: Page, title: str) -> None:
    """Wait until the page with this *title* is complete: nothing runs, nothing is loading."""
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_have_count(1)
    for unfinished in ('[data-stale="true"]', '[data-testid="stSkeleton"]'):
        expect(page.locator(unfinished)).to_have_count(0)
    page.evaluate("document.fonts.ready.then(() => true)")


def dress(page: Page, look: Look) -> None:
    """Show *page* in a theme and at a size."""
    page.emulate_media(color_scheme=look.theme)
    page.set_viewport_size(look.size)


def violations(page: Page) -> list[str]:
    """Return what on *page* breaks a rule of WCAG 2.2 AA, as axe-core finds it."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(AXE, WCAG)
    return found
