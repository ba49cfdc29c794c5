"""Two factors in a real browser: set up, log in with a code, and F5 in between."""

import re
from base64 import b32decode
from time import time

from auth.users import User
from features.two_factor.codes import PERIOD, code_at
from tests.browser.visitor import Visitor, expect


def secret_shown(visitor: Visitor) -> bytes:
    """Return the secret of the key on the page, which Streamlit fills in a moment later."""
    key = visitor.page.get_by_test_id("stCode")
    expect(key).to_have_text(re.compile(r"([A-Z2-7]{4}\s*){8}"))
    return b32decode(key.inner_text().replace(" ", "").strip())


def test_a_user_sets_up_an_app_and_logs_in_with_its_code(
    visitor: Visitor, stranger: Visitor, ada: User, bridge: str
) -> None:
    """SF-1, SF-2, SF-6: there is no cookie between the steps, and F5 resumes at the second one."""
    visitor.log_in(ada.email, path="/two-factor")
    expect(visitor.page.get_by_alt_text("QR code")).to_be_visible()
    secret, step = secret_shown(visitor), int(time()) // PERIOD
    expect(visitor.field("Code")).to_have_attribute("inputmode", "numeric")
    visitor.field("Code").fill(f" {code_at(secret, step)[:3]} {code_at(secret, step)[3:]}")
    visitor.button("Turn on").click()
    expect(visitor.heading("Your recovery codes")).to_be_visible()
    visitor.log_out()

    visitor.open("/account")
    visitor.fill_log_in(ada.email, remember=True)
    expect(visitor.field("Code")).to_be_visible()
    assert visitor.cookie() is None
    stranger.open(visitor.address())
    stranger.expect_form()
    visitor.reload()
    visitor.field("Code").fill("000000")
    visitor.button("Log in").click()
    expect(visitor.page.get_by_text("This code doesn't work")).to_be_visible()
    visitor.field("Code").fill(code_at(secret, step + 1))
    trust = visitor.page.get_by_text("Don't ask on this device")
    expect(trust).to_have_count(1 if bridge == "server.py" else 0)
    if bridge == "server.py":
        trust.click()
    visitor.button("Log in").click()

    visitor.expect_signed_in(ada.email)
    expect(visitor.heading("Account")).to_be_visible()
    visitor.wait_for_cookie()
    assert visitor.address() == "/account"

    if bridge == "server.py":
        kept = {each["name"]: each for each in visitor.context.cookies()}["auth_device"]
        assert kept["httpOnly"] and kept["sameSite"] == "Lax"
        visitor.log_out()
        visitor.log_in(ada.email, path="/devices")
        visitor.button("Ask again").click()
        expect(visitor.button("Ask again")).to_have_count(0)
