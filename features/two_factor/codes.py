"""Codes of authenticator apps (RFC 6238), recovery codes, and secrets sealed for the database.

RFC 6238 is ten lines of the standard library and its vectors are the test. pyotp would be one more
dependency, and its last minor release made the usual call of `provisioning_uri` an error.
"""

import hashlib
import hmac
import os
import re
import secrets
import struct
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from urllib.parse import quote

from auth.keys import KeyRing

PERIOD = 30  # seconds that one code lasts
DIGITS = 6
DRIFT = 1  # codes before and after the current one that also count, since clocks differ
SECRET_BYTES = 20  # RFC 4226, 4: 160 bits
RECOVERY_CODES = 10
# 24 of these letters are 120 bits: from 112 on, a plain hash is enough (ASVS 5.0 6.5.2). None of
# them looks like another one (Crockford's base 32).
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
GROUPS, GROUP = 4, 6
LOOKALIKES = str.maketrans("oil", "011")
LONGEST = 64  # characters of a typed code that are looked at
NONCE_BYTES = 12  # AES-GCM's own


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of the time step *step* (RFC 6238, 4; RFC 4226, 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4]) & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}}"


def step_of(secret: bytes, typed: str, now: datetime) -> int | None:
    """Return the time step, near *now*, whose code was typed; None if there is none."""
    code = "".join(typed[:LONGEST].split())
    if not re.fullmatch(r"[0-9]{6}", code):
        return None
    current = int(now.timestamp()) // PERIOD
    steps = range(current - DRIFT, current + DRIFT + 1)
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step), code)]
    return max(found, default=None)


def key_as_text(secret: bytes) -> str:
    """Return *secret* as authenticator apps take it: base 32, in groups of four."""
    text = b32encode(secret).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def key_uri(secret: bytes, app: str, email: str) -> str:
    """Return the URI that the QR code carries: authenticator apps list it as *app* and *email*."""
    label = f"{quote(app, safe='')}:{quote(email, safe='@')}"
    return (
        f"otpauth://totp/{label}?secret={b32encode(secret).decode()}&issuer={quote(app, safe='')}"
    )


def new_recovery_code() -> str:
    """Return a random recovery code, in groups that can be read aloud."""
    letters = [secrets.choice(LETTERS) for _ in range(GROUPS * GROUP)]
    groups = ("".join(letters[start : start + GROUP]) for start in range(0, len(letters), GROUP))
    return "-".join(groups)


def recovery_hash(typed: str) -> str:
    """Return the hash that is kept of a recovery code, the same for every way to type it."""
    letters = re.sub(r"[^0-9a-z]", "", typed[:LONGEST].lower().translate(LOOKALIKES))
    return hashlib.sha256(letters.encode()).hexdigest()


def seal(ring: KeyRing, secret: bytes, owner: str) -> str:
    """Return *secret* encrypted under the newest key, to be read only in the row of *owner*."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # needed by few processes

    name, key = ring.newest
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, secret, owner.encode())
    return f"{name}.{urlsafe_b64encode(sealed).decode()}"


def unseal(ring: KeyRing, text: str, owner: str) -> bytes | None:
    """Return the secret in *text*; None if its key is gone, or if it was altered or moved."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    name, _, encoded = text.partition(".")
    key = ring.keys.get(name)
    if key is None:
        return None
    try:
        sealed = urlsafe_b64decode(encoded)
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        return AESGCM(key).decrypt(nonce, rest, owner.encode())
    except (InvalidTag, ValueError):
        return None
