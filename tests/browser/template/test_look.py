"""The style sheet: every place it styles is on a page, so that Streamlit cannot move one unseen."""

import re

import pytest

from auth.users import User
from tests.browser.conftest import ONE_BRIDGE, NewContext
from tests.browser.visitor import SIGN_UP, Visitor, expect
from tests.serving import ROOT, SETTINGS, Server

pytestmark = ONE_BRIDGE

STYLE = (ROOT / "web/look.css").read_text("utf-8")
PLACES = {*re.findall(r'\[data-testid="\w+"\]', STYLE), *re.findall(r"\.st-key-[\w-]+", STYLE)}
# Where the menu has more than one page, and while a part of Streamlit is being loaded.
ELSEWHERE = {'[data-testid="stSidebarNavSeparator"]', '[data-testid="stSkeleton"]'}


def found(visitor: Visitor, places: set[str]) -> set[str]:
    """Return those of *places* that are on the page."""
    return {place for place in places if visitor.page.locator(place).count()}


def test_every_place_that_is_styled_is_on_a_page(visitor: Visitor, ada: User) -> None:
    """A new version of Streamlit that renames one fails here, not on a user's screen."""
    seen = set()
    visitor.open("/log-in")
    visitor.fill_log_in(ada.email, "not the password at all")
    expect(visitor.page.get_by_role("alert")).to_be_visible()
    seen |= found(visitor, PLACES)
    visitor.open("/sign-up")
    visitor.field("Password").fill("short")
    expect(visitor.page.get_by_test_id("InputInstructions")).to_have_count(1)
    seen |= found(visitor, PLACES)
    visitor.open("/forgot-password")
    visitor.field("Email").fill(ada.email)
    visitor.button("Send the link").click()
    expect(visitor.heading("Check your inbox")).to_be_visible()
    expect(visitor.page.locator(".st-key-again")).to_be_attached()
    seen |= found(visitor, PLACES)
    visitor.log_in(ada.email)
    expect(visitor.page.locator(".st-key-start")).to_be_visible()
    seen |= found(visitor, PLACES)
    for path, last in (("/account", ".st-key-row_delete"), ("/delete-account", ".st-key-danger")):
        visitor.open(path)
        expect(visitor.page.locator(last)).to_be_visible()
        seen |= found(visitor, PLACES)

    assert PLACES - seen <= ELSEWHERE


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_card_stands_in_the_middle(
    new_context: NewContext, server: Server, size: tuple[int, int]
) -> None:
    """At a desk and on a phone: as much room on the left as on the right, and about so above."""
    width, height = size
    visitor = Visitor(new_context(viewport={"width": width, "height": height}), server)

    visitor.open("/log-in")
    visitor.expect_form()
    expect(visitor.page.locator(".st-key-unseen")).to_be_attached()  # the last part

    card = visitor.page.locator(".st-key-card").bounding_box()
    assert card
    assert card["x"] + card["width"] / 2 == pytest.approx(width / 2, abs=1)
    assert card["y"] + card["height"] / 2 == pytest.approx(height / 2, abs=height * 0.05)


@pytest.mark.parametrize("size", [(1280, 640), (390, 664)])
def test_signing_up_needs_no_scrolling(
    new_context: NewContext, server: Server, size: tuple[int, int]
) -> None:
    """On a small laptop, and on a phone whose browser shows its bars."""
    width, height = size
    visitor = Visitor(new_context(viewport={"width": width, "height": height}), server)

    visitor.open("/sign-up")
    expect(visitor.page.locator(".st-key-password_checks li")).to_have_count(3)

    main = visitor.page.get_by_test_id("stMain")
    assert main.evaluate("node => node.scrollHeight - node.clientHeight") == 0


def test_all_of_the_card_can_be_reached_above_a_keyboard(
    new_context: NewContext, server: Server
) -> None:
    """A phone's keyboard leaves less room than the card needs: the page scrolls, to its top too."""
    visitor = Visitor(new_context(viewport={"width": 390, "height": 400}), server)

    visitor.open("/sign-up")
    expect(visitor.heading(SIGN_UP)).to_be_visible()
    visitor.page.get_by_test_id("stMain").evaluate("node => node.scrollTo(0, 0)")

    brand = visitor.page.locator(".brand").bounding_box()
    assert brand
    assert brand["y"] > 0


def test_every_part_of_the_form_is_on_one_grid(visitor: Visitor) -> None:
    """The fields and the button begin and end at the same places."""
    visitor.open("/log-in")
    visitor.expect_form()

    parts = [*visitor.page.get_by_test_id("stTextInputRootElement").all(), visitor.button("Log in")]
    boxes = [part.bounding_box() for part in parts]
    edges = {(round(box["x"]), round(box["x"] + box["width"])) for box in boxes if box}

    assert len(boxes) == 3
    assert len(edges) == 1


def test_the_sidebar_has_the_name_and_the_person(visitor: Visitor, ada: User) -> None:
    """The app's name and logo above, the person's initials at the foot."""
    visitor.arrive(ada.email)

    logo = visitor.page.get_by_test_id("stSidebarLogo")
    expect(logo).to_be_visible()
    beside = "node => getComputedStyle(node.parentElement, '::after').content"
    assert logo.evaluate(beside) == f'"{SETTINGS["APP_NAME"]}"'
    expect(visitor.page.locator(".person i")).to_have_text("A")
    visitor.open("/account")  # where the logo leads home
    expect(visitor.page.get_by_test_id("stLogoLink")).to_be_visible()
    assert logo.evaluate(beside) == f'"{SETTINGS["APP_NAME"]}"'


def test_an_address_that_only_looks_different_finds_its_page(visitor: Visitor) -> None:
    """Signed out, without a dialog."""
    visitor.open("/Sign_Up")

    expect(visitor.heading(SIGN_UP)).to_be_visible()
    assert visitor.address() == "/sign-up"
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


def test_an_address_with_a_slash_in_it_is_not_found(visitor: Visitor) -> None:
    """Streamlit's own page would stay blank there."""
    visitor.open("/nothing/here")

    expect(visitor.heading("Page not found")).to_be_visible()
    assert visitor.address() == "/not-found"


def test_an_unknown_address_has_a_page_of_ours(visitor: Visitor, ada: User) -> None:
    """Signed out and signed in: it says so, and leads on."""
    visitor.open("/nothing")
    expect(visitor.heading("Page not found")).to_be_visible()
    visitor.page.get_by_role("link", name="Go to log in").click()
    visitor.fill_log_in(ada.email)
    visitor.expect_signed_in(ada.email)
    visitor.wait_for_cookie()

    visitor.open("/nothing")
    expect(visitor.heading("Page not found")).to_be_visible()
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)
    visitor.page.get_by_role("link", name="Go to Home").click()
    expect(visitor.heading("Home")).to_be_visible()
