"""A real Chromium and a running app for every test here; each test gets a browser of its own."""

import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from auth.service import AuthService
from auth.users import User
from tests.browser.visitor import PASSWORD, Visitor
from tests.serving import Server, serve

BRIDGES = ["app.py", "server.py"]  # the entry scripts: each carries the cookie in its own way
# For what a page shows, and how it looks: that does not depend on the way of the cookie.
ONE_BRIDGE = pytest.mark.parametrize("bridge", BRIDGES[1:])
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")
# A window's address bar is two pages of Chromium's own: for one of ours, 40 % of all the work.
# The last such flag is the one that counts, so what Playwright switches off stands here too.
UNUSED = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "AimEnabled", "HttpsUpgrades", "PaintHolding"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "MediaRouter"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "OptimizationHints"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "NetworkTimeServiceQuerying", "PreconnectToSearch"),
    *("ScriptStreaming", "ThirdPartyStoragePartitioning"),
)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--in-process-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
    "--renderer-process-limit=1",  # for each profile: its pages read Streamlit's scripts once
    # A page here lives for seconds: code it would optimise is never run often enough to pay.
    "--js-flags=--no-maglev --no-opt --no-flush-bytecode --always-sparkplug --single-threaded",
    f"--disable-features={','.join(UNUSED)}",
)
ServerOf = Callable[[str], Server]
NewContext = Callable[..., BrowserContext]
SignedIn = Callable[..., Visitor]
Spare = defaultdict[str, list[BrowserContext]]


def chromium() -> str:
    """Return the path of the browser to test with."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        raise RuntimeError(
            "there is no Chromium: apt install chromium, or set CHROMIUM to the path of one, "
            "or run `python3 dev.py test`, which installs it"
        )
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its pages show."""
    report = yield
    browser = item.funcargs.get("browser")
    if report.when == "call" and report.failed and isinstance(browser, Browser):
        for page in (page for context in browser.contexts for page in context.pages):
            if page.url != "about:blank":
                report.sections.append((page.url, page.inner_text("body")))
    return report


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Return Playwright; it ends with this package, so that no event loop of it stays behind."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Return the one browser; contexts are what is cheap."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
    yield browser
    browser.close()


@pytest.fixture(params=BRIDGES)
def bridge(request: pytest.FixtureRequest) -> str:
    """Return the entry script: the same tests hold for each."""
    script: str = request.param
    return script


@pytest.fixture(scope="package")
def app_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOf]:
    """Return a way to the app as it is: each entry script is started once, and goes on running."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("app")
        yield cache(lambda script: stack.enter_context(serve(script, folder / script)))


@pytest.fixture
def server(app_of: ServerOf, bridge: str) -> Iterator[Server]:
    """Return the running app, and see to it that the test did not cost it an exception."""
    yield from without_traceback(app_of(bridge))


def without_traceback(server: Server) -> Iterator[Server]:
    """Yield *server*, and fail if its log has a traceback afterwards."""
    before = len(server.said())
    yield server
    assert "Traceback" not in server.said(since=before)


@pytest.fixture
def service(server: Server) -> Iterator[AuthService]:
    """Return the rules over the database of the running app."""
    with server.service() as service:
        yield service


@pytest.fixture
def new_context(browser: Browser, spare: Spare) -> Iterator[NewContext]:
    """Return a way to open another browser profile, for this test alone.

    One is used again once its cookies are gone: it has Streamlit's scripts in its cache, and in an
    empty tab that stays open a process that has read them.
    """
    opened: list[tuple[str, BrowserContext]] = []

    def open_context(**options: object) -> BrowserContext:
        kind = repr(options)
        context = spare[kind].pop() if spare[kind] else browser.new_context(**options)  # type: ignore[arg-type]
        context.clear_cookies()  # one that arrived while its page was being closed
        opened.append((kind, context))
        return context

    yield open_context
    for kind, context in opened:
        if "ignore_https_errors" in kind:  # its connections would keep a server from ending
            context.close()
            continue
        resident, *others = context.pages or [context.new_page()]
        for page in (resident, *others):
            if page.url != "about:blank":
                page.goto("about:blank")  # takes back what is asked for: it may set a cookie
        for page in others:
            page.close()
        context.clear_permissions()
        context.clear_cookies()
        spare[kind].append(context)


@pytest.fixture(scope="package")
def spare(browser: Browser) -> Spare:
    """Return the profiles that no test uses at the moment, by what they were opened with."""
    return defaultdict(list)


@pytest.fixture
def visitor(new_context: NewContext, server: Server) -> Visitor:
    """Return a visitor with a fresh browser who has not opened the app yet."""
    return Visitor(new_context(), server)


@pytest.fixture
def signed_in(visitor: Visitor) -> SignedIn:
    """Return a function that opens a page as a user: signed_in(ada, "/report")."""

    def open_page(user: User, path: str = "/") -> Visitor:
        visitor.arrive(user.email, path)
        return visitor

    return open_page


@pytest.fixture
def stranger(new_context: NewContext, server: Server) -> Visitor:
    """Return another visitor, at another computer."""
    return Visitor(new_context(), server)


@pytest.fixture
def new_account(service: AuthService) -> Callable[[str], User]:
    """Return a function that makes accounts with unused emails."""

    def make(name: str) -> User:
        return add_account(service, name)

    return make


def add_account(service: AuthService, name: str) -> User:
    """Add an account for *name* with an email of its own, and the password of these tests."""
    return service.sign_up(
        f"{name.lower()[:50]}-{secrets.token_hex(4)}@example.com", PASSWORD, name
    )


@pytest.fixture
def ada(new_account: Callable[[str], User]) -> User:
    """Return an account."""
    return new_account("Ada")


@pytest.fixture
def grace(new_account: Callable[[str], User]) -> User:
    """Return another account."""
    return new_account("Grace")
