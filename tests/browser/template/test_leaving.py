"""Logged out: this tab, the others, every copy of the cookie; and nothing left for the next."""

from collections.abc import Callable

from auth.administration import disable, enable
from auth.service import AuthService
from auth.users import User
from tests.browser.conftest import ONE_BRIDGE, NewContext, add_account
from tests.browser.visitor import Visitor, expect
from tests.serving import Server, wait_until


def test_logging_out_leaves_nothing_private_behind(visitor: Visitor, ada: User) -> None:
    """SE-5: neither F5 nor the Back button brings anything back."""
    visitor.arrive(ada.email)
    for name, title in (("Account", "Account"), ("See all your devices", "Your devices")):
        visitor.page.get_by_role("link", name=name, exact=True).click()
        expect(visitor.heading(title)).to_be_visible()

    visitor.log_out()

    expect(visitor.page.get_by_text("You are logged out.")).to_be_visible()
    for step in (visitor.reload, visitor.page.go_back, visitor.page.go_back):
        step()
        visitor.expect_form()
        expect(visitor.page.get_by_text(ada.email)).to_have_count(0)


def test_the_other_tabs_are_logged_out_at_their_next_run(visitor: Visitor, ada: User) -> None:
    """SE-5: a log-out in one tab reaches the others, whatever their connection still remembers."""
    visitor.arrive(ada.email)
    clicked, reloaded = visitor.new_tab(), visitor.new_tab()
    for other in (clicked, reloaded):
        other.open("/account")
        other.expect_signed_in(ada.email)

    visitor.log_out()
    clicked.sidebar.get_by_role("link", name="Home").click()
    reloaded.reload()

    for other in (clicked, reloaded):
        other.expect_form()
        expect(other.page.get_by_text(ada.email)).to_have_count(0)


@ONE_BRIDGE
def test_a_copied_cookie_is_dead_after_log_out(
    visitor: Visitor, stranger: Visitor, ada: User
) -> None:
    """SE-5: logging out ends the session itself, not just the browser's copy of it."""
    visitor.arrive(ada.email)
    copied = visitor.context.cookies()
    stranger.context.add_cookies(copied)  # type: ignore[arg-type]
    stranger.open("/account")
    stranger.expect_signed_in(ada.email)

    visitor.log_out()
    thief = stranger.new_tab()
    thief.open("/account")
    stranger.reload()

    thief.expect_form()
    stranger.expect_form()


def test_the_next_user_of_a_tab_finds_nothing_of_the_first(
    new_context: NewContext, workshop: Server
) -> None:
    """GD-4: what pages and widgets kept for one user is gone when another logs in."""
    with workshop.service() as service:
        ada, grace = add_account(service, "Ada"), add_account(service, "Grace")
    visitor = Visitor(new_context(), workshop)
    visitor.arrive(ada.email, path="/notes")
    visitor.field("Note").fill("the secret of Ada")
    visitor.button("Keep").click()
    expect(visitor.page.get_by_text("Kept: the secret of Ada")).to_be_visible()

    visitor.log_out()
    visitor.fill_log_in(grace.email)

    visitor.expect_signed_in(grace.email)
    expect(visitor.page.get_by_text("Kept: nothing")).to_be_visible()
    expect(visitor.field("Note")).to_have_value("")
    assert "Ada" not in visitor.page.content()
    visitor.wait_for_cookie()


@ONE_BRIDGE
def test_two_users_in_two_browsers_see_only_themselves(
    visitor: Visitor, stranger: Visitor, ada: User, grace: User
) -> None:
    """GD-4: nothing in the server is shared between visitors."""
    visitor.arrive(ada.email)
    stranger.arrive(grace.email)

    for who, user, other in ((visitor, ada, grace), (stranger, grace, ada)):
        who.reload()
        who.expect_signed_in(user.email)
        expect(who.page.get_by_text(f"Hello {user.name}!")).to_be_visible()
        assert other.email not in who.page.content()


def test_a_planted_cookie_is_never_adopted(
    visitor: Visitor, service: AuthService, ada: User, new_account: Callable[[str], User]
) -> None:
    """SE-1: an attacker who planted a session before the log-in does not get the one after it."""
    mallory = new_account("Mallory")
    planter = visitor.new_tab()
    planter.arrive(mallory.email)
    planted = planter.token()
    visitor.open("/log-in")  # this connection brings the planted cookie along
    visitor.expect_signed_in(mallory.email)
    visitor.expect_settled()
    disable(service, mallory.id)
    enable(service, mallory.id)

    visitor.sidebar.get_by_role("link", name="Account").click()
    visitor.fill_log_in(ada.email)

    visitor.expect_signed_in(ada.email)
    wait_until(lambda: service.resume(visitor.token()) == ada, "a cookie that is Ada's")
    assert service.resume(planted) is None


def test_logging_in_ends_the_session_that_was_presented(
    visitor: Visitor, service: AuthService, ada: User
) -> None:
    """SE-1: a second log-in in the same browser replaces the first session; it is not kept."""
    tab = visitor.new_tab()
    tab.open("/log-in")
    tab.expect_form()
    visitor.arrive(ada.email)
    first = visitor.token()
    tab.reload()
    tab.expect_signed_in(ada.email)
    visitor.log_out()

    visitor.fill_log_in(ada.email)
    visitor.wait_for_cookie()

    assert visitor.token() != first
    assert service.resume(first) is None
    assert service.resume(visitor.token()) is not None
