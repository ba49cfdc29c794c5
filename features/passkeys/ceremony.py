"""A ceremony: one request to the browser for a passkey, and the check of its answer.

The challenge stays on the server, in the memory of one tab. It is used up before the answer is
looked at, so that each challenge gets one answer, right or wrong.
"""

import json
import re
import secrets
import struct
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple

from auth.client import Client
from features.passkeys.words import PasskeyRefused
from settings import Settings

LIFE = timedelta(minutes=5)
CHALLENGE_BYTES = 64
LONGEST = 16_384  # characters of an answer: a real one has two thousand
MOST_BRACKETS = 40  # a real one has three; the rest is nested to exhaust the parser
# What the library raises for an answer that no authenticator made, besides its own exceptions.
JUNK = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError),
    *(RecursionError, NotImplementedError, struct.error),
)
ALGORITHMS = (-8, -7, -257)  # EdDSA, ES256, RS256: what the library verifies and devices have


@dataclass
class Ceremony:
    """A request that was shown to one tab of one browser; *options* are for its page."""

    options: Mapping[str, Any] = field(repr=False)
    browser: str = field(repr=False)
    began: datetime
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    challenge: bytes | None = field(default=None, repr=False)

    def take_challenge(self, client: Client, now: datetime) -> bytes:
        """Return the challenge, once, to its own browser and in time; raises PasskeyRefused."""
        challenge, self.challenge = self.challenge, None
        if challenge is None or now >= self.began + LIFE or client.browser != self.browser:
            raise PasskeyRefused
        return challenge


class Proof(NamedTuple):
    """A verified answer: which passkey, and its counter."""

    id: str
    user_handle: str
    sign_count: int
    synced: bool


class NewPasskey(NamedTuple):
    """A verified new passkey."""

    id: str
    public_key: str
    sign_count: int
    synced: bool
    transports: str


def unsupported_reason(settings: Settings) -> str:
    """Return why browsers would refuse passkeys at BASE_URL, or "" if they would not."""
    site = settings.site
    try:
        ip_address(site.host.strip("[]"))
    except ValueError:
        pass
    else:
        return f"BASE_URL is at an IP address, {site.host}, and passkeys need a name"
    if site.scheme != "https" and site.host != "localhost":
        return f"BASE_URL is http, and passkeys need https at {site.host}"
    return ""


def to_log_in(settings: Settings, client: Client, now: datetime) -> Ceremony:
    """Return a request for any passkey of this app that the browser has."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    options = {
        "challenge": _text(challenge),
        "rpId": settings.site.host,
        "timeout": LIFE // timedelta(milliseconds=1),
        "userVerification": "required",
    }
    return Ceremony(options, client.browser, now, challenge=challenge)


def to_add(
    settings: Settings,
    client: Client,
    now: datetime,
    *,
    user_id: str,
    email: str,
    name: str,
    known: Mapping[str, str],
) -> Ceremony:
    """Return a request for a new passkey, on a device that has none of the *known* ones.

    Devices keep one for each user and would replace it; *known* are ids with their transports.
    """
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    options = {
        "challenge": _text(challenge),
        "rp": {"id": settings.site.host, "name": settings.app_name},
        "user": {"id": _text(user_id.encode()), "name": email, "displayName": name or email},
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in ALGORITHMS],
        "timeout": LIFE // timedelta(milliseconds=1),
        "attestation": "none",
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "excludeCredentials": [
            {
                "type": "public-key",
                "id": key,
                "transports": [each for each in by.split(",") if each],
            }
            for key, by in known.items()
        ],
    }
    return Ceremony(options, client.browser, now, challenge=challenge)


def read_answer(answer: str) -> dict[str, Any]:
    """Return the browser's answer, whose size and depth are checked first (AV-2)."""
    if len(answer) > LONGEST or answer.count("{") + answer.count("[") > MOST_BRACKETS:
        raise PasskeyRefused
    try:
        value = json.loads(answer)
    except JUNK:
        raise PasskeyRefused from None
    key = value.get("id") if isinstance(value, dict) else None
    if not isinstance(key, str) or not re.fullmatch(r"[\w-]{1,1400}", key, re.ASCII):
        raise PasskeyRefused
    return dict(value)


def check_answer(
    answer: dict[str, Any], challenge: bytes, settings: Settings, public_key: str
) -> Proof:
    """Return what *answer* proves; raises PasskeyRefused unless it is right in every detail.

    The counter is the caller's to compare: a forged answer must not look like a copied passkey.
    """
    from webauthn import verify_authentication_response  # 80 ms that most processes never need
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=settings.site.host,
            expected_origin=settings.site.origin,
            credential_public_key=base64url_to_bytes(public_key),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        handle = base64url_to_bytes(answer["response"]["userHandle"]).decode()
    except (WebAuthnException, *JUNK):
        raise PasskeyRefused from None
    return Proof(answer["id"], handle, found.new_sign_count, found.credential_backed_up)


def check_new(answer: dict[str, Any], challenge: bytes, settings: Settings) -> NewPasskey:
    """Return the new passkey of *answer*; raises PasskeyRefused unless it is right."""
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import WebAuthnException
    from webauthn.helpers.structs import AttestationFormat

    try:
        found = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=settings.site.host,
            expected_origin=settings.site.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(each) for each in ALGORITHMS],
        )
        transports = answer["response"].get("transports", [])
    except (WebAuthnException, *JUNK):
        raise PasskeyRefused from None
    # No attestation was asked for: some devices sign their own all the same.
    if found.fmt not in {AttestationFormat.NONE, AttestationFormat.PACKED}:
        raise PasskeyRefused
    if not isinstance(transports, list):
        raise PasskeyRefused
    named = [
        each for each in transports if isinstance(each, str) and re.fullmatch(r"[a-z-]+", each)
    ]
    return NewPasskey(
        _text(found.credential_id),
        _text(found.credential_public_key),
        found.sign_count,
        found.credential_backed_up,
        ",".join(named[:8])[:100],
    )


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
