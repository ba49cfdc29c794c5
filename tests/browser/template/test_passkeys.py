"""Passkeys in a real browser, with Chromium's virtual authenticator."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache, partial

import pytest
from playwright.sync_api import CDPSession
from sqlalchemy import delete

from auth.users import User
from features.passkeys.tables import Passkey
from tests.browser.conftest import ONE_BRIDGE, ServerOf, without_traceback
from tests.browser.visitor import Visitor, expect
from tests.serving import Server, serve, wait_until

# What browsers have that can forget a passkey; here it is only written down.
FORGET = """PublicKeyCredential.signalUnknownCredential = async (which) => {
  window.forgotten = which;
}"""


@pytest.fixture(scope="package")
def named_app_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOf]:
    """Return a way to the app under a name: at an IP address browsers refuse passkeys."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("passkeys")
        yield cache(
            lambda script: stack.enter_context(serve(script, folder / script, host="localhost"))
        )


@pytest.fixture
def server(named_app_of: ServerOf, bridge: str) -> Iterator[Server]:
    """Return that app, and check that the test did not cost it an exception."""
    yield from without_traceback(named_app_of(bridge))


class Authenticator:
    """A device with a fingerprint reader: *touch* is whether a finger is on it.

    It is *built_in*, or a key that is plugged in; *verifies* is whether it knows the finger.
    """

    def __init__(self, visitor: Visitor, built_in: bool = True, verifies: bool = True) -> None:
        self.cdp: CDPSession = visitor.context.new_cdp_session(visitor.page)
        self.cdp.send("WebAuthn.enable")
        made = self.cdp.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal" if built_in else "usb",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": verifies,
                    "automaticPresenceSimulation": False,
                }
            },
        )
        self.id = made["authenticatorId"]

    def touch(self, on: bool) -> None:
        """Put the finger on the reader, or take it off."""
        self.cdp.send(
            "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self.id, "enabled": on}
        )

    def take_away(self) -> None:
        """Have no such device any more."""
        self.cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self.id})

    def counts(self) -> list[int]:
        """Return the counters of the passkeys on it."""
        found = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return [each["signCount"] for each in found["credentials"]]


def test_a_passkey_is_added_steps_up_and_logs_in_by_button_and_from_the_email_field(
    visitor: Visitor, server: Server, ada: User
) -> None:
    """SF-4, SF-5: for as long as the form's box says, and at the address that was asked for.

    In place of the password, it gives a session another token. The browser is told to forget one
    that no account has any more.
    """
    device = Authenticator(visitor)
    visitor.log_in(ada.email, path="/passkeys")
    device.touch(True)
    visitor.button("Add a passkey").click()
    expect(visitor.page.get_by_text("Your passkey is ready")).to_be_visible()
    visitor.button("Add a passkey").click()
    expect(visitor.page.get_by_text("already has a passkey")).to_be_visible()
    device.touch(False)
    assert len(device.counts()) == 1

    visitor.arrive(ada.email, "/passkeys")
    before = visitor.token()
    expect(visitor.field("Password")).to_be_visible()
    device.touch(True)
    visitor.button("Use a passkey").dblclick()
    expect(visitor.button("Add a passkey")).to_be_visible()
    device.touch(False)
    wait_until(lambda: visitor.token() != before, "another token")
    visitor.reload()
    expect(visitor.button("Add a passkey")).to_be_visible()
    visitor.log_out()

    visitor.open("/account")
    visitor.page.get_by_text("Keep me logged in").click()
    device.touch(True)
    visitor.button("Log in with a passkey").dblclick()
    expect(visitor.heading("Account")).to_be_visible()
    device.touch(False)
    visitor.wait_for_cookie()
    cookie = visitor.cookie()
    assert cookie and cookie["expires"] - visitor.page.evaluate("Date.now()") / 1000 > 29 * 86400
    visitor.reload()
    visitor.expect_signed_in(ada.email)
    visitor.log_out()

    device.touch(True)
    visitor.open("/account")
    expect(visitor.heading("Account")).to_be_visible()
    visitor.expect_signed_in(ada.email)
    device.touch(False)
    visitor.wait_for_cookie()
    visitor.log_out()

    with server.database() as database, database.write() as connection:
        (gone,) = connection.execute(delete(Passkey).returning(Passkey.id)).scalars()
    visitor.page.add_init_script(FORGET)
    device.touch(True)
    visitor.open("/account")
    expect(visitor.page.get_by_text("This passkey didn't work")).to_be_visible()
    visitor.page.wait_for_function("window.forgotten")
    forgotten = {"rpId": "localhost", "credentialId": gone}
    assert visitor.page.evaluate("window.forgotten") == forgotten


def has_another(visitor: Visitor, token: str | None) -> bool:
    """Return whether the browser's token isn't *token* any more."""
    return visitor.token() != token


@ONE_BRIDGE
def test_each_device_has_a_passkey_of_its_own_and_must_know_its_user(
    visitor: Visitor, ada: User
) -> None:
    """SF-4: two tabs ask at once, and each answer is for its own; a strange finger adds nothing."""
    visitor.log_in(ada.email, path="/passkeys")
    other = visitor.new_tab()
    other.open("/passkeys")
    strange = Authenticator(visitor, verifies=False)
    strange.touch(True)
    visitor.button("Add a passkey").click()
    expect(visitor.page.get_by_text("Nothing was chosen")).to_be_visible()
    strange.take_away()

    devices = {visitor: Authenticator(visitor), other: Authenticator(other, built_in=False)}
    for tab, device in devices.items():
        before = visitor.token()
        device.touch(True)
        tab.button("Add a passkey").click()
        expect(tab.page.get_by_text("Your passkey is ready")).to_be_visible()
        wait_until(partial(has_another, visitor, before), "another token for both tabs")
        device.touch(False)
    expect(other.button("Change")).to_have_count(2)
    visitor.log_out()

    for tab in devices:
        tab.open("/account")
        tab.expect_form()
    for tab, device in devices.items():
        device.touch(True)
        tab.button("Log in with a passkey").click()
        expect(tab.heading("Account")).to_be_visible()
        assert len(device.counts()) == 1
