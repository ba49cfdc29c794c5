"""An app that was there before, in a browser: every page asks to log in, by its own address."""

from pathlib import Path

import pytest

from tests.browser.conftest import NewContext
from tests.browser.visitor import LOG_IN, PASSWORD, Visitor, expect
from tests.serving import serve
from tests.template.test_adopt import PAGES, adopted

# Names that the accounts have as well: the app's own stay what they are.
TAKEN = {
    "auth.py": "def told(rows):\n    return f'{rows} rows, by their auth.py'\n",
    "db/__init__.py": "ROWS = 3\n",
    "pages/2_Stock.py": "import streamlit as st\n\nimport auth\nfrom db import ROWS\n\n"
    "st.title('Stock')\nst.text(auth.told(ROWS))\n",
}


@pytest.mark.parametrize(
    ("bridge", "into"), [("app.py", ""), ("app.py", "accounts"), ("server.py", "accounts")]
)
def test_the_pages_of_an_adopted_app_ask_to_log_in(
    tmp_path: Path, new_context: NewContext, bridge: str, into: str
) -> None:
    """MI-4, GD-1: no address of the former pages/ is open; after the log-in all are there.

    So it is where the accounts are one package, beside modules of the app's with their names.
    """
    script = adopted(tmp_path / "shop", PAGES | (TAKEN if into else {}), into)
    entry = script.name if bridge == "app.py" else f"{into}_{bridge}"
    with serve(entry, tmp_path, project=script.parent) as server:
        visitor = Visitor(new_context(), server)

        visitor.open("/Orders")
        expect(visitor.heading(LOG_IN)).to_be_visible()
        visitor.page.get_by_role("link", name="Sign up").click()
        visitor.fill_sign_up("Ada", "ada@example.com", PASSWORD)
        visitor.expect_signed_in("ada@example.com")
        visitor.wait_for_cookie()
        visitor.log_out()
        visitor.open("/Orders")
        visitor.fill_log_in("ada@example.com")

        expect(visitor.heading("Orders")).to_be_visible()
        visitor.wait_for_cookie()
        visitor.reload()
        expect(visitor.heading("Orders")).to_be_visible()
        visitor.page.get_by_role("link", name="Stock").click()
        expect(visitor.heading("Stock")).to_be_visible()
        if into:
            expect(visitor.page.get_by_text("3 rows, by their auth.py")).to_be_visible()
        assert "Traceback" not in server.said()
