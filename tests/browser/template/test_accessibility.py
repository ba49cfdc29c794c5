"""Every page in every state: measured by axe-core, zoomed, and used by the keyboard alone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import LOG_IN, PASSWORD, Visitor, expect
from upkeep.tour import DESK, LOOKS, STATES, USER, Tour, dress, touring, violations

# They differ from another state in their words, and cost a second each.
ALIKE = {
    *("New password: link used", "Confirm email: no link"),
    *("Invitation: has account", "Page not found", "Log in: session ended", "Unavailable"),
    *("Password again", "Home: nothing yet", "Account: email not confirmed"),
}
NARROW = {"a narrow phone": 320, "a desk at 200 %": DESK["width"] // 2}
CUT_OFF = """() => [...document.querySelectorAll('[data-testid="stMain"] *')]
  .filter(each => each.matches('h1, h2, p, a, button, label, input:not([tabindex="-1"])'))
  .filter(each => each.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .map(each => [each.getBoundingClientRect(), each])
  .filter(([box]) => box.width > 1 && (box.left < 0 || box.right > innerWidth + 1))
  .map(([, each]) => each.outerHTML.slice(0, 120))
  .concat(document.documentElement.scrollWidth > innerWidth ? ["the document scrolls"] : [])"""
MOVING = """() => [...document.querySelectorAll('body *')].filter(each => {
    const style = getComputedStyle(each);
    return [style.transitionDuration, style.animationDuration].join().split(/, ?/)
      .some(time => parseFloat(time) > 0);
  }).map(each => each.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    """Return the tour of the app."""
    with touring(tmp_path_factory.mktemp("tour")) as tour:
        yield tour


@pytest.fixture(scope="module")
def guest(browser: Browser, tour: Tour) -> Iterator[Visitor]:
    """Return the visitor who is brought along; one profile, which has read Streamlit's scripts."""
    context = browser.new_context(viewport=DESK, reduced_motion="reduce")
    yield Visitor(context, tour.server)
    context.close()


def test_everyone_can_use_every_page(tour: Tour, guest: Visitor) -> None:
    """WCAG 2.2 AA: 0 violations, in turn in the dark at a desk and in the light on a phone.

    `python3 dev.py screenshots --all FOLDER` measures every state in all four. Nothing is cut off
    at 320 pixels or at 200 % (1.4.4, 1.4.10), and nothing moves where the system asks for that.
    """
    page, found, walks = guest.page, dict[str, list[str]](), 0
    for state in tour.walk(guest, {state.name for state in STATES} - ALIKE):
        walks += bool(state.path)
        look = LOOKS[1 + walks % 2]
        dress(page, look)
        found[f"{state.name}, {look}"] = violations(page)
        for what, width in NARROW.items():
            page.set_viewport_size({"width": width, "height": DESK["height"] // 2})
            found[f"{state.name}, {what}"] = page.evaluate(CUT_OFF)
        page.set_viewport_size(DESK)
        found[f"{state.name}, calm"] = page.evaluate(MOVING)

    assert {where: what for where, what in found.items() if what} == {}


def test_the_keyboard_alone_logs_in_and_lands_on_the_title(tour: Tour, guest: Visitor) -> None:
    """The first empty field has the focus; then the title of each page that something led to."""
    tour.open(guest, "/account")
    expect(guest.heading(LOG_IN)).to_be_visible()
    expect(guest.field("Email")).to_be_focused()
    keyboard = guest.page.keyboard

    keyboard.type(USER)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")

    expect(guest.heading("Account")).to_be_focused()
    guest.wait_for_cookie()
    guest.page.get_by_role("link", name="Home").focus()
    keyboard.press("Enter")
    expect(guest.heading("Home")).to_be_focused()
    guest.reload()
    expect(guest.heading("Home")).to_be_visible()
    expect(guest.page.locator(".st-key-unseen_arrival")).to_have_count(0)  # which would cost time


def test_an_error_is_announced_on_a_page_with_more_than_a_form(tour: Tour, guest: Visitor) -> None:
    """WCAG 2.2, 3.3.1 and 4.1.3: as in `test_form_helper.py`, where the page is one form."""
    tour.open(guest, "/", USER)
    field = guest.field("What did you do today?")

    guest.button("Add").click()

    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description("Enter what you did.")
    expect(guest.page.get_by_role("alert")).to_have_text("Enter what you did.")
