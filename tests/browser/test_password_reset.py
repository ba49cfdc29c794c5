"""A forgotten password, in a browser and with a real email."""

from auth.users import User
from tests.browser.visitor import Visitor

NEW_PASSWORD = "kumquat lantern orbit seven"


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
