"""People's names: any script, one line, nothing that disturbs the text around it."""

import pytest

from auth.users import InvalidName, read_name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("   ", ""),
        ("  Ada Lovelace ", "Ada Lovelace"),
        ("Zoe\u0308", "Zoë"),
        ("O'Brien-Smith, Jr.", "O'Brien-Smith, Jr."),
        ("王小明", "王小明"),
        ("محمد", "محمد"),
        ("👩\u200d💻 Ada", "👩\u200d💻 Ada"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Robert'); DROP TABLE users;--", "Robert'); DROP TABLE users;--"),
        ("a" * 100, "a" * 100),
    ],
)
def test_a_name_is_kept_as_it_is_written(typed: str, kept: str) -> None:
    """CK-9: any script and any punctuation is a name; showing it safely is the page's work."""
    assert read_name(typed) == kept


@pytest.mark.parametrize(
    "text",
    [
        *("Ada\nLovelace", "Ada\r\nBcc: eve@example.com", "Ada\tL", "Ada\0", "\x1b[31mAda"),
        *("Ada\u2028L", "Ada\u2029L", "Ada\x85L", "\ud800", "\ue000", "\U000e0fff", "Ada\x7f"),
        *("\u202eadA", "\u202d1", "\u2066a", "\u2067a", "\u2068a", "a\u2069", "\u202aa", "a\u202c"),
        *("a" * 101, "a" * 1_000_000),
    ],
)
def test_what_would_break_its_line_is_refused(text: str) -> None:
    """AC-5: no line end, no terminal colour, no turned direction, no endless name."""
    with pytest.raises(InvalidName, match=r"^Use .*\.$"):
        read_name(text)
