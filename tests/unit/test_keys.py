"""The key ring: derived as in RFC 5869, with ids that reveal nothing."""

import pytest

from auth.keys import LEAST_BITS, KeyRing, bits, derive, is_guessable, key_id

OLD, NEW = b"an old secret of thirty-two bytes", b"a new secret, thirty-two bytes too"


@pytest.mark.parametrize(
    ("secret", "salt", "expanded"),
    [
        pytest.param(
            bytes([0x0B] * 22),
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
            id="A.3: no salt, no info",
        ),
    ],
)
def test_a_key_is_derived_as_the_standard_says(secret: bytes, salt: bytes, expanded: str) -> None:
    """JWT-2: HKDF-SHA-256; RFC 5869's examples begin with our one block."""
    assert derive(secret, "", salt).hex() == expanded
    assert derive(secret, "").hex() == expanded  # no salt is the default


def test_a_key_is_as_long_as_its_hash() -> None:
    """JWT-2: HS256 wants 256 bits (RFC 7518, 3.2)."""
    assert len(derive(b"", "session")) == 32


def test_each_purpose_has_a_key_of_its_own() -> None:
    """JWT-5: what one purpose signs, no other accepts."""
    derived = {derive(NEW, "session"), derive(NEW, "reset"), derive(NEW, "session", b"salt")}

    assert len(derived) == 3


def test_the_newest_key_signs_and_the_ring_keeps_their_order() -> None:
    """JWT-8: the first of the settings is the one in use."""
    ring = KeyRing.of([NEW, OLD], "session")

    assert ring.newest == (key_id(NEW), derive(NEW, "session"))
    assert list(ring.keys) == [key_id(NEW), key_id(OLD)]


def test_a_keys_name_tells_nothing_of_it() -> None:
    """JWT-7: the name is a digest's start, so it may stand in every cookie."""
    assert len(key_id(NEW)) == 16
    assert key_id(NEW) not in NEW.hex()


@pytest.mark.parametrize(
    ("secret", "estimate"),
    [("", 0), ("aaaa", 0), ("ab", 2), ("aab", 3), ("acef", 8), ("acefacef", 12), ("abcd", 4)],
)
def test_what_repeats_or_runs_along_the_alphabet_counts_for_nothing(
    secret: str, estimate: float
) -> None:
    """JWT-2: each new character is one choice among those used."""
    assert bits(secret) == pytest.approx(estimate)


def test_a_secret_at_the_bound_is_no_longer_guessable() -> None:
    """JWT-2: 30 choices among 8 characters are 90 bits."""
    secret = "xzrzzxmadhqmhrdzmmxdaxzddqrrhx"

    assert bits(secret) == LEAST_BITS
    assert not is_guessable(secret)
    assert is_guessable(secret[:-1])


def test_words_that_are_repeated_are_guessable() -> None:
    """JWT-2: once they are long enough for the estimate, and twice they are no better."""
    words = "correct horse battery staple "

    assert bits(words) >= LEAST_BITS
    assert is_guessable(words + words)
    assert is_guessable(f"{words}and {words}")
    assert not is_guessable(words + words[:7])
