"""The key ring: each secret has an id made from its digest, and each purpose its own key."""

import hashlib
import hmac
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

KEY_BYTES = 32  # HS256: as long as its hash (RFC 7518, 3.2)
LEAST_BITS = 90  # of our estimate: 16 random bytes in hexadecimal, 128 bits, never fall below it
# Fragments of keys in guides, standards and starter scripts; a key containing one is refused.
PUBLISHED = (
    "insecure|09d25e09|404E6352|AyM1SysP|hJtXIZ2u"  # Django, FastAPI, Spring, RFC 7515, 7520
)
WELL_KNOWN = re.compile(
    rf"{PUBLISHED}|secret|change.?me|your.?key|example|placehold|password", re.IGNORECASE
)
# Any repeated word: fewer than one in two million random keys has one.
REPEATED = re.compile(r"(.{8}).*\1", re.DOTALL)
ROWS = "0123456789 abcdefghijklmnopqrstuvwxyz qwertyuiop asdfghjkl zxcvbnm"
WALKS = f"{ROWS} {ROWS[::-1]}"
# The 95 secrets of jwt_tool's jwt-common.txt (version 2.2.5), which attackers try first: the first
# eight bytes of the SHA-256 of each.
LISTED = """
    093c97a5d7798222 0a94c6553e0752e1 0d24e571eb00e90d 0f2c37f729680eea 12bc106b13c8b95e
    2230028c597fcfda 24364068f2b75c6c 2492212a9253330a 26a4126c70b3819a 2afe16a6d630d94c
    2bb80d537b1da3e3 2c70e12b7a0646f9 36dd292533174299 3b8c641b71396a65 3c469e9d6c5875d3
    3e3d6a2835129339 3ea23f8320e6590e 3fc385cecae0693e 44376311885d289a 4fa760cbf65ca52d
    539e915a40033497 570e6f300a19dd0e 57f25c44324d8f95 582cc79cd52a540f 5994471abb01112a
    5bf01f36fa15d5cc 5c76fcf4400da3b4 5dbd34c403e6b480 5e884898da280471 5eef83fe7cb71e2d
    610c46c1e78d6857 624fa374a759deff 62af8704764faf8e 63de0fc02e3157ef 6523e58bc0eec42c
    6c7374115a1ffbee 6cdfd271da635d49 6d0e5471cfcac3c2 6d3cd5bd0f0bc337 6f1ae40570acc392
    72b4c2ec107db463 7360c21c6c834bda 74ef7464a7715830 7cae8926cf91cf27 7d82819f41382c55
    8174099687a26621 84983c60f7daadc1 85dbe15d75ef9308 8e0c34a86392bd00 90c4952ddab8b648
    91e2ae79c9e425fe 92b1f63ea74d16ec 92e2b7f6ed28b457 93d8d22684f27b0d 9c0b03b728ac2bb7
    9d3b319476557b16 9e7bdb112bf741ea a0e12d601e10154f a14328ceaab0dd70 a1db9be05a7b0ff0
    a265b61056f9e491 a4bc5b678fa77939 a5ff35af1ea5d53d ab5df625bc76dbd4 acfce8107a58d5a3
    ad165b11320bc915 ade099751d2ea9f3 afe27321d3c3015b b10253764c8b233f b493d48364afe44d
    bb5ae91cd8a214dd bec68014caad74e8 cb5e1c6198ee7aa0 cd2eb0837c9b4c96 cf35eff441165d1e
    d09f27e59d00dd83 d0c2f90131802df3 d3046ecc8dd3242a d8fb9d35df727425 dd8d38af8ca3b7e5
    ddf5c7a9aa3b43aa dfd7dc439654f313 dffd6021bb2bd5b0 e1b85b27d6bcb058 e789d5da43160009
    ea71c25a7a602246 eaa9e24e93dd43c2 ecc76bfa943d43ef ef4b06a3e0ea70e6 f576104eebeab096
    f75778f7425be4db f7d838701b86c5df fc93cb07e1ad9289 fcde2b2edba56bf4 fcf730b6d95236ec
"""


@dataclass(frozen=True, eq=False)
class KeyRing:
    """Keys by id, newest first. The newest signs; all of them verify (JWT-8).

    Equal only to itself: a token verified under one ring isn't verified under another.
    """

    keys: dict[str, bytes]

    @classmethod
    def of(cls, secrets: Iterable[bytes], purpose: str) -> "KeyRing":
        """Return the ring of *secrets* for *purpose*; no other purpose accepts its signatures."""
        return cls({key_id(secret): derive(secret, purpose) for secret in secrets})

    @property
    def newest(self) -> tuple[str, bytes]:
        """The id and the key used for signing."""
        return next(iter(self.keys.items()))


def key_id(secret: bytes) -> str:
    """Return an id that reveals nothing of *secret*: the start of its SHA-256."""
    return hashlib.sha256(secret).hexdigest()[:16]


def derive(secret: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """Return 32 bytes for *purpose*: one block of HKDF-SHA-256 (RFC 5869)."""
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def is_guessable(secret: str) -> bool:
    """Return whether *secret* is published, listed or far from random (JWT-2)."""
    if hashlib.sha256(secret.encode()).hexdigest()[:16] in LISTED.split():
        return True
    if WELL_KNOWN.search(secret) or REPEATED.search(secret):
        return True
    return bits(secret) < LEAST_BITS


def bits(secret: str) -> float:
    """Return an upper estimate of the entropy of *secret*, in bits.

    Each character counts as one choice among the different characters used. One that ends a run of
    three seen before, or a walk along the alphabet or a keyboard's row, counts nothing, so
    "abcabcabc…", "aaa…" and "1234567890…" are worth no more than their beginnings. 32 random bytes
    come to 190 bits or more, in hexadecimal and in base64.
    """
    seen: set[str] = set()
    new = 0
    for end in range(1, len(secret) + 1):
        run = secret[max(end - 3, 0) : end].casefold()
        if len(run) < 3 or not (run in seen or run in WALKS or len(set(run)) == 1):
            new += 1
        seen.add(run)
    return new * math.log2(len(set(secret))) if secret else 0.0
