"""Two factors: set up with a code, asked for at log-in, and replaced by a recovery code."""

from base64 import b32decode
from dataclasses import replace
from datetime import timedelta

import pytest

from auth.client import Client
from auth.errors import StepNeeded
from auth.service import AuthService
from auth.sessions import Session
from features.two_factor import rules
from features.two_factor.codes import PERIOD, code_at
from features.two_factor.words import CodeRefused, RecoveryCodeRefused
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session


def secret_of(key: rules.SetUpKey) -> bytes:
    """Return the secret that an app reads from *key*."""
    return b32decode(key.text.replace(" ", ""))


def code(secret: bytes, clock: Clock) -> str:
    """Return the code that an app shows now, as some apps write it."""
    digits = code_at(secret, int(clock().timestamp()) // PERIOD)
    return f" {digits[:3]} {digits[3:]} "


class App:
    """Ada's authenticator app, set up in a session of hers."""

    def __init__(self, service: AuthService, session: Session, clock: Clock) -> None:
        self.service, self.clock = service, clock
        self.secret = secret_of(rules.key_for_session(service, session))
        login, self.recovery_codes = rules.set_up(service, session, self.code(), LAPTOP)
        self.session = open_session(service, login.token)

    def code(self) -> str:
        """Return the code of the next half minute: each counts once."""
        self.clock.advance(timedelta(seconds=PERIOD))
        return code(self.secret, self.clock)


def challenge(service: AuthService, ada: Person, client: Client = LAPTOP) -> str:
    """Enter the password and return the token of the step that follows."""
    with pytest.raises(StepNeeded) as asked:
        service.log_in(ada.email, ada.password, client)
    return asked.value.token


@pytest.fixture
def app(service: AuthService, token: str, clock: Clock) -> App:
    """Ada's app."""
    return App(service, open_session(service, token), clock)


def test_an_app_is_on_only_after_a_correct_code(
    service: AuthService, ada: Person, token: str, clock: Clock, letterbox: Letterbox
) -> None:
    """SF-5: then other sessions end, and the owner is told."""
    session = open_session(service, token)
    other = service.log_in(ada.email, ada.password, LAPTOP).token
    with pytest.raises(CodeRefused):
        rules.set_up(service, session, "000000", LAPTOP)
    assert service.log_in(ada.email, ada.password, LAPTOP)

    app = App(service, session, clock)

    assert app.session.two_factors
    assert service.resume(other) is None
    assert len(set(app.recovery_codes)) == 10
    assert "authentication is on" in letterbox.to(ada.email)[-1].subject


def test_a_log_in_takes_the_password_and_a_code(
    service: AuthService, ada: Person, app: App
) -> None:
    """SF-1, SF-2: the same code never counts twice."""
    typed = app.code()

    login = rules.log_in_with_code(service, challenge(service, ada), typed, LAPTOP)

    assert open_session(service, login.token).two_factors
    with pytest.raises(CodeRefused):
        rules.log_in_with_code(service, challenge(service, ada), typed, LAPTOP)
    again = rules.log_in_with_code(service, challenge(service, ada), app.code(), LAPTOP)
    assert service.resume(again.token)


def test_a_recovery_code_replaces_the_app_once(
    service: AuthService, ada: Person, app: App, letterbox: Letterbox
) -> None:
    """SF-3: however it is typed; the email says how many are left."""
    typed = app.recovery_codes[0].upper().replace("-", " ")

    login = rules.log_in_with_code(service, challenge(service, ada), typed, LAPTOP, recovery=True)

    session = open_session(service, login.token)
    assert rules.state(service, session).recovery_codes == 9
    assert "9 left" in letterbox.to(ada.email)[-1].text
    with pytest.raises(RecoveryCodeRefused):
        rules.log_in_with_code(service, challenge(service, ada), typed, LAPTOP, recovery=True)


def test_a_trusted_device_is_not_asked_until_the_password_changes(
    service: AuthService, ada: Person, app: App, clock: Clock
) -> None:
    """SF-6: its token goes out once; it is no use to another account, and it can be ended."""
    login = rules.log_in_with_code(service, challenge(service, ada), app.code(), LAPTOP, trust=True)
    sent = rules.device_token(service, login)
    assert sent and rules.device_token(service, login) is None
    trusted = replace(LAPTOP, device=sent.value)

    session = open_session(service, service.log_in(ada.email, ada.password, trusted).token)
    assert session.two_factors
    assert challenge(service, ada, replace(LAPTOP, device="another"))

    (device,) = rules.trusted_devices(service, session)
    rules.end_trust(service, session, device.id)
    assert challenge(service, ada, trusted)


def test_turning_it_off_takes_a_factor_or_an_operator(
    service: AuthService, ada: Person, app: App, letterbox: Letterbox
) -> None:
    """SF-5: the password alone is not enough; each way is told by email."""
    with pytest.raises(CodeRefused):
        rules.turn_off(service, app.session, ada.password, LAPTOP)

    rules.turn_off(service, app.session, app.code(), LAPTOP)

    assert "authentication is off" in letterbox.to(ada.email)[-1].subject
    login = service.log_in(ada.email, ada.password, LAPTOP)
    App(service, open_session(service, login.token), app.clock)
    assert rules.turn_off_for(service, ada.id) == "Two-factor authentication is off."
    assert "people who run this app" in "".join(mail.text for mail in letterbox.to(ada.email))
    assert service.resume(login.token) is None
    assert service.log_in(ada.email, ada.password, LAPTOP)
