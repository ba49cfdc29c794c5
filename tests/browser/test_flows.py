"""The flows that every app has, in a browser and in both ways to serve it."""

import secrets

from playwright.sync_api import expect

from auth.users import User
from tests.browser.visitor import Visitor

NEW_PASSWORD = "kumquat lantern orbit seven"


def test_a_user_signs_up_stays_and_leaves(visitor: Visitor) -> None:
    """F5 shows no form and keeps the page; after logging out it shows nothing else."""
    email = f"grace-{secrets.token_hex(4)}@example.com"
    visitor.sign_up(email, name="Grace")

    visitor.reload()
    visitor.expect_signed_in(email)
    visitor.expect_settled()
    assert visitor.forms_seen() == 0

    visitor.log_out()
    visitor.reload()
    visitor.expect_form()


def test_a_deep_link_leads_through_the_form(visitor: Visitor, ada: User) -> None:
    """GD-1: a private page's URL survives logging in."""
    visitor.open("/account")

    visitor.fill_log_in(ada.email)

    visitor.expect_signed_in(ada.email)
    expect(visitor.heading("Account")).to_be_visible()
    assert visitor.address() == "/account"


def test_a_forgotten_password_is_replaced_by_email(visitor: Visitor, ada: User) -> None:
    """RS-2: the emailed link opens the page that takes a new one."""
    visitor.open("/forgot-password")
    visitor.field("Email").fill(ada.email)
    visitor.button("Send the link").click()
    link = visitor.server.mailbox.link(ada.email, "Choose a new password")

    visitor.page.goto(link)
    visitor.field("New password").fill(NEW_PASSWORD)
    visitor.button("Change my password").click()

    visitor.expect_form()
    visitor.fill_log_in(ada.email, NEW_PASSWORD)
    visitor.expect_signed_in(ada.email)
