"""Invite, accept, and be an admin for as long as the role is there: in both modes."""

import secrets

from auth.administration import grant, revoke
from auth.members import find_member
from auth.roles import Role
from auth.service import AuthService
from auth.users import User
from tests.browser.visitor import PASSWORD, Visitor, expect
from tests.serving import Server


def test_an_invited_admin_sees_what_admins_see_until_the_role_is_gone(
    visitor: Visitor, stranger: Visitor, service: AuthService, server: Server, ada: User
) -> None:
    """RO-1, RO-4: by the emailed link to an account, and to pages that others don't have."""
    email = f"bob-{secrets.token_hex(4)}@example.com"
    grant(service, ada.id, Role.ADMIN)
    visitor.log_in(ada.email, path="/invitations")
    visitor.field("Email").fill(email)
    visitor.page.get_by_text("Role: Admin").click()
    visitor.button("Send the invitation").click()
    expect(visitor.page.get_by_text(f"{email} (Admin)")).to_be_visible()

    stranger.page.goto(server.mailbox.link(email, "Your invitation"))
    stranger.field("Name").fill("Bob")
    stranger.field("Password").fill(PASSWORD)
    stranger.button("Make my account").click()
    stranger.expect_signed_in(email)
    stranger.wait_for_cookie()
    stranger.sidebar.get_by_role("link", name="Users").click()
    expect(stranger.heading("Users")).to_be_visible()

    member = find_member(service, email)
    assert member
    revoke(service, member.id, Role.ADMIN)
    stranger.reload()

    expect(stranger.heading("Page not found")).to_be_visible()
    expect(stranger.sidebar.get_by_role("link", name="Users")).to_have_count(0)
