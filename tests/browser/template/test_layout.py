"""On a phone, and with the keyboard alone: nothing sticks out, everything can be reached."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from auth.users import User
from tests.browser.conftest import NewContext
from tests.browser.visitor import LOG_IN, PASSWORD, SIGN_UP, Visitor
from tests.serving import Server

PHONE = {"width": 320, "height": 640}
STICKS_OUT = """() => {
  const boxes = [document.documentElement, ...document.querySelectorAll(
    '[data-testid="stMain"], [data-testid="stMainBlockContainer"], [data-testid="stForm"]')];
  return boxes.filter(box => box.scrollWidth > box.clientWidth + 1)
    .map(box => box.outerHTML.slice(0, 80));
}"""
NAMELESS = """() => [...document.querySelectorAll('input, button')]
  .filter(thing => thing.checkVisibility() && !(thing.labels?.length
    || thing.ariaLabel || thing.innerText?.trim() || thing.title))
  .map(thing => thing.outerHTML)"""
FOCUSED = """() => {
  const at = document.activeElement;
  return at.ariaLabel || at.labels?.[0]?.innerText || at.innerText || at.tagName;
}"""


@pytest.fixture
def phone(new_context: NewContext, server: Server) -> Visitor:
    """Return a visitor with the narrowest phone in use."""
    return Visitor(new_context(viewport=PHONE, has_touch=True, is_mobile=True), server)


def test_no_page_is_wider_than_a_phone(phone: Visitor, new_account: Callable[[str], User]) -> None:
    """Every page fits, a form full of faults and a name without a space included."""
    user = new_account("W" * 60)
    for path, title in (("/log-in", LOG_IN), ("/sign-up", SIGN_UP)):
        phone.open(path)
        expect(phone.heading(title)).to_be_visible()
        assert phone.page.evaluate(STICKS_OUT) == []
    phone.fill_sign_up("A" * 101, "x" * 90, "password1")
    expect(phone.page.get_by_text("one of the passwords people try first")).to_be_visible()
    assert phone.page.evaluate(STICKS_OUT) == []

    phone.open("/log-in")
    phone.fill_log_in(user.email)
    for path, title in (("/", "Home"), ("/account", "Account")):
        phone.wait_for_cookie()
        phone.open(path)
        expect(phone.heading(title)).to_be_visible()
        assert phone.page.evaluate(STICKS_OUT) == []


def test_the_keyboard_reaches_everything_in_order(visitor: Visitor, ada: User) -> None:
    """From the address to the button by Tab alone, and in by the space bar."""
    visitor.open("/log-in")
    visitor.field("Email").focus()
    visitor.page.keyboard.type(ada.email)
    stops = []

    for _ in range(8):
        visitor.page.keyboard.press("Tab")
        stops.append(visitor.page.evaluate(FOCUSED))
        if stops[-1] == "Password":
            visitor.page.keyboard.type(PASSWORD)
        if stops[-1] == "Log in":
            visitor.page.keyboard.press("Space")
            break

    assert stops == [
        "Password",
        "Show password",
        "Forgot password?",
        "Keep me logged in",
        "Log in",
    ]
    visitor.expect_signed_in(ada.email)


@pytest.mark.parametrize("path", ["/log-in", "/sign-up"])
def test_every_field_and_button_has_a_name(visitor: Visitor, path: str) -> None:
    """A screen reader can tell what each is for."""
    visitor.open(path)
    expect(visitor.field("Password")).to_be_visible()

    assert visitor.page.evaluate(NAMELESS) == []
    expect(visitor.page.get_by_role("heading", level=1)).to_have_count(1)


@pytest.mark.parametrize(
    ("scheme", "ground"), [("dark", "rgb(18, 21, 28)"), ("light", "rgb(255, 255, 255)")]
)
def test_the_app_is_dark_where_the_system_is(
    new_context: NewContext, server: Server, scheme: str, ground: str
) -> None:
    """The first page already comes in the theme that the visitor's system asks for."""
    visitor = Visitor(new_context(color_scheme=scheme), server)

    visitor.open("/log-in")

    expect(visitor.heading(LOG_IN)).to_be_visible()
    expect(visitor.page.get_by_test_id("stApp")).to_have_css("background-color", ground)
