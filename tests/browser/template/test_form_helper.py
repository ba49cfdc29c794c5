"""What the page adds to a form: focus, errors that are announced, hints while typing."""

import pytest

from tests.browser.conftest import ONE_BRIDGE
from tests.browser.visitor import PASSWORD, Visitor, expect

pytestmark = ONE_BRIDGE

CAPS_LOCK = """field => field.dispatchEvent(
  new KeyboardEvent('keydown', {key: 'A', modifierCapsLock: true, bubbles: true}))"""
SHIFTS = """
window.shifted = 0;
const formIsShown = () =>
  document.querySelector('input')?.checkVisibility({visibilityProperty: true});
let since = 0;
new MutationObserver(() => { since ||= formIsShown() ? performance.now() : 0; })
  .observe(document, {childList: true, subtree: true, attributes: true});
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    if (since && entry.startTime > since + 50) window.shifted += entry.value;
  }
}).observe({type: 'layout-shift', buffered: true});
"""


def test_an_error_is_announced_and_the_first_has_the_focus(visitor: Visitor) -> None:
    """WCAG 2.2, 3.3.1: each field says that it is wrong, and why; a corrected one does not."""
    visitor.open("/log-in")
    visitor.expect_form()

    visitor.button("Log in").click()

    email, password = visitor.field("Email"), visitor.field("Password")
    for field, why in ((email, "Enter your email."), (password, "Enter your password.")):
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(why)
    expect(email).to_be_focused()
    email.fill("ada@example.com")
    visitor.button("Log in").click()
    expect(email).to_have_attribute("aria-invalid", "false")
    expect(password).to_be_focused()


def test_a_hint_tells_that_caps_lock_is_on(visitor: Visitor) -> None:
    """In the field for the password only."""
    visitor.open("/log-in")
    expect(visitor.field("Email")).to_be_focused()
    marked = visitor.page.locator("[data-caps-lock]")

    visitor.field("Email").evaluate(CAPS_LOCK)
    expect(marked).to_have_count(0)
    visitor.field("Password").evaluate(CAPS_LOCK)

    expect(marked).to_have_count(1)
    visitor.field("Password").press("a")
    expect(marked).to_have_count(0)


def test_a_wait_counts_down_to_its_end(visitor: Visitor) -> None:
    """TH-1: the page says when another try makes sense, without another run."""
    visitor.page.clock.install()
    visitor.open("/log-in")
    alert = visitor.page.get_by_role("alert")
    for number in range(6):
        visitor.fill_log_in("unknown@example.com", f"not the password {number}")
        visitor.page.clock.run_for(500)
        expect(alert).to_be_visible()
        visitor.expect_settled()
    expect(alert).to_contain_text("Too many attempts. Try again in")
    visitor.expect_settled()
    runs = visitor.runs

    visitor.page.clock.fast_forward("01:05:00")

    expect(alert).to_have_text("You can try again now.")
    assert visitor.runs == runs


def test_what_a_new_password_lacks_is_told_while_it_is_typed(visitor: Visitor) -> None:
    """In the browser: nothing is sent for it."""
    visitor.open("/sign-up")
    expect(visitor.field("Name")).to_be_focused()
    visitor.field("Email").fill("lovelace@example.com")
    met = visitor.page.locator("li.met")
    visitor.expect_settled()
    runs = visitor.runs

    visitor.field("Password").fill("lovelace")
    expect(visitor.page.get_by_text("At least 15 characters (8)")).to_be_visible()
    expect(met).to_have_count(1)
    visitor.field("Password").fill(PASSWORD)

    expect(met).to_have_count(3)
    assert visitor.runs == runs


@pytest.mark.parametrize("path", ["/log-in", "/sign-up"])
def test_the_first_field_has_the_focus_and_nothing_moves_from_then_on(
    visitor: Visitor, path: str
) -> None:
    """People type at once, while its parts arrive one after the other."""
    visitor.open(path)  # once for Streamlit's own scripts
    visitor.page.add_init_script(SHIFTS)

    visitor.reload()

    expect(visitor.field("Email" if path == "/log-in" else "Name")).to_be_focused()
    visitor.expect_settled()
    assert visitor.page.evaluate("window.shifted") == 0
