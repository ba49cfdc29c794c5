"""Published bcrypt vectors: an imported user's hash verifies here as it did elsewhere."""

import pytest

from auth.passwords import Scheme, verify_password
from tests.fixtures import CHEAPEST

CHEAP = Scheme(rounds=CHEAPEST)

# From jBCrypt's TestBCrypt and crypt_blowfish's wrapper.c.
VECTORS = [
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
    ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("U*U*U", "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
]
NEVER = [
    ("ё", "$2x$05$6bNw2HLQYeqHYyBfLMsv/OiwqTymGIGzFsA4hOTWebfehXHNprcAS"),  # the sign bug
    ("U*U", "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U", "$2c$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U", "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U", "$2a$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U", "$2a$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U", "*0"),
]


@pytest.mark.parametrize(("password", "stored"), VECTORS)
def test_a_published_vector_verifies(password: str, stored: str) -> None:
    """BC-10: plain hashes of other frameworks still verify."""
    assert verify_password(password, stored, CHEAP)
    assert not verify_password(password + "!", stored, CHEAP)


@pytest.mark.parametrize(("password", "stored"), VECTORS)
def test_the_three_letters_of_a_sound_bcrypt_are_one(password: str, stored: str) -> None:
    """BC-10: PHP writes $2y$ where others write $2a$ and $2b$."""
    assert verify_password(password, f"$2y{stored[3:]}", CHEAP)


@pytest.mark.parametrize(("password", "stored"), NEVER)
def test_a_broken_or_unknown_form_never_verifies(password: str, stored: str) -> None:
    """BC-10: $2x$ marks the bug that dropped characters; the rest isn't bcrypt."""
    assert not verify_password(password, stored, CHEAP)


def test_what_bcrypt_would_ignore_is_refused() -> None:
    """BC-1: beyond 72 bytes an imported hash proves nothing."""
    password, stored = VECTORS[-1]

    assert not verify_password(f"{password}chars after 72 are ignored", stored, CHEAP)
