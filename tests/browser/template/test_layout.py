"""On a phone, and with the keyboard alone: nothing sticks out, everything can be reached."""

from collections.abc import Callable

import pytest

from auth.users import User
from tests.browser.conftest import ONE_BRIDGE, NewContext
from tests.browser.visitor import LOG_IN, PASSWORD, SIGN_UP, Visitor, expect
from tests.serving import Server

pytestmark = ONE_BRIDGE

PHONE = {"width": 320, "height": 640}
STICKS_OUT = """() => {
  const boxes = [document.documentElement, ...document.querySelectorAll(
    '[data-testid="stMain"], [data-testid="stMainBlockContainer"], [data-testid="stForm"]')];
  return boxes.filter(box => box.scrollWidth > box.clientWidth + 1)
    .map(box => box.outerHTML.slice(0, 80));
}"""
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

    assert stops == ["Password", "Show password", "Forgot password?", "Keep me logged in", "Log in"]
    visitor.expect_signed_in(ada.email)


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
