"""Tokens: read only if they are exactly ours and current, refused when in doubt."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from auth import tokens
from auth.errors import TokenExpired, TokenRefused
from auth.keys import KeyRing
from auth.tokens import LEEWAY, Claims, hash_token, issue, new_token_id, read
from tests.fixtures import NOON

RING = KeyRing.of([b"a secret of thirty-two bytes or more"], "session")
KEY_ID, KEY = RING.newest
USER, SESSION = "0123456789abcdef" * 2, "s" * 32
LIFE, LONGEST = timedelta(hours=12), timedelta(days=30)
START = int(NOON.timestamp())
HEADER: dict[str, Any] = {"alg": "HS256", "typ": "session+jwt", "kid": KEY_ID}
CLAIMS: dict[str, Any] = {
    "iss": "streamlit-auth-starter",
    "aud": "session",
    "sub": USER,
    "sid": SESSION,
    "jti": "j" * 22,
    "iat": START,
    "nbf": START,
    "exp": START + int(LIFE.total_seconds()),
}


def encode(part: bytes) -> str:
    """Return *part* encoded as in a token."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def craft(
    header: object = HEADER, claims: object = CLAIMS, key: bytes = KEY, digest: str = "sha256"
) -> str:
    """Return a token signed by hand: for any content, the signature is right."""
    parts = [p if isinstance(p, bytes) else json.dumps(p).encode() for p in (header, claims)]
    signed = ".".join(encode(part) for part in parts)
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), digest))}"


def refused(token: Any) -> bool:
    """Return whether *token* is refused now, and not as expired."""
    with pytest.raises(TokenRefused) as caught:
        read(token, RING, now=NOON, max_age=LONGEST)
    return type(caught.value) is TokenRefused


def test_a_token_says_what_was_put_in() -> None:
    """JWT-3: an issued token is read back."""
    token = issue(USER, SESSION, RING, now=NOON, expires_at=NOON + LIFE)

    claims = read(token, RING, now=NOON, max_age=LONGEST)

    assert claims == Claims(USER, SESSION, claims.token_id, NOON, NOON, NOON + LIFE)


def test_a_token_is_verified_once_under_the_same_keys_and_dated_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """JWT-3, JWT-4, JWT-8: a run needs no second HMAC; the time and other keys always count."""
    token = issue(USER, SESSION, RING, now=NOON, expires_at=NOON + LIFE)
    verified = Mock(wraps=tokens._jwt.decode)
    monkeypatch.setattr(tokens._jwt, "decode", verified)

    for _ in range(3):
        read(token, RING, now=NOON, max_age=LONGEST)

    assert verified.call_count == 1
    with pytest.raises(TokenExpired):
        read(token, RING, now=NOON + LIFE, max_age=LONGEST)
    with pytest.raises(TokenRefused):
        read(token, RING, now=NOON, max_age=LIFE - timedelta(seconds=1))
    with pytest.raises(TokenRefused):
        read(token, KeyRing.of([b"another-key-" * 4], "session"), now=NOON, max_age=LONGEST)


def test_a_token_made_by_hand_is_read() -> None:
    """JWT-3: the crafted tokens below fail for what is changed in them, not for their making."""
    assert read(craft(), RING, now=NOON, max_age=LONGEST).user_id == USER


def test_a_token_holds_nothing_personal() -> None:
    """JWT-10: opaque ids and times, and no other claim."""
    token = issue(USER, SESSION, RING, now=NOON, expires_at=NOON + LIFE)

    header, payload = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]
    )

    assert header == HEADER
    assert payload.keys() == CLAIMS.keys()
    assert (payload["sub"], payload["sid"]) == (USER, SESSION)


@pytest.mark.parametrize(
    "alg",
    [
        *("none", "None", "NONE", "nOnE", "", None, 256, True, ["HS256"], {"HS256": 1}),
        *("HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "hs256", "HS256 "),
    ],
)
def test_no_other_algorithm_is_accepted(alg: object) -> None:
    """JWT-1: the algorithm is ours to choose, never the token's."""
    header = HEADER | {"alg": alg}

    assert refused(craft(header))
    assert refused(craft(header).rpartition(".")[0] + ".")


@pytest.mark.parametrize(("alg", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_a_stronger_hash_with_the_right_key_is_still_refused(alg: str, digest: str) -> None:
    """JWT-1: one key, one algorithm."""
    assert refused(craft(HEADER | {"alg": alg}, digest=digest))


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_claim_may_be_missing(claim: str) -> None:
    """JWT-3: all eight, or nothing."""
    assert refused(craft(claims={k: v for k, v in CLAIMS.items() if k != claim}))


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    "value", [None, "", 0, True, False, -1, 1.5, 1e308, 10**400, "123", [], {}, "a b" * 9, "x" * 65]
)
def test_no_claim_may_be_of_another_kind(claim: str, value: object) -> None:
    """JWT-3: neither type nor form is taken on trust."""
    assert refused(craft(claims=CLAIMS | {claim: value}))


def twice(part: dict[str, Any], name: str, value: object, *, first: bool) -> bytes:
    """Return *part* as JSON with *name* twice: with its own value, and with *value*."""
    text, extra = json.dumps(part), f"{json.dumps(name)}: {json.dumps(value)}"
    return (f"{{{extra}, {text[1:]}" if first else f"{text[:-1]}, {extra}}}").encode()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("name", "value"), [*HEADER.items(), ("alg", "none"), ("typ", "reset+jwt"), ("kid", "other")]
)
def test_no_member_of_a_header_may_stand_twice(name: str, value: object, first: bool) -> None:
    """JWT-6: another parser takes the other one (RFC 7515, 4; RFC 8725, 2.4)."""
    assert refused(craft(header=twice(HEADER, name, value, first=first)))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("name", "value"), [*CLAIMS.items(), ("sub", "f" * 32), ("sid", "t" * 32), ("exp", 0)]
)
def test_no_claim_may_stand_twice(name: str, value: object, first: bool) -> None:
    """JWT-6: also with equal values, and whichever PyJWT would take."""
    assert refused(craft(claims=twice(CLAIMS, name, value, first=first)))


