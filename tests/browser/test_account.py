"""The account page in a browser, as the example of a private page's URL."""

from auth.users import User
from tests.browser.visitor import Visitor, expect


def test_a_deep_link_leads_through_the_form(visitor: Visitor, ada: User) -> None:
    """GD-1: a private page's URL survives logging in."""
    visitor.open("/account")

    visitor.fill_log_in(ada.email)

    visitor.expect_signed_in(ada.email)
    expect(visitor.heading("Account")).to_be_visible()
    assert visitor.address() == "/account"
