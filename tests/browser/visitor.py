"""A person at a browser: what they do on the pages, and what they expect to see."""

import re
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar, cast

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, Locator, Page, WebSocket
from playwright.sync_api import expect as impatient
from sqlalchemy import update
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from auth.sessions import Client
from db.models import Session
from tests.serving import SETTINGS, Server, wait_until

PASSWORD = "violet umbrella harbour 41"
LOG_IN, SIGN_UP = (f"{verb} {SETTINGS['APP_NAME']}" for verb in ("Log in to", "Sign up for"))
# Notes what was ever in the page, however short: a form that asks for a password, a skeleton, and
# each title that the browser's tab had.
WATCH = """
window.formsSeen = window.skeletonsSeen = 0;
window.titlesSeen = [];
new MutationObserver(() => {
  if (document.querySelector('input[type="password"]')) window.formsSeen += 1;
  if (document.querySelector('.skeleton')) window.skeletonsSeen += 1;
  if (window.titlesSeen.at(-1) !== document.title) window.titlesSeen.push(document.title);
}).observe(document, {childList: true, subtree: true, characterData: true});
"""
Cookie = dict[str, Any]
PATIENCE = 30_000  # milliseconds; two cores may be busy with another suite
GLANCE = 1_000  # milliseconds: Playwright looks every 500 in a long wait, every 100 in this one


Expect = TypeVar("Expect", bound=Callable[..., Any])


class Patient:
    """Assertions about a page, each made of short waits until it holds or `PATIENCE` is over."""

    def __init__(self, assertions: object) -> None:
        self._assertions = assertions

    def __getattr__(self, name: str) -> Callable[..., None]:
        check = getattr(self._assertions, name)

        def patiently(*args: object, timeout: float = PATIENCE, **options: object) -> None:
            end = monotonic() + timeout / 1000
            while True:
                try:
                    check(*args, timeout=min(timeout, GLANCE), **options)
                    return
                except AssertionError:
                    if monotonic() >= end:
                        raise

        return patiently


def patient(expect: Expect) -> Expect:
    """Return Playwright's *expect*, which waits as long and sees a change sooner."""
    return cast(Expect, lambda actual: Patient(expect(actual)))


expect = patient(impatient)


