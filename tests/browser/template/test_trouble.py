"""The app is unavailable, without its database or valid settings: calm, and soon working again."""

from pathlib import Path

import pytest

from tests.browser.conftest import NewContext
from tests.browser.visitor import Visitor, expect
from tests.serving import HOST, copy_project, free_port, serve


def expect_unavailable(visitor: Visitor) -> None:
    """Expect the calm page: nothing of the reason, no form, no way in."""
    expect(visitor.heading("Back in a moment")).to_be_visible()
    visitor.expect_calm()
    expect(visitor.page.locator("input")).to_have_count(0)


def test_without_a_database_every_address_is_calm(
    bridge: str, new_context: NewContext, tmp_path: Path
) -> None:
    """GD-5, GD-7: the page says nothing of the reason; the log, for the operator, does."""
    port = free_port()
    gone = {"DATABASE_URL": f"postgresql://nobody:hunter2@{HOST}:{port}/none"}
    with serve(bridge, tmp_path, env=gone) as server:
        visitor = Visitor(new_context(), server)
        for path in ("/", "/account", "/log-in", "/sign-up"):
            visitor.open(path)

            expect_unavailable(visitor)
            assert str(port) not in visitor.page.content()
            assert visitor.address() == path
        assert "cannot use its database" in server.said()
        assert "hunter2" not in server.said()


@pytest.mark.parametrize("fault", ["SECRET_KEY=short", "SESSION_MAX_AGE=soon"])
def test_settings_that_cannot_be_used_are_calm_and_mended_by_trying_again(
    new_context: NewContext, tmp_path: Path, fault: str
) -> None:
    """GD-5: the log names the setting; once it is mended, "Try again" is all it takes."""
    project = copy_project(tmp_path / "project")
    (project / ".env").write_text(fault)
    name = fault.partition("=")[0]
    left_to_env = {"SECRET_KEY": "", "SESSION_MAX_AGE": ""}
    with serve("app.py", tmp_path, project=project, env=left_to_env) as server:
        visitor = Visitor(new_context(), server)
        visitor.open("/account")
        expect_unavailable(visitor)
        assert name not in visitor.page.content()
        assert f"{name} " in server.said()

        (project / ".env").write_text("")
        visitor.button("Try again").click()

        visitor.expect_form()
        assert visitor.address() == "/account"


def test_our_own_server_does_not_start_with_settings_that_cannot_be_used(tmp_path: Path) -> None:
    """CF-1: where the process is ours it ends, with a sentence that names the setting."""
    with (
        pytest.raises(AssertionError, match="SECRET_KEY is too short"),
        serve("server.py", tmp_path, env={"SECRET_KEY": "short"}),
    ):
        pass
