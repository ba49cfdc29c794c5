"""A readable name for a browser: its User-Agent never becomes markup."""

import re

import pytest

from auth.browsers import browser_in_words


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox on "),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_told_in_words(agent: str, words: str) -> None:
    """SE-7: so that users recognize their own."""
    assert browser_in_words(agent).startswith(words)


@pytest.mark.parametrize(
    "name",
    [
        "[Your account is locked: log in](https://evil.example)",
        "![](https://evil.example/x.png)",
        "**bold** _it_ `code` $x$ :red[no] <b>b</b> # h",
        "x" * 10_000,
    ],
)
def test_what_a_browser_calls_itself_is_no_markup(name: str) -> None:
    """CK-9: an attacker who tries a password writes this line of the owner's page."""
    words = browser_in_words(f"{name}/1.0 CFNetwork/1 Darwin/1")

    assert re.fullmatch(r"[A-Za-z0-9 .+-]{1,60}", words)
