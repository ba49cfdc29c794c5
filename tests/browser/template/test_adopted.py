"""An app that was there before, in a browser: every page asks to log in, by its own address."""

from pathlib import Path

from tests.browser.conftest import NewContext
from tests.browser.visitor import LOG_IN, Visitor, expect
from tests.serving import serve
from tests.template.test_adopt import PAGES, adopted


def test_the_pages_of_an_adopted_app_ask_to_log_in(
    tmp_path: Path, new_context: NewContext, bridge: str
) -> None:
    """MI-4, GD-1: no address of the former pages/ is open; after the log-in all are there."""
    script = adopted(tmp_path / "shop", PAGES)
    entry = script.name if bridge == "app.py" else bridge
    with serve(entry, tmp_path, project=script.parent) as server:
        visitor = Visitor(new_context(), server)
        with server.service() as service:
            service.sign_up("ada@example.com", "violet umbrella harbour 41")

        visitor.open("/Orders")
        expect(visitor.heading(LOG_IN)).to_be_visible()
        visitor.fill_log_in("ada@example.com")

        expect(visitor.heading("Orders")).to_be_visible()
        visitor.wait_for_cookie()
        visitor.reload()
        expect(visitor.heading("Orders")).to_be_visible()
        visitor.page.get_by_role("link", name="Stock").click()
        expect(visitor.heading("Stock")).to_be_visible()
        assert "Traceback" not in server.said()
