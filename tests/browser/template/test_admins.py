"""What admins do in a browser, in both modes: users, the audit log, and an app without sign-up."""

from pathlib import Path

from auth.administration import grant
from auth.roles import Role
from auth.service import AuthService
from auth.users import User
from tests.browser.conftest import NewContext
from tests.browser.visitor import LOG_IN, Visitor, expect
from tests.serving import serve


def test_an_admin_finds_a_user_changes_them_and_reads_that_in_the_log(
    visitor: Visitor, stranger: Visitor, service: AuthService, ada: User, grace: User
) -> None:
    """RO-1, LG-1: a role and a disabled account count from the user's next click on."""
    grant(service, ada.id, Role.ADMIN)
    stranger.arrive(grace.email)
    visitor.log_in(ada.email, path="/users")

    visitor.field("Email").fill(grace.email[:-4])
    visitor.field("Email").press("Enter")
    expect(visitor.page.get_by_role("link", name=ada.email)).to_have_count(0)
    visitor.page.get_by_role("link", name=grace.email).click()
    expect(visitor.heading("Grace")).to_be_visible()
    visitor.button("Grant").click()
    expect(visitor.page.get_by_text("The role takes effect now.")).to_be_visible()
    stranger.sidebar.get_by_role("link", name="Account").click()
    expect(stranger.sidebar.get_by_role("link", name="Users")).to_be_visible()

    visitor.button("Disable").click()
    expect(visitor.page.get_by_text("its sessions have ended")).to_be_visible()
    stranger.sidebar.get_by_role("link", name="Users").click()
    stranger.expect_form()
    visitor.reload()  # within two seconds, in the same place, it could be a double click
    visitor.button("Enable").click()
    expect(visitor.page.get_by_text("The account can be used again.")).to_be_visible()
    stranger.fill_log_in(grace.email)
    stranger.expect_signed_in(grace.email)
    stranger.wait_for_cookie()

    visitor.sidebar.get_by_role("link", name="Audit log").click()
    visitor.field("User").fill(grace.email)
    visitor.field("User").press("Enter")
    expect(visitor.page.get_by_text(f"Account changed · disabled · {grace.email}")).to_be_visible()
    expect(visitor.page.get_by_text(f"Role granted · admin · {ada.email}")).to_have_count(0)
    with visitor.page.expect_download() as download:
        visitor.button("Download as CSV").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert {"privilege_granted", "user_updated"} <= {line.split(",")[2] for line in lines}
    assert all(grace.email in line for line in lines[1:])


def test_where_sign_up_is_closed_there_is_no_link_and_one_calm_sentence(
    bridge: str, new_context: NewContext, tmp_path: Path
) -> None:
    """RO-4: at its URL too."""
    with serve(bridge, tmp_path, env={"SIGN_UP": "closed"}) as server:
        visitor = Visitor(new_context(), server)

        visitor.open()
        expect(visitor.heading(LOG_IN)).to_be_visible()
        expect(visitor.field("Password")).to_be_visible()
        expect(visitor.page.get_by_role("link", name="Sign up")).to_have_count(0)
        visitor.open("/sign-up")

        expect(visitor.page.get_by_text("New accounts can't be made here")).to_be_visible()
        expect(visitor.page.get_by_role("textbox")).to_have_count(0)
        visitor.expect_calm()
        visitor.page.goto("about:blank")
        assert "Traceback" not in server.said()
