"""Rotation in a browser: its own tabs go on, and a copy of its cookie does not."""

from datetime import timedelta

import pytest
from playwright.sync_api import Response, Route
from sqlalchemy import update

from auth.rotation import OVERLAP, ROTATE_EVERY
from auth.sessions import Client
from auth.users import User
from db.models import Session, utc_now
from features.devices.rules import list_sessions
from tests.browser.conftest import NewContext, add_account
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.fixtures import open_session
from tests.serving import Server, wait_until

# Under plain app.py no page load can set a cookie, and so none rotates the token.
by_page_loads = pytest.mark.parametrize("bridge", ["server.py"], indirect=True)


def arrive(new_context: NewContext, server: Server, path: str) -> tuple[Visitor, Visitor, User]:
    """Return two tabs of a signed-in user's browser, the second one at *path*."""
    with server.service() as service:
        user = add_account(service, "Rotating")
    first = Visitor(new_context(), server)
    first.arrive(user.email, path="/account")
    second = first.new_tab()
    second.open(path)
    second.expect_signed_in(user.email)
    second.expect_settled()
    return first, second, user


def age(server: Server, user: User, by: timedelta) -> None:
    """Have the user's sessions rotated that long ago."""
    with server.database() as database, database.write() as connection:
        connection.execute(
            update(Session).where(Session.user_id == user.id).values(rotated_at=utc_now() - by)
        )


def rotate(server: Server, user: User, tab: Visitor) -> None:
    """Load a page in *tab* when the token is due, and wait until the next one is in use."""
    before = tab.token()
    age(server, user, ROTATE_EVERY)
    tab.reload()
    tab.expect_signed_in(user.email)
    assert tab.token() != before


def answers_to(tab: Visitor) -> list[int]:
    """Return a list that fills with the answers to the tab, when it asks for the newest token."""
    answers: list[int] = []

    def note(answer: Response) -> None:
        if answer.url.endswith("/auth/ticket"):
            answers.append(answer.status)

    tab.page.on("response", note)
    return answers


@by_page_loads
def test_an_open_tab_follows_the_rotation_that_another_one_caused(
    new_context: NewContext, workshop: Server, bridge: str
) -> None:
    """SE-9: three rotations; nothing flashes, what was typed stays, the tab is never logged out."""
    first, second, user = arrive(new_context, workshop, "/change-name")
    second.field("Name").fill("typed, not sent")

    for _ in range(3):
        answers = answers_to(second)
        rotate(workshop, user, first)
        wait_until(lambda: second.page.evaluate("true") and answers, "the tab to ask")  # noqa: B023
        assert answers == [204]
        age(workshop, user, OVERLAP)
        second.wait_for_tick()

    expect(second.field("Name")).to_have_value("typed, not sent")
    second.expect_signed_in(user.email)
    assert second.forms_seen() == second.skeletons_seen() == 0
    second.button("Save").click()
    expect(second.page.get_by_text("Your name has been changed.")).to_be_visible()
    first.reload()
    first.expect_signed_in(user.email)


@by_page_loads
def test_a_tab_that_was_asleep_loses_no_form_that_is_sent_at_once(
    new_context: NewContext, workshop: Server, bridge: str
) -> None:
    """SE-9: its token is long replaced when the click arrives; the run waits for the browser."""
    first, second, user = arrive(new_context, workshop, "/change-name")
    second.page.route("**/auth/ticket", lambda route: route.abort())  # as if no timer ran
    rotate(workshop, user, first)
    age(workshop, user, OVERLAP)
    second.field("Name").fill("Countess")
    second.page.unroute("**/auth/ticket")

    second.button("Save").click()

    expect(second.page.get_by_text("Your name has been changed.")).to_be_visible()
    expect(second.page.get_by_test_id("stMain").get_by_text("Countess")).to_be_visible()
    second.expect_signed_in(user.email)
    assert second.skeletons_seen() == 0


@by_page_loads
def test_a_copied_cookie_in_an_open_tab_ends_with_the_rotation(
    new_context: NewContext, workshop: Server, bridge: str
) -> None:
    """SE-9: the copy's tab never loads a page again; within the overlap it gains nothing."""
    first, _, user = arrive(new_context, workshop, "/notes")
    thief = Visitor(new_context(), workshop)
    thief.context.add_cookies(first.context.cookies())  # type: ignore[arg-type]
    thief.open("/account")
    thief.expect_signed_in(user.email)
    copied = thief.token()

    answers = answers_to(thief)
    rotate(workshop, user, first)
    wait_until(lambda: thief.page.evaluate("true") and answers, "the copy's tab to ask")
    assert set(answers) == {403}
    assert thief.token() == copied
    age(workshop, user, OVERLAP)

    thief.expect_form()
    expect(thief.page.get_by_text(user.email)).to_have_count(0)
    first.expect_form()  # a copy is about: the session is over for both
    expect(first.page.get_by_text("its cookie may have been copied")).to_be_visible()


