"""The hardened server where it meets the network: https, other sites, lost requests, copies."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page
from sqlalchemy import update

from auth.hand_off import create_ticket
from auth.rotation import OVERLAP, ROTATE_EVERY
from auth.sessions import Client
from auth.users import User
from db.models import Session, utc_now
from tests.browser.conftest import NewContext, ServerOf, add_account
from tests.browser.template.proxies import certificate
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.serving import HOST, Server, serve, wait_until
from web.words import BLOCKED


@pytest.fixture
def plain(app_of: ServerOf) -> Server:
    """Return the hardened server on http, as in development."""
    return app_of("server.py")


@pytest.fixture
def grace(plain: Server) -> User:
    """Return an account there."""
    with plain.service() as service:
        return add_account(service, "Grace")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the hardened server on https."""
    folder = tmp_path_factory.mktemp("secure")
    cert, key = certificate(folder)
    flags = (f"--server.sslCertFile={cert}", f"--server.sslKeyFile={key}")
    with serve("server.py", folder, *flags, scheme="https") as server:
        yield server


def test_on_https_the_cookie_is_bound_to_this_host(new_context: NewContext, secure: Server) -> None:
    """CK-1, CK-2: __Host-, Secure, HttpOnly, and the session survives F5 as on http."""
    with secure.service() as service:
        user = add_account(service, "Secure")
    context = new_context(ignore_https_errors=True)
    visitor = Visitor(context, secure)
    visitor.open("/account")
    visitor.fill_log_in(user.email)
    visitor.expect_signed_in(user.email)
    wait_until(lambda: "__Host-auth" in names(visitor), "the cookie")

    visitor.reload()

    visitor.expect_signed_in(user.email)
    cookie = next(c for c in context.cookies() if c.get("name") == "__Host-auth")
    assert cookie["httpOnly"] and cookie["secure"]
    assert (cookie["path"], cookie["sameSite"]) == ("/", "Lax")
    assert "auth" not in names(visitor)
    visitor.button("Log out").click()
    visitor.expect_form()
    wait_until(lambda: "__Host-auth" not in names(visitor), "the cookie's end")


def test_on_https_browsers_are_told_to_stay_there(new_context: NewContext, secure: Server) -> None:
    """CK-8: HSTS for a year."""
    page = new_context(ignore_https_errors=True).new_page()

    answer = page.goto(secure.address())

    assert answer
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


