"""Passkeys: added, used to log in and to step up, and removed, with a device made of software."""

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from auth.errors import LogInRefused, PasswordNeeded
from auth.service import AuthService
from auth.step_up import RECENT, has_password, recently_authenticated, require_recent
from features.passkeys import rules
from features.passkeys.words import PasskeyFirst, PasskeyRefused
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session

UP, UV, AT = 1, 4, 64  # flags: user present, user verified, a new credential follows


def text(value: bytes) -> str:
    """Return *value* as WebAuthn's JSON has it."""
    return urlsafe_b64encode(value).decode().rstrip("=")


class Device:
    """An authenticator with one passkey, and the browser that it is used in."""

    def __init__(self, origin: str) -> None:
        self.origin, self.count = origin, 0
        self.id, self.key = secrets.token_bytes(16), ec.generate_private_key(ec.SECP256R1())
        self.handle = b""
        self.token = ""  # of the session that added its passkey

    def create(self, options: Mapping[str, Any], *, flags: int = UP | UV) -> str:
        """Return the answer to a request for a new passkey."""
        self.handle = urlsafe_b64decode(options["user"]["id"] + "==")
        point = self.key.public_key().public_numbers()
        key = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        made = bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(key)
        data = self.data(options["rp"]["id"], flags | AT) + made
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {"attestationObject": text(attestation), "transports": ["internal"]}
        return self.answer("webauthn.create", options, response)

    def get(
        self, options: Mapping[str, Any], *, flags: int = UP | UV, host: str = "", step: int = 1
    ) -> str:
        """Return the answer to a request for a passkey; *step* is what its counter goes up by."""
        self.count += step
        data = self.data(host or options["rpId"], flags)
        client = self.client_data("webauthn.get", options)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {
            "authenticatorData": text(data),
            "signature": text(signature),
            "userHandle": text(self.handle),
        }
        return self.answer("webauthn.get", options, response)

    def data(self, host: str, flags: int) -> bytes:
        """Return the authenticator's data: for whom, how the user was checked, how often."""
        return hashlib.sha256(host.encode()).digest() + struct.pack(">BI", flags, self.count)

    def client_data(self, kind: str, options: Mapping[str, Any]) -> bytes:
        """Return what the browser says about the page that asked."""
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin}
        return json.dumps(said).encode()

    def answer(self, kind: str, options: Mapping[str, Any], response: dict[str, Any]) -> str:
        """Return the credential as JSON."""
        response["clientDataJSON"] = text(self.client_data(kind, options))
        shown = {"id": text(self.id), "rawId": text(self.id), "type": "public-key"}
        return json.dumps({**shown, "response": response, "clientExtensionResults": {}})


def add(service: AuthService, token: str, device: Device) -> str:
    """Add the passkey of *device* in the session of *token*; return that session's next token."""
    session = open_session(service, token)
    ceremony = rules.ask_new(service, session, LAPTOP)
    login = rules.add(service, session, ceremony, device.create(ceremony.options), LAPTOP)
    device.token = login.token
    return login.token


@pytest.fixture
def device(service: AuthService, token: str) -> Device:
    """A device with a passkey of Ada's."""
    device = Device(service.settings.site.origin)
    add(service, token, device)
    return device


def test_a_passkey_logs_in_and_counts_as_two_factors(
    service: AuthService, ada: Person, device: Device, letterbox: Letterbox
) -> None:
    """SF-4: without an email or a password."""
    ceremony = rules.ask(service, LAPTOP)

    login = rules.log_in(service, ceremony, device.get(ceremony.options), LAPTOP)

    session = open_session(service, login.token)
    assert session.user.id == ada.id
    assert session.two_factors
    assert any("passkey was added" in mail.subject for mail in letterbox.to(ada.email))


def test_an_answer_counts_once(service: AuthService, ada: Person, device: Device) -> None:
    """SF-4: the challenge is used up before its answer is looked at, right or wrong."""
    ceremony = rules.ask(service, LAPTOP)
    answer = device.get(ceremony.options)

    with pytest.raises(PasskeyRefused):
        rules.log_in(service, ceremony, "{}", LAPTOP)
    with pytest.raises(PasskeyRefused):
        rules.log_in(service, ceremony, answer, LAPTOP)


def test_a_passkey_answers_step_up(service: AuthService, device: Device, clock: Clock) -> None:
    """SF-4, SF-5: in place of the password."""
    clock.advance(RECENT)
    session = open_session(service, device.token)
    with pytest.raises(PasswordNeeded):
        require_recent(service, session)

    ceremony = rules.ask(service, LAPTOP)
    login = rules.confirm(service, session, ceremony, device.get(ceremony.options), LAPTOP)

    assert recently_authenticated(service, open_session(service, login.token))


def test_a_removed_passkey_opens_nothing(
    service: AuthService, ada: Person, device: Device, letterbox: Letterbox
) -> None:
    """SF-5: nor do sessions go on that it began; its owner is told."""
    ceremony = rules.ask(service, LAPTOP)
    lost = rules.log_in(service, ceremony, device.get(ceremony.options), LAPTOP).token
    session = open_session(service, device.token)
    (listed,) = rules.list_passkeys(service, session)
    rules.rename(service, session, listed.id, "My laptop")

    login = rules.remove(service, session, listed.id)

    assert service.resume(lost) is None
    assert service.resume(login.token)
    ceremony = rules.ask(service, LAPTOP)
    with pytest.raises(PasskeyRefused):
        rules.log_in(service, ceremony, device.get(ceremony.options), LAPTOP)
    assert any("My laptop" in mail.text for mail in letterbox.to(ada.email))


def test_an_added_passkey_ends_the_other_sessions(
    service: AuthService, ada: Person, token: str
) -> None:
    """SF-5: the one that added it goes on, under another token."""
    other = service.log_in(ada.email, ada.password, LAPTOP).token

    added = add(service, token, Device(service.settings.site.origin))

    assert [bool(service.resume(each)) for each in (other, added)] == [False, True]


def test_a_user_is_offered_a_passkey_once(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """SF-4: after a log-in with the password, unless they have one."""
    session = open_session(service, token)

    assert [rules.offer_once(service, session) for _ in range(2)] == [True, False]
    clock.advance(timedelta(days=1))
    assert not rules.offer_once(
        service, open_session(service, service.log_in(ada.email, ada.password, LAPTOP).token)
    )


def test_a_password_is_removed_once_a_passkey_has_logged_in(
    service: AuthService, ada: Person, device: Device, letterbox: Letterbox
) -> None:
    """SF-5: other sessions end, and the owner is told."""
    other = open_session(service, device.token)
    with pytest.raises(PasskeyFirst):
        rules.remove_password(service, other, LAPTOP)
    ceremony = rules.ask(service, LAPTOP)
    began = rules.log_in(service, ceremony, device.get(ceremony.options), LAPTOP)

    login = rules.remove_password(service, open_session(service, began.token), LAPTOP)

    session = open_session(service, login.token)
    assert not has_password(service, session)
    assert service.resume(device.token) is None
    assert "password was removed" in letterbox.to(ada.email)[-1].subject
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)