def test_a_claim_may_not_come_on_top() -> None:
    """JWT-10: otherwise a role in a token might be trusted."""
    assert refused(craft(claims=CLAIMS | {"role": "admin"}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "streamlit-auth-starte"},
        {"iss": ["streamlit-auth-starter"]},
        {"aud": "sessions"},
        {"aud": ["session"]},
        {"aud": ["session", "reset"]},
    ],
)
def test_issuer_and_audience_match_to_the_letter(change: dict[str, object]) -> None:
    """JWT-4: no prefix (GHSA-75c5-xw7c-p5pm) and no list."""
    assert refused(craft(claims=CLAIMS | change))


@pytest.mark.parametrize(
    "header",
    [
        *({k: v for k, v in HEADER.items() if k != name} for name in HEADER),
        *(HEADER | {"typ": t} for t in ("JWT", "reset+jwt", "verify+jwt", "SESSION+JWT", "", None)),
        *(HEADER | {name: "x"} for name in ("jwk", "jku", "x5u", "x5c", "cty", "zip")),
        HEADER | {"crit": ["exp"]},
        HEADER | {"b64": False, "crit": ["b64"]},
        [],
        "HS256",
        None,
    ],
)
def test_a_header_is_ours_or_refused(header: object) -> None:
    """JWT-5: alg, typ and kid, this typ, and nothing that points to another key."""
    assert refused(craft(header))


@pytest.mark.parametrize(
    "kid",
    [
        *("../../dev/null", "x' UNION SELECT '1';--", "|id", "k" * 10_000, f"{KEY_ID} "),
        *("", None, 1, True, [], {}),
    ],
)
def test_a_key_is_looked_up_and_never_tried(kid: object) -> None:
    """JWT-7: an unknown name is no key, even where the signature would fit."""
    assert refused(craft(HEADER | {"kid": kid}))


@pytest.mark.parametrize("key", [b"", b"secret", b"another secret of thirty-two bytes!"])
def test_another_key_signs_nothing_here(key: bytes) -> None:
    """JWT-1: making a token takes the secret."""
    assert refused(craft(key=key))


@pytest.mark.parametrize(
    "token",
    [
        None,
        b"bytes",
        "",
        ".",
        "..",
        "a.b",
        craft() + "=",
        craft() + ".",
        craft() + "\n",
        " " + craft(),
        craft().replace(".", "\0.", 1),
        craft() + "." + "a" * 8,
        json.dumps({"payload": "x", "signatures": []}),
        "a" * 2049,
        "=" * 100_000,
        "é" + craft()[1:],
        "\ud800",
        craft(json.dumps(HEADER).encode("utf-16")),
        craft(json.dumps(HEADER).encode("utf-8-sig")),
        craft(b"[" * 900),
        craft(b"\xff\xfe"),
        craft(claims=b"[" * 900),
        craft(claims=b"null"),
        craft(claims=b"[]"),
    ],
)
def test_a_token_has_one_strict_form(token: object) -> None:
    """JWT-6, JWT-9: anything else is refused before, or as, it is parsed; nothing is raised."""
    assert refused(token)


def test_a_cookie_cannot_be_spelt_another_way() -> None:
    """JWT-6: a change of any character, even of the last one's unused bits, is refused."""
    token = craft()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    for at, letter in enumerate(token):
        other = letters[(letters.find(letter) + 1) % 64]
        assert refused(token[:at] + other + token[at + 1 :])


def test_an_expired_token_is_told_from_a_forged_one() -> None:
    """JWT-9: both are refused; only the page's wording differs."""
    assert issubclass(TokenExpired, TokenRefused)
    with pytest.raises(TokenExpired):
        read(craft(), RING, now=NOON + LIFE + LEEWAY, max_age=LONGEST)


def test_each_token_has_an_id_that_cannot_be_guessed() -> None:
    """JWT-10: 128 random bits, in base64."""
    made = {new_token_id() for _ in range(100)}

    assert len(made) == 100
    assert {len(token_id) for token_id in made} == {22}


@pytest.mark.parametrize(
    ("token", "digest"),
    [
        ("a token", "e3316e2bafebb6103a3418e8778c0adc960d40213a03a7e7f4fcd3426ed807bf"),
        ("\ud800", "8a8de823d5ed3e12746a62ef169bcf372be0ca44f0a1236abc35df05d96928e1"),
        ("a" * 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        ("a" * 1_000_000, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
    ],
)
def test_a_random_token_is_stored_as_its_sha_256(token: str, digest: str) -> None:
    """RS-1, AV-2: rows of earlier versions stay valid, any text has a hash, a long one in part."""
    assert hash_token(token) == digest
