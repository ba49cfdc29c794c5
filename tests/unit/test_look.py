"""The look: what a user typed is shown as text, also in a label."""

import pytest

from web.look import as_text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada", "Ada"),
        ("*a* [b](c)", r"\*a\* \[b\]\(c\)"),
        ("see https://evil.example", "see https\\:\u2060\\/\\/evil\\.example"),
        ("WWW.evil.example", "WWW\u2060\\.evil\\.example"),
    ],
)
def test_a_name_in_a_label_is_neither_markup_nor_a_link(typed: str, shown: str) -> None:
    """CK-9: Streamlit makes links of URLs, whatever is escaped in them."""
    assert as_text(typed) == shown