@pytest.fixture(params=["localhost", HOST], ids=["another site", "another port of this host"])
def other_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Serve an empty page on another origin, and return its address.

    From another port of the same host even SameSite=Lax sends the cookies: there the gate decides.
    """
    (tmp_path / "index.html").write_text("<!doctype html><title>Another site</title>")
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{request.param}:{server.server_port}/"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name it has
        """Say nothing."""


def ask_from(page: Page, method: str, address: str, body: str) -> None:
    """Send a request from a page, with its cookies, as any script there could."""
    page.evaluate(
        """([method, address, body]) => fetch(address, {
            method, body, credentials: "include", mode: method === "POST" ? "no-cors" : "cors",
            headers: {"Content-Type": "text/plain"},
        }).catch(() => null)""",
        [method, address, body],
    )


def test_another_site_can_neither_log_in_nor_out(
    new_context: NewContext, plain: Server, grace: User, other_site: str
) -> None:
    """CK-5: not by fetch and not by a form, with a real ticket neither."""
    visitor = Visitor(new_context(), plain)
    visitor.arrive(grace.email, path="/account")
    with plain.service() as service:
        own = next(c for c in visitor.context.cookies() if c.get("name") == "auth_browser")
        mallory = add_account(service, "Mallory")
        planted = service.log_in(mallory.email, PASSWORD, Client()).token
        ticket = create_ticket(
            service, planted, str(own.get("value"))
        )  # the worst case: it would fit
    page = visitor.context.new_page()
    page.goto(other_site)
    address = plain.address("/auth/session")

    ask_from(page, "POST", address, f'{{"ticket": "{ticket}"}}')
    ask_from(page, "DELETE", address, "")
    with page.expect_navigation():
        page.evaluate(
            """([address, head, tail]) => {
              const form = document.createElement("form");
              form.method = "POST"; form.action = address; form.enctype = "text/plain";
              const field = document.createElement("input");
              field.name = head; field.value = tail; form.append(field);
              document.body.append(form); form.submit();
            }""",
            [address, f'{{"ticket": "{ticket}", "x": "', '"}'],
        )

    with plain.service() as service:
        user = service.resume(visitor.token())
    assert user is not None
    assert user.email == grace.email


def test_the_app_cannot_be_framed_by_another_site(
    new_context: NewContext, plain: Server, other_site: str
) -> None:
    """CK-8: frame-ancestors 'none': no user can be made to click on something hidden."""
    page = new_context().new_page()
    page.goto(other_site)

    page.evaluate(
        """address => new Promise(done => {
          const frame = document.createElement("iframe");
          frame.onload = done; frame.src = address; document.body.append(frame);
        })""",
        plain.address(),
    )

    assert not any(frame.url.startswith(plain.url) for frame in page.frames)


def test_scripts_see_neither_token_nor_nonce(
    new_context: NewContext, plain: Server, grace: User
) -> None:
    """CK-1: document.cookie does not show what is HttpOnly."""
    visitor = Visitor(new_context(), plain)
    visitor.log_in(grace.email, path="/account")

    seen = visitor.page.evaluate("document.cookie")

    assert {"auth", "auth_browser"} <= names(visitor)
    assert "auth" not in seen


def test_a_log_in_that_the_browser_blocks_is_taken_back(
    new_context: NewContext, plain: Server, grace: User
) -> None:
    """The person is told what to do; never a silent half log-in."""
    visitor = Visitor(new_context(), plain)
    visitor.page.route("**/auth/session", lambda route: route.abort())
    visitor.open("/account")

    visitor.fill_log_in(grace.email)

    expect(visitor.page.get_by_text(BLOCKED)).to_be_visible()
    visitor.expect_form()
    with plain.database() as database, database.read() as connection:
        ended = connection.exec_driver_sql(
            "SELECT ended_at IS NOT NULL FROM sessions WHERE user_id = ?", (grace.id,)
        )
        assert [bool(row[0]) for row in ended] == [True]


def age(server: Server, user: User, by: timedelta) -> None:
    """Have the user's sessions rotated that long ago."""
    with server.database() as database, database.write() as connection:
        connection.execute(
            update(Session).where(Session.user_id == user.id).values(rotated_at=utc_now() - by)
        )


def test_a_page_load_rotates_the_cookie_and_a_copy_ends_the_session(
    new_context: NewContext, plain: Server, grace: User
) -> None:
    """SE-9: the other tab goes on; who brings the old cookie later ends it for everybody."""
    visitor = Visitor(new_context(), plain)
    visitor.arrive(grace.email, path="/account")
    stolen = visitor.token()
    other = visitor.new_tab()
    other.open("/account")
    other.expect_signed_in(grace.email)
    age(plain, grace, ROTATE_EVERY)

    visitor.reload()
    visitor.expect_signed_in(grace.email)

    assert visitor.token() != stolen
    other.page.get_by_role("link", name="Home").click()
    expect(other.heading("Home")).to_be_visible()
    age(plain, grace, OVERLAP)
    thief = new_context()
    thief.add_cookies([{"name": "auth", "value": stolen, "url": plain.url}])
    there = Visitor(thief, plain)
    there.open("/account")
    there.expect_form()
    visitor.reload()
    visitor.expect_form()


def test_ending_another_session_needs_the_password_and_clears_its_page(
    new_context: NewContext, workshop: Server
) -> None:
    """SE-7: two browsers of one user; the other's open page clears by itself and says why."""
    with workshop.service() as service:
        user = add_account(service, "Devices")
    desk, phone = (Visitor(new_context(), workshop) for _ in range(2))
    phone.arrive(user.email, path="/account")
    desk.arrive(user.email, path="/devices")
    expect(desk.button("End all other sessions")).to_have_count(0)

    desk.field("Password").fill("not the password at all")
    desk.button("Confirm").click()
    expect(desk.page.get_by_text("not your password")).to_be_visible()
    desk.field("Password").fill("violet umbrella harbour 41")
    desk.button("Confirm").click()
    expect(desk.button("End all other sessions")).to_be_visible()
    desk.button("End all other sessions").click()

    expect(desk.page.get_by_text("You aren't logged in on any other device.")).to_be_visible()
    expect(phone.page.get_by_text("You logged this device out from another one.")).to_be_visible()
    phone.expect_form()


def names(visitor: Visitor) -> set[str]:
    """Return the names of the cookies that this browser has."""
    return {str(cookie.get("name")) for cookie in visitor.context.cookies()}
