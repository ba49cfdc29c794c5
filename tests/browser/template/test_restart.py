"""The server starts anew between what a visitor types and the click that sends it."""

import secrets
from pathlib import Path

from tests.browser.conftest import NewContext, add_account
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.serving import free_port, serve


def test_a_form_that_was_filled_before_a_restart_is_not_lost(
    bridge: str, new_context: NewContext, tmp_path: Path
) -> None:
    """GD-10: the click works at once, in a process that never drew that form."""
    port, new = free_port(), f"new-{secrets.token_hex(4)}@example.com"
    same = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'app.db'}",
        "SECRET_KEY": secrets.token_urlsafe(32),
    }
    with serve(bridge, tmp_path / "before", env=same, port=port) as server:
        logs_in, signs_up, is_here = (Visitor(new_context(), server) for _ in range(3))
        with server.service() as service:
            ada = add_account(service, "Ada")
        for visitor, path, email in ((logs_in, "/log-in", ada.email), (signs_up, "/sign-up", new)):
            visitor.open(path)
            visitor.field("Email").fill(email)
            visitor.field("Password").fill(PASSWORD)
            visitor.expect_settled()
        is_here.arrive(ada.email, "/change-name")
        is_here.field("Name").fill("Countess")
        is_here.expect_settled()

    with serve(bridge, tmp_path / "after", env=same, port=port):
        for visitor, button in ((logs_in, "Log in"), (signs_up, "Sign up"), (is_here, "Save")):
            expect(visitor.page.get_by_test_id("stConnectionStatus")).to_have_count(0)
            visitor.button(button).click()

        logs_in.expect_signed_in(ada.email)
        signs_up.expect_signed_in(new)
        expect(is_here.page.get_by_text("Your name has been changed.")).to_be_visible()
        for visitor in (logs_in, signs_up):
            visitor.wait_for_cookie()
            visitor.page.goto("about:blank")
        is_here.page.goto("about:blank")
