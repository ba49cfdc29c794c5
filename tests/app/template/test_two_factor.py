"""Where two factors are required, signing up leads to the set-up and nowhere else."""

from base64 import b32decode
from time import time
from typing import Any

import pytest

from auth.service import AuthService
from auth.users import User
from features.passkeys.test_passkeys import Device, add
from features.two_factor.codes import PERIOD, code_at
from features.two_factor.words import OTHER
from tests.app.conftest import PASSWORD, Open, SignedIn
from tests.app.test_flows import send, shown


def test_signing_up_leads_to_the_set_up_then_to_the_recovery_codes(
    monkeypatch: pytest.MonkeyPatch, open_app: Open
) -> None:
    """SF-1, SF-3: no user before the code; the recovery codes are shown once."""
    monkeypatch.setenv("TWO_FACTOR", "required")
    app = open_app().run().switch_page("views/sign_up.py").run()

    send(app, name="Grace", email="grace@example.com", password=PASSWORD)

    assert "authenticator app" in shown(app)
    app.switch_page("views/log_in.py").run()  # AppTest alone forgets where a page has led
    secret = b32decode(app.code[0].value.replace(" ", ""))
    send(app, code="000000")
    assert "doesn't work" in shown(app)
    user: User | None = app.session_state["user"]
    assert user is None
    send(app, code=code_at(secret, int(time()) // PERIOD))
    assert app.session_state["logged_in"]
    assert len(app.code[0].value.split()) == 10
    app.switch_page("features/two_factor/recovery_codes.py").run()
    press(app, "I've saved them")
    app.switch_page("features/two_factor/recovery_codes.py").run()
    assert len(app.code) == 0
    assert "Recovery codes left: 10" in shown(app)
    send(app, code=code_at(secret, int(time()) // PERIOD + 1))  # each counts once
    assert len(app.code[0].value.split()) == 10


def press(app: Any, label: str) -> None:
    """Press the button called *label*."""
    next(button for button in app.main.button if button.label == label).click().run()
    assert not app.exception


def test_the_password_of_an_account_with_a_passkey_leads_to_no_set_up(
    monkeypatch: pytest.MonkeyPatch, open_app: Open, service: AuthService, ada: User, token: str
) -> None:
    """SF-1: the step leads back to the form, which has the button for the passkey."""
    add(service, token, Device(service.settings.site.origin))
    required = service.settings.model_copy(update={"two_factor": "required"})
    monkeypatch.setattr(service, "settings", required)
    app = open_app().run()

    send(app, email=ada.email, password=PASSWORD)

    assert OTHER in shown(app)
    assert not app.code
    press(app, "Back to log in")
    assert [field.label for field in app.text_input] == ["Email", "Password"]


def test_without_an_app_there_are_no_recovery_codes(signed_in: SignedIn, ada: User) -> None:
    """SF-3: the page leads to the set-up, and the tab is not caught there."""
    app = signed_in(ada, "features/two_factor/recovery_codes.py")

    press(app, "Make new codes")

    assert "authenticator app" in shown(app)
    app.switch_page("views/home.py").run()
    assert app.title[0].value == "Home"


def test_switched_off_no_app_is_set_up(monkeypatch: pytest.MonkeyPatch, open_app: Open) -> None:
    """SF-1: the page leads to the account."""
    monkeypatch.setenv("TWO_FACTOR", "off")
    app = open_app().run().switch_page("views/sign_up.py").run()
    send(app, name="Grace", email="grace@example.com", password=PASSWORD)

    app.switch_page("features/two_factor/two_factor.py").run()

    assert not app.exception
    assert app.title[0].value == "Account"
