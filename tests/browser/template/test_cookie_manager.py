"""The cookie as the CookieManager writes it: its attributes, its expiry, and hosts that hide it."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auth.service import AuthService
from auth.users import User
from tests.browser.conftest import NewContext, add_account
from tests.browser.template.meddler import meddle
from tests.browser.visitor import Visitor, expect
from tests.serving import ROOT, Server, serve

HOURS = 60 * 60
ZONES = ["Asia/Kolkata", "America/Los_Angeles"]  # ahead by half an hour more, and behind
# Milliseconds, and bytes a second: a write takes many times the run that could discard it.
SLOW = {"offline": False, "latency": 50, "downloadThroughput": 8e5, "uploadThroughput": 8e5}
COMPONENT = "**/component/extra_streamlit_components*/**"
# The one entry script that has no other way to write a cookie.
pytestmark = [
    pytest.mark.usefixtures("bridge"),
    pytest.mark.parametrize("bridge", ["app.py"], indirect=True),
]


def lifetime(visitor: Visitor) -> float:
    """Return how many seconds the browser will keep the cookie."""
    cookie = visitor.cookie()
    assert cookie
    return float(cookie["expires"]) - datetime.now(UTC).timestamp()


@pytest.mark.parametrize(("remember", "hours"), [(False, 12), (True, 30 * 24)])
def test_the_cookie_is_bounded_in_every_way_a_script_can(
    visitor: Visitor, ada: User, remember: bool, hours: int
) -> None:
    """CK-1, CK-3: this host and path only, Lax, for as long as the session; small enough."""
    visitor.log_in(ada.email, remember=remember)

    cookie = visitor.cookie()
    assert cookie
    assert cookie["domain"] == "127.0.0.1"
    assert cookie["path"] == "/"
    assert cookie["sameSite"] == "Lax"
    assert not cookie["secure"]
    assert not cookie["httpOnly"]  # what this bridge cannot do, and README says so
    assert len(cookie["value"]) < 4096
    assert lifetime(visitor) == pytest.approx(hours * HOURS, abs=60)


@pytest.mark.parametrize("zone", ZONES)
def test_the_cookie_lives_as_long_in_every_time_zone(
    visitor: Visitor, ada: User, zone: str
) -> None:
    """The expiry is an instant, not a local wall clock; F5 finds the cookie there."""
    line = visitor.context.new_cdp_session(visitor.page)
    line.send("Emulation.setTimezoneOverride", {"timezoneId": zone})

    visitor.log_in(ada.email)
    visitor.reload()

    visitor.expect_signed_in(ada.email)
    assert lifetime(visitor) == pytest.approx(12 * HOURS, abs=60)


def test_twenty_of_twenty_writes_arrive_on_a_slow_line(
    visitor: Visitor, service: AuthService, ada: User
) -> None:
    """Design 4: each write, keeping and deleting in turn, is in the browser although we rerun."""
    visitor.open("/log-in")
    line = visitor.context.new_cdp_session(visitor.page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", SLOW)
    arrived = 0

    for _ in range(10):
        visitor.fill_log_in(ada.email)
        assert service.resume(visitor.token())
        arrived += 1
        visitor.log_out()
        arrived += 1

    assert arrived == 20


def test_a_host_that_hides_the_cookie_still_finds_people_signed_in(
    new_context: NewContext, server: Server, ada: User
) -> None:
    """Design 5: where the handshake brings nothing the page is asked, behind a skeleton."""
    with meddle(server) as hidden:
        visitor = Visitor(new_context(), hidden)
        visitor.log_in(ada.email, path="/account")

        visitor.reload()

        expect(visitor.heading("Account")).to_be_visible()
        visitor.expect_signed_in(ada.email)
        assert visitor.skeletons_seen() > 0
        assert visitor.forms_seen() == 0
        assert visitor.address() == "/account"
        visitor.log_out()
        visitor.reload()
        visitor.expect_form()


def test_a_first_visit_is_no_reload(visitor: Visitor) -> None:
    """Design 5: asking the page for its cookie does not look like a page that was open before."""
    visitor.open("/log-in")

    visitor.expect_form()
    assert visitor.skeletons_seen() > 0
    expect(visitor.page.get_by_test_id("stAlert")).to_have_count(0)


def test_a_browser_that_never_answers_gets_the_form_after_the_bound(
    new_context: NewContext, workshop: Server
) -> None:
    """Design 5: the wait has an end, and logging in works for this tab."""
    with workshop.service() as service:
        user = add_account(service, "Blocked")
    visitor = Visitor(new_context(), workshop)
    visitor.page.route(COMPONENT, lambda route: route.abort())

    visitor.open("/account")
    expect(visitor.page.locator(".skeleton")).to_be_attached()
    expect(visitor.page.locator(".st-key-cookies")).to_have_css("opacity", "0")  # its grey box
    visitor.fill_log_in(user.email)

    expect(visitor.heading("Account")).to_be_visible()
    visitor.expect_signed_in(user.email)
    assert visitor.cookie() is None


def test_the_bound_of_the_real_app_is_short() -> None:
    """Design 5: no visitor looks at a skeleton for more than ten seconds."""
    text = (ROOT / "views/waiting.py").read_text("utf-8")

    seconds = int(text.split("PATIENCE = timedelta(seconds=")[1].split(")")[0])

    assert seconds <= 10


def test_under_a_base_path_the_cookie_stays_there(new_context: NewContext, tmp_path: Path) -> None:
    """CK-1, CK-3: written and deleted with the path of this app, not of its neighbours."""
    with serve("app.py", tmp_path, "--server.baseUrlPath=/app", base="/app") as server:
        with server.service() as service:
            user = add_account(service, "Based")
        visitor = Visitor(new_context(), server)
        visitor.log_in(user.email)

        cookie = visitor.cookie()
        assert cookie
        assert cookie["path"] == "/app"
        visitor.open("/account")
        visitor.expect_signed_in(user.email)
        visitor.log_out()
        assert visitor.context.cookies() == [] or visitor.cookie() is None


@pytest.fixture
def secure_server(tmp_path: Path) -> Iterator[Server]:
    """Run the app on https, with a certificate that only this test trusts."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    flags = (f"--server.sslCertFile={certificate}", f"--server.sslKeyFile={key}")
    with serve("app.py", tmp_path, *flags, scheme="https") as server:
        yield server


def test_on_https_the_cookie_is_secure(new_context: NewContext, secure_server: Server) -> None:
    """CK-1: a cookie of an https page never travels in the clear."""
    with secure_server.service() as service:
        user = add_account(service, "Secure")
    visitor = Visitor(new_context(ignore_https_errors=True), secure_server)

    visitor.log_in(user.email)

    cookie = visitor.cookie()
    assert cookie
    assert cookie["secure"]
    visitor.reload()
    visitor.expect_signed_in(user.email)
    visitor.log_out()
