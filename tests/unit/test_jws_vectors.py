"""The published HMAC examples of JWS, through what checks the signatures of our tokens."""

from datetime import timedelta

import pytest
from jwt.exceptions import InvalidSignatureError
from jwt.utils import base64url_decode

from auth import tokens
from auth.errors import TokenRefused
from auth.keys import KeyRing
from auth.tokens import ALGORITHMS, FORM, read
from tests.fixtures import NOON

# RFC 7515, appendix A.1, and RFC 7520, section 4.4: the key, the parts of the token, the payload.
A_1 = (
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
    "fQ",
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    '{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}',
)
SECTION_4_4 = (
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250"
    "byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hl"
    "cmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
    "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
    "It’s a dangerous business, Frodo, going out your door. You step onto the road, and if you "
    "don't keep your feet, there’s no knowing where you might be swept off to.",
)
JWS = tokens._jwt._jws  # the very object, with our options, that `read` has check signatures
each_example = pytest.mark.parametrize(
    ("key", "header", "payload", "signature", "text"), [A_1, SECTION_4_4], ids=["7515", "7520"]
)


@each_example
def test_a_published_example_verifies(
    key: str, header: str, payload: str, signature: str, text: str
) -> None:
    """JWT-13: our strict form lets it through, and its signature is right."""
    token = f"{header}.{payload}.{signature}"

    assert FORM.fullmatch(token)
    assert JWS.decode(token, base64url_decode(key), ALGORITHMS) == text.encode()


@each_example
def test_no_byte_of_a_published_example_may_change(
    key: str, header: str, payload: str, signature: str, text: str
) -> None:
    """JWT-13: not one of the payload, and not one of the signature."""
    raw = base64url_decode(key)
    others = [swap(payload, place) for place in range(len(payload) - 1)]  # the last has spare bits
    signatures = [swap(signature, place) for place in range(len(signature) - 1)]

    for token in (
        *(f"{header}.{other}.{signature}" for other in others),
        *(f"{header}.{payload}.{other}" for other in signatures),
    ):
        with pytest.raises(InvalidSignatureError):
            JWS.decode(token, raw, ALGORITHMS)


@each_example
def test_a_right_signature_alone_makes_no_session(
    key: str, header: str, payload: str, signature: str, text: str
) -> None:
    """JWT-5, JWT-13: a foreign token is refused, even if it is signed with our key."""
    token = f"{header}.{payload}.{signature}"
    kid = "018c0ae5-4d9b-471b-bfd6-eef314bc7037"
    ring = KeyRing({kid: base64url_decode(key)})

    with pytest.raises(TokenRefused):
        read(token, ring, now=NOON, max_age=timedelta(days=30))


def swap(text: str, place: int) -> str:
    """Return *text* with another letter at *place*."""
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
