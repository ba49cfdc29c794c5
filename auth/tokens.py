"""The signed token in the cookie: issued at log-in, read on every run, refused if in doubt.

The other tokens (of links, tickets, challenges and devices) are random, and only their hash is
stored: see `hash_token`.
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from jwt import PyJWT
from jwt.exceptions import PyJWTError
from jwt.types import Options
from jwt.utils import base64url_decode

from auth.errors import TokenExpired, TokenRefused
from auth.keys import KeyRing

ALGORITHMS = ["HS256"]  # a list, never text: PyJWT would look for substrings (RFC 8725, 3.1)
TYPE = "session+jwt"  # a token for another use is no session (RFC 8725, 3.11)
ISSUER = "streamlit-auth-starter"
AUDIENCE = "session"
LEEWAY = timedelta(seconds=10)  # how far two servers' clocks may differ
MAX_BYTES = 2048
FORM = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}", re.ASCII)
OPAQUE = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
CLAIMS = frozenset({"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"})
HEADER = frozenset({"alg", "typ", "kid"})

# PyJWT checks signature, issuer and audience; the times are checked here, against the caller's
# clock and with the types PyJWT lets pass.
_options: Options = {
    "require": sorted(CLAIMS),
    "strict_aud": True,
    "enforce_minimum_key_length": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
_jwt = PyJWT(options=_options)


@dataclass(frozen=True)
class Claims:
    """A token's claims: the session, the user's id and the times; nothing personal (JWT-10)."""

    user_id: str
    session_id: str
    token_id: str
    issued_at: datetime
    begins_at: datetime
    expires_at: datetime


def new_token_id() -> str:
    """Return an id for one token: 128 random bits."""
    return secrets.token_urlsafe(16)


def hash_token(token: str) -> str:
    """Return the hash of a random token, or of a browser's nonce: all that is stored of it."""
    # Ours have fewer than 64 characters: a longer one matches none, so it is not hashed in full
    # (AV-2).
    return hashlib.sha256(token[:64].encode(errors="replace")).hexdigest()


def issue(
    user_id: str,
    session_id: str,
    keys: KeyRing,
    *,
    now: datetime,
    expires_at: datetime,
    token_id: str | None = None,
) -> str:
    """Return a token for the session, signed with the newest of *keys*, valid from *now* on."""
    key_id, key = keys.newest
    moment = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "sid": session_id,
        "jti": token_id or new_token_id(),
        "iat": moment,
        "nbf": moment,
        "exp": int(expires_at.timestamp()),
    }
    return _jwt.encode(claims, key, algorithm=ALGORITHMS[0], headers={"typ": TYPE, "kid": key_id})


def read(token: str, keys: KeyRing, *, now: datetime, max_age: timedelta) -> Claims:
    """Return the claims of *token*, or raise TokenRefused, and no other exception.

    A token expires when `exp` equals *now*. One with a lifetime above *max_age* is refused.
    """
    if not isinstance(token, str) or len(token) > MAX_BYTES:
        raise TokenRefused
    claims = _verified(token, keys)
    if not (
        claims.issued_at <= now + LEEWAY
        and claims.issued_at <= claims.begins_at <= now + LEEWAY
        and claims.issued_at < claims.expires_at <= claims.issued_at + max_age
    ):
        raise TokenRefused
    if now >= claims.expires_at:
        raise TokenExpired
    return claims


# Every run reads the same few tokens: one that was verified byte for byte under the same keys needs
# no second HMAC. What depends on the clock is checked each time, and so is the session's row.
# Refusals raise and are not cached, so forged tokens take up no space here.
@lru_cache(maxsize=4096)
def _verified(token: str, keys: KeyRing) -> Claims:
    """Return the claims of *token* without checking its times, or raise TokenRefused.

    A key is looked up by `kid`, never tried (JWT-7).
    """
    if not FORM.fullmatch(token):
        raise TokenRefused
    try:
        header = _parse(token.split(".")[0])
        key = keys.keys[header["kid"]]
        claims = _jwt.decode(token, key, ALGORITHMS, audience=AUDIENCE, issuer=ISSUER)
        _parse(token.split(".")[1])
        if header.keys() != HEADER or header["typ"] != TYPE or not _has_exact_claims(claims):
            raise TokenRefused
        return Claims(
            user_id=claims["sub"],
            session_id=claims["sid"],
            token_id=claims["jti"],
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            begins_at=datetime.fromtimestamp(claims["nbf"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )
    except (PyJWTError, KeyError, ValueError, TypeError, RecursionError, OverflowError, OSError):
        raise TokenRefused from None


def _parse(part: str) -> Any:
    """Return the JSON of one part; raises ValueError for a duplicate member (RFC 8725, 2.4).

    PyJWT takes the last of two; another parser may take the first.
    """
    return json.loads(base64url_decode(part).decode(), object_pairs_hook=_unique)


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member stands twice")
    return found


def _has_exact_claims(claims: dict[str, Any]) -> bool:
    """Return whether exactly the claims we issue are present, with their types.

    PyJWT accepts "" and True.
    """
    return (
        claims.keys() == CLAIMS
        and all(
            isinstance(claims[name], str) and OPAQUE.fullmatch(claims[name]) is not None
            for name in ("sub", "sid", "jti")
        )
        and all(type(claims[name]) is int and claims[name] > 0 for name in ("iat", "nbf", "exp"))
    )
