"""Emails: valid ones are kept as typed, with one key for all spellings of the same email."""

import pytest

from auth.users import InvalidEmail, read_email


@pytest.mark.parametrize(
    ("typed", "shown", "key"),
    [
        ("ada@example.com", "ada@example.com", "ada@example.com"),
        ("  Ada@Example.COM ", "Ada@example.com", "ada@example.com"),
        ("Ada+tag@example.com", "Ada+tag@example.com", "ada+tag@example.com"),
        ("ada.l@example.com", "ada.l@example.com", "ada.l@example.com"),
        ("JOSÉ@example.com", "JOSÉ@example.com", "josé@example.com"),
        ("jose\u0301@example.com", "josé@example.com", "josé@example.com"),
        ("STRASSE@example.com", "STRASSE@example.com", "strasse@example.com"),
        ("straße@example.com", "straße@example.com", "strasse@example.com"),
        ("a@BÜCHER.example.com", "a@bücher.example.com", "a@xn--bcher-kva.example.com"),
        ("a@xn--bcher-kva.example.com", "a@bücher.example.com", "a@xn--bcher-kva.example.com"),
    ],
)
def test_an_email_is_shown_as_typed_and_compared_without_case(
    typed: str, shown: str, key: str
) -> None:
    """AC-4: normalized, then validated; two spellings of one email share its key."""
    assert read_email(typed) == (shown, key)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@examp1e.com"),
        ("ada@example.com", "аda@example.com"),  # a Cyrillic а
        ("ada@example.com", "ada@exаmple.com"),
        ("ada@example.com", "ada+tag@example.com"),
        ("adalovelace@example.com", "ada.lovelace@example.com"),
        ("ada@example.com", "ada@mail.example.com"),
        ("fi@example.com", "ﬁ@example.net"),
    ],
)
def test_a_look_alike_is_another_account(one: str, other: str) -> None:
    """AC-4: an owner's emails never go to a look-alike (CVE-2019-19844)."""
    assert read_email(one).key != read_email(other).key


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "ada", "@", "ada@", "@example.com", "ada@localhost", "ada@@example.com"),
        *("ada@example..com", ".ada@example.com", "ada.@example.com", "a da@example.com"),
        *("ada＠example.com", "ada@example。com\u3002", "ada@-example.com", "ada@example.com."),
        *("ada@example.com\n", "ada@example.com\r\nBcc: eve@example.com", "ada\r@example.com"),
        *("ada@exam\tple.com", "ada\0@example.com", "ada@example.com\0", "\ud800@example.com"),
        *("ada@example.com,eve@example.com", "Ada <ada@example.com>", '"ada"@example.com'),
        *("\u202eada@example.com", "ada\u200b@example.com", "ada\u2028@example.com"),
        *("ada@[127.0.0.1]", "ada@127.0.0.1", "a" * 250 + "@example.com"),
        "ada@" + "a" * 250 + ".com",
        "' OR '1'='1",
        "a" * 1_000_000 + "@example.com",
        "@" * 1_000_000,
        "e\u0301" * 500_000,
    ],
)
def test_text_that_is_no_email_is_refused_with_a_sentence(text: str) -> None:
    """AC-4, AC-5: no partial email, no second line, nothing invisible, and no crash."""
    with pytest.raises(InvalidEmail) as caught:
        read_email(text)

    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 100
