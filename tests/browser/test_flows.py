"""The flows that every app has, in a browser and in both ways to serve it."""

import secrets

from tests.browser.visitor import Visitor


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
