"""The key ring: each secret named by its digest, and a key of its own for each purpose."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

KEY_BYTES = 32  # HS256: as long as its hash (RFC 7518, 3.2)


@dataclass(frozen=True)
class KeyRing:
    """Keys by id, the newest first: that one signs, all of them verify (JWT-8)."""

    keys: dict[str, bytes]

    @classmethod
    def of(cls, secrets: Iterable[bytes], purpose: str) -> "KeyRing":
        """Return the ring of *secrets* for *purpose*; what one purpose signs no other accepts."""
        return cls({key_id(secret): derive(secret, purpose) for secret in secrets})

    @property
    def newest(self) -> tuple[str, bytes]:
        """The id and the key that sign."""
        return next(iter(self.keys.items()))


def key_id(secret: bytes) -> str:
    """Return the name of *secret* that tells nothing of it: the start of its SHA-256."""
    return hashlib.sha256(secret).hexdigest()[:16]


def derive(secret: bytes, purpose: str, salt: bytes = b"") -> bytes:
    """Return 32 bytes for *purpose*: HKDF-SHA-256 (RFC 5869), whose one block is enough here."""
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")