class Visitor:
    """One tab of a browser, pointed at *server*; it counts the runs since it was loaded."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.context, self.server = context, server
        self.runs = self.ticks = 0
        self.page: Page = context.new_page()
        self.page.add_init_script(WATCH)
        self.page.on("websocket", self._listen)
        self.dialogs: list[str] = []
        self.page.on("dialog", self._note_dialog)

    def open(self, path: str = "/") -> None:
        """Go to *path* by its URL."""
        self.page.goto(self.server.address(path))

    def reload(self) -> None:
        """Press F5."""
        self.page.reload()

    def new_tab(self) -> "Visitor":
        """Open an empty tab beside this one, in the same browser."""
        return Visitor(self.context, self.server)

    def field(self, label: str) -> Locator:
        """Return the input with this label."""
        return self.page.get_by_role("textbox", name=label, exact=True)

    def button(self, name: str) -> Locator:
        """Return the button with this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def heading(self, name: str) -> Locator:
        """Return the page's title."""
        return self.page.get_by_role("heading", name=name, exact=True, level=1)

    @property
    def sidebar(self) -> Locator:
        """Where the account stands, with the way out."""
        return self.page.get_by_test_id("stSidebar")

    def fill_sign_up(self, name: str, email: str, password: str) -> None:
        """Fill in the sign-up form and send it."""
        expect(self.heading(SIGN_UP)).to_be_visible()
        self.field("Name").fill(name)
        self.field("Email").fill(email)
        self.field("Password").fill(password)
        self.button("Sign up").click()

    def sign_up(self, email: str, name: str = "", password: str = PASSWORD) -> None:
        """Make an account and wait until this browser is signed in to it."""
        self.open("/sign-up")
        self.fill_sign_up(name, email, password)
        self.expect_signed_in(email)
        self.wait_for_cookie()

    def fill_log_in(self, email: str, password: str = PASSWORD, *, remember: bool = False) -> None:
        """Fill in the log-in form that is open and send it."""
        self.expect_form()
        self.field("Email").fill(email)
        self.field("Password").fill(password)
        if remember:
            self.page.get_by_text("Keep me logged in").click()
        self.button("Log in").click()

    def log_in(self, email: str, *, remember: bool = False, path: str = "/log-in") -> None:
        """Log in at *path* and wait until the browser keeps it."""
        self.open(path)
        self.fill_log_in(email, remember=remember)
        self.expect_signed_in(email)
        self.wait_for_cookie()

    def arrive(self, email: str, path: str = "/") -> None:
        """Come with the cookie of an earlier log-in, where logging in is not what is tested."""
        with self.server.service() as service:
            token = service.log_in(email, PASSWORD, Client()).token
            session = service.session(token)
        with self.server.database() as database, database.write() as connection:
            connection.execute(
                update(Session)
                .where(Session.id == (session.id if session else ""))
                .values(confirmed_at=None)  # "earlier": the password was typed long ago
            )
        name = self.server.env["COOKIE_NAME"]
        self.context.add_cookies([{"name": name, "value": token, "url": self.server.url}])
        self.open(path)
        self.expect_signed_in(email)

    def plant(self, *names: str) -> None:
        """Set a cookie of 3.5 KB, as of another app, under each of these names."""
        self.context.add_cookies(
            [{"name": name, "value": "A" * 3500, "url": self.server.url} for name in names]
        )

    def log_out(self) -> None:
        """Log out and wait until the browser has forgotten it."""
        self.button("Log out").click()
        self.expect_form()
        self.wait_for_no_cookie()

    def expect_signed_in(self, email: str) -> None:
        """Expect to be signed in to the account of *email*."""
        expect(self.sidebar.get_by_text(email, exact=True)).to_be_visible()
        expect(self.button("Log out")).to_be_visible()

    def expect_form(self) -> None:
        """Expect the log-in form, and nothing that only a signed-in person sees."""
        expect(self.heading(LOG_IN)).to_be_visible()
        expect(self.field("Password")).to_be_visible()
        expect(self.button("Log out")).to_have_count(0)

    def expect_settled(self) -> None:
        """Expect that no script runs and no component waits: nothing causes another run."""
        expect(self.page.locator("iframe")).to_have_count(0)
        expect(self.page.locator('[data-test-script-state="notRunning"]')).to_have_count(1)

    def expect_calm(self) -> None:
        """Expect that the page shows neither a traceback nor what Streamlit makes of one."""
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        expect(self.page.get_by_text(re.compile("Traceback|Error:"))).to_have_count(0)

    def forms_seen(self) -> int:
        """Return how often a form with a password stood in this page since it was loaded."""
        seen: int = self.page.evaluate("window.formsSeen")
        return seen

    def skeletons_seen(self) -> int:
        """Return how often the waiting page was shown since the page was loaded."""
        seen: int = self.page.evaluate("window.skeletonsSeen")
        return seen

    def titles_seen(self) -> list[str]:
        """Return the titles that the browser's tab had since the page was loaded, in turn."""
        seen: list[str] = self.page.evaluate("window.titlesSeen")
        return seen

    def address(self) -> str:
        """Return the path in the address bar."""
        return self.page.url.removeprefix(self.server.url)

    def cookie(self) -> Cookie | None:
        """Return the session's cookie, if the browser has it."""
        name = self.server.env["COOKIE_NAME"]
        found = [dict(c) for c in self.context.cookies(self.server.url) if c.get("name") == name]
        return found[0] if found else None

    def token(self) -> str:
        """Return the session's token, waiting until the browser has it."""
        self.wait_for_cookie()
        cookie = self.cookie()
        assert cookie
        return str(cookie["value"])

    def wait_for_cookie(self) -> None:
        """Wait until the browser has written the cookie."""
        wait_until(self.cookie, "the cookie to be written")
        self.expect_settled()

    def wait_for_no_cookie(self) -> None:
        """Wait until the browser has deleted the cookie."""
        wait_until(lambda: self.cookie() is None, "the cookie to be deleted")
        self.expect_settled()

    def wait_for_tick(self) -> None:
        """Wait until a fragment has run by itself."""
        before = self.ticks
        # Asking the page for something lets Playwright hear what came meanwhile.
        wait_until(lambda: self.page.evaluate("true") and self.ticks > before, "a tick")

    def _listen(self, socket: WebSocket) -> None:
        self.runs = 0
        socket.on("framereceived", lambda payload: self._count(socket, payload))
        self._socket = socket

    def _count(self, socket: WebSocket, payload: str | bytes) -> None:
        message = ForwardMsg()
        with suppress(DecodeError):
            message.ParseFromString(payload if isinstance(payload, bytes) else payload.encode())
        if not message.HasField("script_finished") or socket is not self._socket:
            return
        if message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            self.ticks += 1
        else:
            self.runs += 1

    def _note_dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()
