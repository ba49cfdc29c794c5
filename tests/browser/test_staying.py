"""Still signed in: after F5, in a new tab, after the browser was closed; at the address kept."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from auth.users import User
from tests.browser.conftest import FLAGS, chromium
from tests.browser.visitor import Visitor
from tests.serving import Server


@pytest.mark.parametrize(("path", "title"), [("/", "Home"), ("/account", "Account")])
def test_f5_shows_the_same_page_in_one_run_and_never_the_form(
    visitor: Visitor, ada: User, path: str, title: str
) -> None:
    """Still logged in after F5 on the page that was open, without a flash, in one run."""
    visitor.arrive(ada.email, path)

    visitor.reload()

    expect(visitor.heading(title)).to_be_visible()
    visitor.expect_signed_in(ada.email)
    visitor.expect_settled()
    assert visitor.forms_seen() == 0
    assert visitor.runs == 1


def test_a_new_tab_is_signed_in_at_once(visitor: Visitor, ada: User) -> None:
    """Another tab of the same browser shows the page in one run, never the form."""
    visitor.arrive(ada.email)

    tab = visitor.new_tab()
    tab.open("/account")

    expect(tab.heading("Account")).to_be_visible()
    tab.expect_signed_in(ada.email)
    tab.expect_settled()
    assert tab.forms_seen() == 0
    assert tab.runs == 1


def test_a_closed_and_reopened_browser_is_still_signed_in(
    playwright: Playwright, server: Server, ada: User, tmp_path: Path
) -> None:
    """The session lives in the browser's profile, not in the window."""
    launch = playwright.chromium.launch_persistent_context
    first = launch(tmp_path, executable_path=chromium(), args=list(FLAGS))
    Visitor(first, server).log_in(ada.email)
    first.close()

    second = launch(tmp_path, executable_path=chromium(), args=list(FLAGS))
    visitor = Visitor(second, server)
    visitor.open("/account")

    expect(visitor.heading("Account")).to_be_visible()
    visitor.expect_signed_in(ada.email)
    assert visitor.forms_seen() == 0
    second.close()


def test_f5_never_shows_another_pages_title(visitor: Visitor, ada: User) -> None:
    """The browser's tab goes from Streamlit's own name to the page's, and nowhere else."""
    visitor.arrive(ada.email, "/account")

    visitor.reload()

    visitor.expect_signed_in(ada.email)
    expect(visitor.page).to_have_title("Account")
    visitor.expect_settled()
    assert [title for title in visitor.titles_seen() if title] == ["Streamlit", "Account"]


def test_a_deep_link_leads_through_the_form_to_its_page(visitor: Visitor, ada: User) -> None:
    """GD-1, CK-6: a private address shows the form to a stranger, and the page once they are in."""
    visitor.open("/account")
    visitor.expect_form()
    assert visitor.address() == "/account"

    visitor.fill_log_in(ada.email)

    expect(visitor.heading("Account")).to_be_visible()
    assert visitor.address() == "/account"
    visitor.wait_for_cookie()
    visitor.reload()
    expect(visitor.heading("Account")).to_be_visible()
    expect(visitor.page).to_have_url(re.compile("/account$"))


def test_the_form_keeps_a_deep_link_over_f5(visitor: Visitor, ada: User) -> None:
    """Whoever reloads the form before logging in still ends on the page asked for."""
    visitor.open("/account")
    visitor.expect_form()

    visitor.reload()
    visitor.fill_log_in(ada.email)

    expect(visitor.heading("Account")).to_be_visible()
    assert visitor.address() == "/account"


@pytest.mark.parametrize("path", ["/log-in", "/sign-up"])
def test_somebody_signed_in_is_led_home_from_the_forms(
    visitor: Visitor, ada: User, path: str
) -> None:
    """Nobody logs in twice by accident."""
    visitor.arrive(ada.email)

    visitor.open(path)

    expect(visitor.heading("Home")).to_be_visible()
    assert visitor.address() == "/"
