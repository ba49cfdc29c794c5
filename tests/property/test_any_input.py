"""Properties for any input: no crash, no ambiguity, no way in."""

from datetime import timedelta
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auth.errors import TokenRefused
from auth.password_rules import password_errors
from auth.passwords import Scheme, hash_password, verify_password
from auth.tokens import read
from auth.users import InvalidEmail, InvalidName, read_email, read_name
from tests.fixtures import CHEAPEST, NOON
from tests.unit.test_tokens import HEADER, RING, craft

CHEAP = Scheme(rounds=CHEAPEST)
SURROGATES = st.text(st.characters(), max_size=80)  # every code point, the lone halves too
LONG = st.text(st.characters(exclude_categories=["Cs"]), min_size=15, max_size=64)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
MINE = hash_password("mine", CHEAP)


@given(SURROGATES, SURROGATES | st.from_regex(r"(v1)?\$2[abxy]\$0[0-5]\$[./A-Za-z0-9]{53}"))
def test_no_stored_hash_makes_verifying_raise(password: str, stored: str) -> None:
    """BC-5: a damaged row is refused."""
    assert not verify_password(password, stored, CHEAP)


@given(LONG)
def test_any_long_text_can_be_a_password(password: str) -> None:
    """PW-2, PW-4: any script is stored and recognised, in either form; the last letter counts."""
    stored = hash_password(password, CHEAP)

    assert verify_password(normalize("NFC", password), stored, CHEAP)
    assert verify_password(normalize("NFD", password), stored, CHEAP)
    assert not verify_password(password + "x", stored, CHEAP)
    assert not verify_password(password[:-1], stored, CHEAP)


@given(SURROGATES)
def test_no_password_makes_the_rules_raise(password: str) -> None:
    """PW-9: any pasted text gets an answer."""
    assert all(fault.endswith(".") for fault in password_errors(password, 15, [password]))


@given(st.emails() | SURROGATES | st.tuples(st.text(), st.text()).map("@example.".join))
@example("İ@example.com")
@example("ΰ@example.com")
@example("ß@example.com")
def test_an_emails_key_is_the_key_of_itself(text: str) -> None:
    """AC-4: a stored email is found again in any spelling of its case."""
    try:
        address = read_email(text)
    except InvalidEmail:
        return

    assert read_email(address.shown) == address
    assert read_email(address.key).key == address.key
    assert address.key.isprintable()


@given(SURROGATES)
def test_a_name_is_one_line_or_refused(text: str) -> None:
    """AC-5: and reading it again changes nothing."""
    try:
        name = read_name(text)
    except InvalidName:
        return

    assert read_name(name) == name
    assert len(name.splitlines()) <= 1
    name.encode()


@given(SURROGATES | st.from_regex(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}", fullmatch=True))
def test_any_text_is_a_refused_token(token: str) -> None:
    """JWT-9: refused, and nothing else is ever raised."""
    with pytest.raises(TokenRefused):
        read(token, RING, now=NOON, max_age=timedelta(days=30))


@given(JSON | st.binary(max_size=200), JSON | st.binary(max_size=200))
def test_any_signed_content_is_a_refused_token(header: object, claims: object) -> None:
    """JWT-3, JWT-9: not even our own signature makes it valid."""
    for token in (craft(header, claims), craft(HEADER, claims)):
        with pytest.raises(TokenRefused):
            read(token, RING, now=NOON, max_age=timedelta(days=30))


@given(st.data())
def test_a_changed_token_is_refused(data: st.DataObject) -> None:
    """JWT-6: one signature, one spelling."""
    token = craft()
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != token[at]))

    with pytest.raises(TokenRefused):
        read(token[:at] + other + token[at + 1 :], RING, now=NOON, max_age=timedelta(days=30))
