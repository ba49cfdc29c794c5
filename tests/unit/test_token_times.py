"""Tokens and time: when one begins, ends, and loses its key."""

from datetime import timedelta

import jwt
import pytest

from auth.errors import AuthError, TokenExpired, TokenRefused
from auth.keys import KeyRing
from auth.tokens import LEEWAY, issue, read
from tests.fixtures import NOON
from tests.unit.test_tokens import CLAIMS, LIFE, LONGEST, RING, START, craft

SECOND = timedelta(seconds=1)
OLD, NEW = b"an old secret of thirty-two bytes", b"a new secret, thirty-two bytes too"


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        (-LEEWAY - SECOND, TokenRefused),
        (-LEEWAY, None),
        (timedelta(0), None),
        (LIFE - SECOND, None),
        (LIFE, TokenExpired),
        (LIFE + SECOND, TokenExpired),
        (LIFE + LEEWAY, TokenExpired),
    ],
)
def test_a_token_counts_from_its_beginning_to_its_end(
    after: timedelta, outcome: type[AuthError] | None
) -> None:
    """JWT-4: the leeway applies before the beginning, and never after the end."""
    if outcome is None:
        assert read(craft(), RING, now=NOON + after, max_age=LONGEST)
        return

    with pytest.raises(TokenRefused) as caught:
        read(craft(), RING, now=NOON + after, max_age=LONGEST)

    assert caught.type is outcome


@pytest.mark.parametrize(
    "change",
    [
        {"exp": START + int(LONGEST.total_seconds()) + 1},
        {"exp": START + 100 * 365 * 24 * 60 * 60},
        {"exp": START},
        {"exp": START - 1},
        {"nbf": START - 1},
        {"nbf": START + 11},
        {"iat": START + 11},
        {"iat": 0},
        {"iat": -1, "nbf": -1},
        {"iat": START + 5, "nbf": START + 5, "exp": START + 5},
        *({name: float(CLAIMS[name])} for name in ("iat", "nbf", "exp")),
    ],
)
def test_times_that_contradict_each_other_are_refused(change: dict[str, int]) -> None:
    """JWT-3, JWT-4: no life before its issue, none too long, none from the future."""
    with pytest.raises(TokenRefused):
        read(craft(claims=CLAIMS | change), RING, now=NOON, max_age=LONGEST)


@pytest.mark.parametrize(("begin", "outcome"), [(0, TokenRefused), (1, TokenExpired)])
def test_zero_is_no_time_of_a_token(begin: int, outcome: type[AuthError]) -> None:
    """JWT-3: a claim that was never filled in is refused, not merely out of date."""
    claims = CLAIMS | {"iat": begin, "nbf": begin, "exp": begin + 60}

    with pytest.raises(TokenRefused) as caught:
        read(craft(claims=claims), RING, now=NOON, max_age=LONGEST)

    assert caught.type is outcome


def test_a_token_of_the_longest_life_is_read() -> None:
    """JWT-3: the maximum itself is allowed."""
    longest = CLAIMS | {"exp": START + int(LONGEST.total_seconds())}

    assert read(craft(claims=longest), RING, now=NOON, max_age=LONGEST)


def test_keys_rotate_without_logging_any_user_out() -> None:
    """JWT-8: the old key verifies while it is listed, and its tokens die with it."""
    before = KeyRing.of([OLD], "session")
    during = KeyRing.of([NEW, OLD], "session")
    after = KeyRing.of([NEW], "session")
    old = issue("u" * 32, "s" * 32, before, now=NOON, expires_at=NOON + LIFE)
    new = issue("u" * 32, "s" * 32, during, now=NOON, expires_at=NOON + LIFE)

    assert read(old, during, now=NOON, max_age=LONGEST)
    assert read(new, after, now=NOON, max_age=LONGEST)
    for token, ring in ((old, after), (new, before)):
        with pytest.raises(TokenRefused):
            read(token, ring, now=NOON, max_age=LONGEST)


def test_a_key_for_another_purpose_signs_no_session() -> None:
    """JWT-5, JWT-12: the purpose is part of the key."""
    token = issue("u" * 32, "s" * 32, KeyRing.of([NEW], "reset"), now=NOON, expires_at=NOON + LIFE)

    with pytest.raises(TokenRefused):
        read(token, KeyRing.of([NEW], "session"), now=NOON, max_age=LONGEST)


PEM = b"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----"


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 31, PEM])
def test_a_short_or_public_key_neither_signs_nor_verifies(key: bytes) -> None:
    """JWT-2: 32 bytes at least, and no public key (CVE-2022-29217)."""
    ring = KeyRing({RING.newest[0]: key})

    with pytest.raises(jwt.InvalidKeyError):
        issue("u" * 32, "s" * 32, ring, now=NOON, expires_at=NOON + LIFE)
    with pytest.raises(TokenRefused):
        read(craft(key=key), ring, now=NOON, max_age=LONGEST)