def test_step_up_reaches_the_browsers_other_tabs_and_no_copy(
    new_context: NewContext, workshop: Server
) -> None:
    """SE-1: ASVS 5.0 7.2.4: the cookie is another one; a copy of the old one is soon worthless."""
    first, second, user = arrive(new_context, workshop, "/account")
    before = first.token()
    first.sidebar.get_by_role("link", name="Account").click()
    first.page.get_by_role("link", name="Change your email").click()
    first.field("Password").fill(PASSWORD)
    first.button("Confirm").click()
    expect(first.field("New email")).to_be_visible()
    wait_until(lambda: first.token() != before, "the cookie to be another one")

    second.wait_for_tick()
    second.wait_for_tick()
    age(workshop, user, OVERLAP)
    second.page.get_by_role("link", name="Change your email").click()

    expect(second.field("New email")).to_be_visible()  # the same browser: nothing to type again
    thief = Visitor(new_context(), workshop)
    thief.context.add_cookies(
        [{"name": workshop.env["COOKIE_NAME"], "value": before, "url": workshop.url}]
    )
    thief.open("/account")
    thief.expect_form()


@by_page_loads
def test_a_tab_that_asks_before_the_browser_has_the_newest_cookie_asks_once_more(
    new_context: NewContext, workshop: Server
) -> None:
    """SE-9: another tab has replaced the token, and its cookie is on its way."""
    first, second, user = arrive(new_context, workshop, "/account")
    rotate(workshop, user, first)
    age(workshop, user, OVERLAP)
    asked: list[str] = []

    def refuse_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=403)
        else:
            route.continue_()

    second.page.route("**/auth/ticket", refuse_once)
    second.page.get_by_role("link", name="Change your name").click()

    expect(second.heading("Change your name")).to_be_visible()
    assert len(asked) == 2


def test_a_second_log_in_in_another_tab_leaves_one_session(
    new_context: NewContext, workshop: Server
) -> None:
    """SE-1: both tabs were open before either logged in; the first one's session ends."""
    with workshop.service() as service:
        user = add_account(service, "Twice")
    first = Visitor(new_context(), workshop)
    second = first.new_tab()
    for tab in (first, second):
        tab.open("/log-in")
        tab.expect_form()

    first.fill_log_in(user.email)
    first.expect_signed_in(user.email)
    replaced = first.token()
    second.fill_log_in(user.email)
    second.expect_signed_in(user.email)
    wait_until(lambda: second.token() != replaced, "the second cookie")

    with workshop.service() as service:
        wait_until(lambda: service.resume(replaced, touch=False) is None, "the first to end")
        assert len(list_sessions(service, open_session(service, second.token()))) == 1
    first.expect_form()
    second.reload()
    second.expect_signed_in(user.email)


def test_a_late_log_out_keeps_the_cookie_of_the_log_in_that_followed(
    new_context: NewContext, workshop: Server, bridge: str
) -> None:
    """SE-5: the request, or the write, of the first log-out runs after the second log-in."""
    with workshop.service() as service:
        user = add_account(service, "Late")
    first = Visitor(new_context(), workshop)
    first.arrive(user.email)
    second = first.new_tab()
    second.open("/account")
    second.expect_signed_in(user.email)
    held: list[Route] = []
    released: list[bool] = []

    def hold(route: Route) -> None:
        if released:
            route.continue_()
        else:
            held.append(route)

    late = "**/auth/session" if bridge == "server.py" else "**/component/**"
    first.page.route(late, hold)
    old = first.token()

    first.button("Log out").click()
    first.expect_form()
    wait_until(lambda: first.page.evaluate("true") and held, "the log-out to be on its way")
    if bridge == "server.py":  # the browser sends one at a time: here the log-in comes from aside
        with workshop.service() as service:
            login = service.log_in(user.email, PASSWORD, Client())
        first.context.add_cookies([{"name": "auth", "value": login.token, "url": workshop.url}])
    else:
        second.expect_form()
        second.fill_log_in(user.email)
        second.expect_signed_in(user.email)
        wait_until(lambda: second.cookie() and second.token() != old, "the second cookie")
    newest = second.token()
    released.append(True)
    for route in held:
        route.continue_()
    first.expect_settled()

    assert second.token() == newest
    with workshop.service() as service:
        assert service.resume(newest, touch=False) is not None
