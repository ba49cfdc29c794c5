"""Passkeys, in depth: every detail of an answer that must be right, and what is refused."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from auth.__main__ import main
from auth.administration import disable, verify
from auth.audit import Event
from auth.challenge import find_challenge
from auth.errors import PasswordNeeded, SessionOver, TooMany
from auth.limits import LOG_IN_NETWORK, MOST_FAILURES
from auth.service import AuthService
from auth.sessions import Session
from auth.stages import may_enter
from auth.step_up import RECENT, confirm_password
from auth.users import update_user
from db.engine import Database
from db.models import AuditEvent
from features import FEATURES
from features.account.rules import change_password
from features.email_change.rules import change_email, keep_email
from features.email_verification.rules import confirm_email
from features.passkeys import rules
from features.passkeys.ceremony import CHALLENGE_BYTES, LIFE, LONGEST, Ceremony, unsupported_reason
from features.passkeys.tables import Passkey
from features.passkeys.test_passkeys import UP, UV, Device, add, text
from features.passkeys.words import (
    CodeFirst,
    LastWayIn,
    PasskeyFirst,
    PasskeyRefused,
    TooManyPasskeys,
)
from features.password_reset.rules import request_reset, reset_password
from features.personal_data.rules import delete_account
from features.two_factor.rules import (
    key_for_challenge,
    log_in_with_code,
    needs_set_up,
    set_up_at_log_in,
    turn_off,
)
from features.two_factor.test_two_factor import App, challenge, code, secret_of
from features.two_factor.words import CodeRefused, OtherFactorNeeded
from tests.fixtures import (
    LAPTOP,
    Clock,
    Letterbox,
    Person,
    make_settings,
    open_session,
)

HERE = replace(LAPTOP, browser="a nonce")
NEW = "kumquat lantern orbit seven"


@pytest.fixture
def device(service: AuthService, token: str) -> Device:
    """A device with a passkey of Ada's."""
    device = Device(service.settings.site.origin)
    add(service, token, device)
    return device


def log_in(service: AuthService, answer: Callable[[dict[str, Any]], str]) -> Session:
    """Log in with what *answer* makes of the request."""
    ceremony = rules.ask(service, HERE)
    login = rules.log_in(service, ceremony, answer(dict(ceremony.options)), HERE)
    return open_session(service, login.token)


def altered(answer: str, **changes: object) -> str:
    """Return *answer* with other values in its response."""
    value = json.loads(answer)
    value["response"] |= changes
    return json.dumps(value)


Spoil = Callable[[Device, dict[str, Any]], str]
WRONG: dict[str, Spoil] = {
    "challenge": lambda device, options: device.get(options | {"challenge": "AAAA"}),
    "host": lambda device, options: device.get(options, host="evil.example"),
    "user not verified": lambda device, options: device.get(options, flags=UP),
    "user not present": lambda device, options: device.get(options, flags=UV),
    "signature": lambda device, options: altered(device.get(options), signature="MEUCIQ"),
    "no signature": lambda device, options: altered(device.get(options), signature=None),
    "no user handle": lambda device, options: altered(device.get(options), userHandle=None),
    "another handle": lambda device, options: altered(device.get(options), userHandle="YWRh"),
    "a new passkey": lambda device, options: device.create(
        options | {"user": {"id": text(device.handle)}, "rp": {"id": "localhost"}}
    ),
    "nothing": lambda device, options: "",
    "no JSON": lambda device, options: "{",
    "a list": lambda device, options: "[]",
    "a number": lambda device, options: "1e999",
    "no id": lambda device, options: '{"id": null, "response": {}}',
    "huge": lambda device, options: json.dumps({"id": "a", "x": "x" * LONGEST}),
    "deep": lambda device, options: '{"id": "a", "x": ' + "[" * 5000 + "]" * 5000 + "}",
    "not text": lambda device, options: altered(device.get(options), clientDataJSON=7),
    "no client data": lambda device, options: altered(device.get(options), clientDataJSON="AAAA"),
    "nested client data": lambda device, options: altered(
        device.get(options), clientDataJSON="W1tb" * 3000
    ),
    "surrogate": lambda device, options: altered(device.get(options), signature="\ud800"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_that_is_wrong_in_one_detail_opens_nothing(
    service: AuthService, device: Device, wrong: str
) -> None:
    """SF-4, EN-1: one sentence for all of them, and a right one still works after it."""
    with pytest.raises(PasskeyRefused) as refused:
        log_in(service, lambda options: WRONG[wrong](device, options))

    assert refused.value.message == PasskeyRefused.message
    assert log_in(service, device.get).two_factors


def test_another_origin_opens_nothing(service: AuthService, device: Device) -> None:
    """SF-4: scheme, host and port are exact."""
    for origin in ("http://localhost", "https://localhost:8501", "http://evil.example:8501", ""):
        device.origin = origin
        with pytest.raises(PasskeyRefused):
            log_in(service, device.get)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda service, ada: disable(service, ada.id),
        lambda service, ada: change(service, ada, failures=MOST_FAILURES),
    ],
    ids=["disabled", "locked out"],
)
def test_an_account_that_may_not_enter_does_not(
    service: AuthService,
    ada: Person,
    device: Device,
    spoil: Callable[[AuthService, Person], None],
) -> None:
    """SF-4, EN-1: as with a password; locked out means on networks it does not know."""
    spoil(service, ada)
    cafe = replace(HERE, ip="198.51.100.9")

    ceremony = rules.ask(service, cafe)
    with pytest.raises(PasskeyRefused):
        rules.log_in(service, ceremony, device.get(ceremony.options), cafe)


def change(service: AuthService, ada: Person, **columns: object) -> None:
    """Change Ada's account in the database."""
    with service.write() as connection:
        update_user(connection, ada.id, **columns)


def test_an_unconfirmed_account_waits_for_its_email(
    database: Database, service: AuthService, device: Device, clock: Clock
) -> None:
    """SF-4: where the settings ask for it."""
    settings = make_settings(require_verified_email=True)
    strict = AuthService(database, settings, features=FEATURES, clock=clock)

    with pytest.raises(PasskeyRefused):
        log_in(strict, device.get)


def test_a_request_is_for_one_browser_and_five_minutes(
    service: AuthService, device: Device, clock: Clock
) -> None:
    """SF-4: and for one answer, of twenty at once; two tabs have a request each."""
    elsewhere, late, raced, other = (rules.ask(service, HERE) for _ in range(4))
    answer = device.get(raced.options)
    assert rules.log_in(service, other, device.get(other.options), HERE)

    with pytest.raises(PasskeyRefused):
        client = replace(HERE, browser="another")
        rules.log_in(service, elsewhere, device.get(elsewhere.options), client)
    with ThreadPoolExecutor(20) as threads:
        device.count += 1
        answer = device.get(raced.options)
        assert sum(threads.map(lambda _: succeeds(service, raced, answer), range(20))) == 1
    clock.advance(LIFE)
    with pytest.raises(PasskeyRefused):
        rules.log_in(service, late, device.get(late.options), HERE)


def succeeds(service: AuthService, ceremony: Ceremony, answer: str) -> bool:
    """Return whether *answer* opens a session."""
    with suppress(PasskeyRefused):
        return bool(rules.log_in(service, ceremony, answer, HERE))
    return False


@pytest.mark.parametrize("step", [0, -1])
def test_a_counter_that_has_not_grown_is_refused_and_reported(
    service: AuthService, ada: Person, device: Device, letterbox: Letterbox, step: int
) -> None:
    """SF-4: as a copy's has not; a forged answer alone makes no such report."""
    device.count = 5
    assert log_in(service, device.get)

    forged = Device(device.origin)
    forged.id, forged.handle = device.id, device.handle
    with pytest.raises(PasskeyRefused):
        log_in(service, forged.get)
    assert events(service, Event.PASSKEY_CLONED) == 0
    with pytest.raises(PasskeyRefused):
        log_in(service, lambda options: device.get(options, step=step))

    assert events(service, Event.PASSKEY_CLONED) == 1
    assert any("may have been copied" in mail.subject for mail in letterbox.to(ada.email))


def test_a_synced_passkey_reports_no_counter(service: AuthService, device: Device) -> None:
    """SF-4: always 0, which is no copy."""
    for _ in range(2):
        assert log_in(service, lambda options: device.get(options, step=0))


def events(service: AuthService, event: Event) -> int:
    """Return how often *event* was recorded."""
    counted = select(func.count()).where(AuditEvent.event == event.value)
    with service.read() as connection:
        return connection.scalar(counted) or 0


def test_unknown_passkeys_are_counted_for_their_network(
    service: AuthService, device: Device
) -> None:
    """SF-4, TH-2: the same sentence, and then a wait."""
    stranger = Device(device.origin)
    for _ in range(LOG_IN_NETWORK.free):
        with pytest.raises(rules.UnknownPasskey) as refused:
            log_in(service, stranger.get)
    assert refused.value.message == PasskeyRefused.message

    with pytest.raises(TooMany):
        log_in(service, stranger.get)


def test_a_request_asks_for_what_counts_as_two_factors(
    service: AuthService, device: Device
) -> None:
    """SF-4: a passkey on the device, the user verified, and none that is already there."""
    new = rules.ask_new(service, open_session(service, device.token), HERE).options
    known = rules.ask(service, HERE)

    assert new["authenticatorSelection"]["residentKey"] == "required"
    assert new["authenticatorSelection"]["userVerification"] == "required"
    assert [each["transports"] for each in new["excludeCredentials"]] == [["internal"]]
    assert known.options["userVerification"] == "required"
    assert known.challenge and len(known.challenge) == CHALLENGE_BYTES
    assert known.options["challenge"] != rules.ask(service, HERE).options["challenge"]
    assert known.options["challenge"] not in repr(known)


NEW_AND_WRONG: dict[str, Spoil] = {
    "challenge": lambda device, options: device.create(options | {"challenge": "AAAA"}),
    "host": lambda device, options: device.create(options | {"rp": {"id": "evil.example"}}),
    "user not verified": lambda device, options: device.create(options, flags=UP),
    "an old passkey": lambda device, options: device.get(options, host="localhost"),
    "no attestation": lambda device, options: altered(
        device.create(options), attestationObject="AAAA"
    ),
    "deep attestation": lambda device, options: altered(
        device.create(options), attestationObject="gYGB" * 3000
    ),
    "transports": lambda device, options: altered(device.create(options), transports=7),
}


@pytest.mark.parametrize("wrong", NEW_AND_WRONG)
def test_a_new_passkey_that_is_wrong_in_one_detail_is_not_added(
    service: AuthService, token: str, wrong: str
) -> None:
    """SF-4: the account stays as it is."""
    session, device = open_session(service, token), Device(service.settings.site.origin)
    ceremony = rules.ask_new(service, session, HERE)

    with pytest.raises(PasskeyRefused):
        answer = NEW_AND_WRONG[wrong](device, dict(ceremony.options))
        rules.add(service, session, ceremony, answer, HERE)

    assert rules.list_passkeys(service, session) == []


def test_a_passkey_of_another_account_is_not_added(service: AuthService, device: Device) -> None:
    """SF-4: nor does it confirm another user, nor is it theirs to remove."""
    service.sign_up("grace@example.com", "kumquat lantern orbit", "Grace")
    login = service.log_in("grace@example.com", "kumquat lantern orbit", HERE)
    grace = open_session(service, login.token)

    with pytest.raises(PasskeyRefused):
        add(service, login.token, device)
    device.handle = open_session(service, device.token).user.id.encode()
    ceremony = rules.ask(service, HERE)
    with pytest.raises(PasskeyRefused):
        rules.confirm(service, grace, ceremony, device.get(ceremony.options), HERE)
    (listed,) = rules.list_passkeys(service, open_session(service, device.token))
    rules.remove(service, grace, listed.id)

    assert len(rules.list_passkeys(service, open_session(service, device.token))) == 1


def test_a_passkey_that_is_refused_in_a_session_is_recorded(
    service: AuthService, device: Device
) -> None:
    """LG-1, SF-4: as a wrong password at step-up is."""
    session, ceremony = open_session(service, device.token), rules.ask(service, HERE)

    with pytest.raises(PasskeyRefused):
        rules.confirm(service, session, ceremony, "{}", HERE)

    assert events(service, Event.PASSKEY_REFUSED) == 1


def test_adding_and_removing_needs_the_password_again(
    service: AuthService, device: Device, clock: Clock
) -> None:
    """SF-5, ASVS 7.5.1: a stolen cookie changes nothing."""
    clock.advance(RECENT)
    session = open_session(service, device.token)
    (listed,) = rules.list_passkeys(service, session)

    with pytest.raises(PasswordNeeded):
        add(service, device.token, Device(device.origin))
    with pytest.raises(PasswordNeeded):
        rules.remove(service, session, listed.id)


def test_a_passkey_that_is_removed_meanwhile_opens_nothing(
    service: AuthService, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SF-4: its answer has counted, and then its owner removes it."""
    owner = open_session(service, device.token)

    def meanwhile(*given: Any) -> bool:
        rules.remove(service, owner, device_id(service, owner))
        return may_enter(*given)

    monkeypatch.setattr(rules, "may_enter", meanwhile)
    with pytest.raises(SessionOver):
        log_in(service, device.get)


def test_an_account_has_a_bounded_number_of_passkeys(
    service: AuthService, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-2: nobody fills the table."""
    monkeypatch.setattr(rules, "MOST", 2)
    for _ in range(2):
        token = add(service, token, Device(service.settings.site.origin))

    with pytest.raises(TooManyPasskeys):
        add(service, token, Device(service.settings.site.origin))


def test_an_account_without_a_password_keeps_its_last_passkey(
    service: AuthService, ada: Person, device: Device
) -> None:
    """SF-5: it logs in with that alone."""
    change(service, ada, password_hash=None)
    session = log_in(service, device.get)
    (listed,) = rules.list_passkeys(service, session)

    with pytest.raises(LastWayIn):
        rules.remove(service, session, listed.id)

    assert log_in(service, device.get)


def test_a_passkey_alone_chooses_a_password_again_or_deletes_the_account(
    service: AuthService, ada: Person, device: Device, clock: Clock
) -> None:
    """SF-5, AC-1, AC-6: while it was used recently; nothing can be typed instead."""
    session = without_password(service, device)
    clock.advance(RECENT)
    for change in (
        lambda: rules.remove_password(service, session, HERE),
        lambda: change_password(service, session, "", ada.password),
        lambda: delete_account(service, session, ada.password),
    ):
        with pytest.raises(PasswordNeeded):
            change()

    change_password(service, log_in(service, device.get), "", ada.password)
    assert service.log_in(ada.email, ada.password, HERE)

    delete_account(service, without_password(service, device), "")
    with pytest.raises(PasskeyRefused):
        log_in(service, device.get)


def without_password(service: AuthService, device: Device) -> Session:
    """Remove the password of the device's owner and return the session that goes on."""
    login = rules.remove_password(service, log_in(service, device.get), HERE)
    return open_session(service, login.token)


def test_no_password_is_removed_for_passkeys_that_work_elsewhere(
    service: AuthService, ada: Person, device: Device
) -> None:
    """SF-5: one of an earlier host is no way in, here or for a removal."""
    first = log_in(service, device.get)
    session = open_session(service, add(service, service.login(first).token, Device(device.origin)))
    with service.write() as connection:
        connection.execute(update(Passkey).values(host="app.example.com"))

    with pytest.raises(PasskeyFirst):
        rules.remove_password(service, session, HERE)
    change(service, ada, password_hash=None)
    with pytest.raises(LastWayIn):
        rules.remove(service, session, device_id(service, session))


def device_id(service: AuthService, session: Session) -> str:
    """Return the id of a passkey of the session's user."""
    return rules.list_passkeys(service, session)[0].id


def test_a_passkey_turns_a_lost_app_off(
    service: AuthService, ada: Person, device: Device, clock: Clock
) -> None:
    """SF-5: a factor, where the password alone is not enough."""
    App(service, open_session(service, device.token), clock)

    session = log_in(service, device.get)
    login = turn_off(service, session, "", HERE)

    assert service.log_in(ada.email, ada.password, HERE)
    assert open_session(service, login.token).two_factors  # the passkey has shown two


def test_a_password_typed_again_adds_no_passkey_beside_an_app(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """SF-5: it would turn the app off; a log-in with a code adds one."""
    app = App(service, open_session(service, token), clock)
    clock.advance(RECENT)
    typed = confirm_password(service, app.session, ada.password).token
    with pytest.raises(CodeFirst):
        add(service, typed, Device(service.settings.site.origin))

    login = log_in_with_code(service, challenge(service, ada), app.code(), LAPTOP)

    assert add(service, login.token, Device(service.settings.site.origin))


def test_a_password_typed_for_a_change_is_no_passkey(
    service: AuthService, ada: Person, device: Device, clock: Clock
) -> None:
    """SF-5: in a session that a passkey opened an hour ago, it removes neither app nor password."""
    App(service, open_session(service, device.token), clock)
    session = log_in(service, device.get)
    clock.advance(timedelta(hours=1))

    login = change_password(service, session, ada.password, NEW)

    changed = open_session(service, login.token)
    with pytest.raises(CodeRefused):
        turn_off(service, changed, "", HERE)
    with pytest.raises(PasskeyFirst):
        rules.remove_password(service, changed, HERE)


def test_a_passkey_is_enough_where_two_factors_are_required(
    database: Database, service: AuthService, device: Device, clock: Clock
) -> None:
    """SF-1: no code after it."""
    settings = make_settings(two_factor="required")
    strict = AuthService(database, settings, features=FEATURES, clock=clock)

    assert log_in(strict, device.get).is_open


def test_a_password_alone_opens_no_account_that_has_a_passkey(
    database: Database, service: AuthService, ada: Person, device: Device, clock: Clock
) -> None:
    """SF-1: where two are required, whoever has the password sets up no app of their own."""
    settings = make_settings(two_factor="required")
    strict = AuthService(database, settings, features=FEATURES, clock=clock)
    asked = challenge(strict, ada, HERE)
    pending = find_challenge(strict, asked, HERE)
    assert pending

    with pytest.raises(OtherFactorNeeded):
        needs_set_up(strict, pending)
    with pytest.raises(OtherFactorNeeded):
        typed = code(secret_of(key_for_challenge(strict, pending)), clock)
        set_up_at_log_in(strict, asked, typed, HERE)
    assert log_in(strict, device.get).is_open


def test_an_operator_removes_lost_passkeys_by_command(
    service: AuthService, device: Device, letterbox: Letterbox, ada: Person
) -> None:
    """SF-5: `python -m auth passkeys-off`; the sessions that they began end."""
    began = service.login(log_in(service, device.get)).token

    def run() -> str:
        line = ("passkeys-off", ada.email)
        return CliRunner().invoke(main, line, obj=lambda: nullcontext(service)).output

    assert [run(), run()] == ["The passkeys are removed.\n", "There was no passkey.\n"]

    assert service.resume(began) is None
    assert events(service, Event.PASSKEY_REMOVED) == 1
    assert any("passkey was removed" in mail.subject for mail in letterbox.to(ada.email))
    with pytest.raises(PasskeyRefused):
        log_in(service, device.get)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://localhost:8501", ""),
        ("https://app.example.com", ""),
        ("http://app.example.com", "need https"),
        ("https://192.0.2.7", "need a name"),
        ("http://127.0.0.1:8501", "need a name"),
        ("https://[2001:db8::1]", "need a name"),
    ],
)
def test_where_browsers_refuse_passkeys_the_start_says_why(
    database: Database, url: str, reason: str
) -> None:
    """SF-4: and no page offers them."""
    service = AuthService(database, make_settings(base_url=url), features=FEATURES)

    said = " ".join(rules.warnings(service))
    assert bool(said) == bool(reason) == bool(unsupported_reason(service.settings))
    assert reason in said


def test_passkeys_of_an_earlier_host_are_named_at_the_start(
    database: Database, service: AuthService, device: Device, clock: Clock
) -> None:
    """SF-4: they never work at the new one."""
    settings = make_settings(base_url="https://app.example.com")
    moved = AuthService(database, settings, features=FEATURES, clock=clock)

    assert "made at localhost" in " ".join(rules.warnings(moved))
    device.origin = "https://app.example.com"
    with pytest.raises(PasskeyRefused):
        log_in(moved, device.get)


def test_an_attackers_passkey_goes_when_the_old_email_is_kept(
    service: AuthService, ada: Person, device: Device, letterbox: Letterbox
) -> None:
    """AC-3: who changed the email may have added a passkey, which no new password would end."""
    other = "eve@evil.example.com"
    change_email(service, open_session(service, device.token), other)
    confirm_email(
        service,
        letterbox.link(other, "verify-email"),
        LAPTOP,
        session=service.session(device.token, trusted=True),
    )

    keep_email(service, letterbox.link(ada.email, "keep-email"), LAPTOP)

    with pytest.raises(PasskeyRefused):
        log_in(service, device.get)
    assert events(service, Event.PASSKEY_REMOVED) == 1
    assert "passkeys_removed" in [mail.kind for mail in letterbox.to(ada.email)]


def test_what_a_stranger_planted_goes_when_the_owner_takes_the_account(
    service: AuthService,
    ada: Person,
    device: Device,
    clock: Clock,
    letterbox: Letterbox,
) -> None:
    """RS-4, SF-4: until it is confirmed, an account may be a stranger's."""
    App(service, open_session(service, device.token), clock)
    request_reset(service, ada.email, LAPTOP)

    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)

    assert open_session(
        service, service.log_in(ada.email, NEW, LAPTOP).token
    )  # no code is asked for
    with pytest.raises(PasskeyRefused):
        log_in(service, device.get)


def test_the_owner_is_told_which_factors_a_reset_removed(
    service: AuthService,
    ada: Person,
    device: Device,
    clock: Clock,
    letterbox: Letterbox,
) -> None:
    """SF-5: an account that was never confirmed may still be the owner's, factors and all."""
    App(service, open_session(service, device.token), clock)
    request_reset(service, ada.email, LAPTOP)
    reset = letterbox.link(ada.email, "reset-password")
    before = len(letterbox.to(ada.email))

    reset_password(service, reset, NEW, LAPTOP)

    told = {mail.kind for mail in letterbox.to(ada.email)[before:]}
    assert told == {"password_changed", "passkeys_removed", "two_factor_off"}


def test_a_reset_of_a_confirmed_account_leaves_its_factors(
    service: AuthService, ada: Person, device: Device, letterbox: Letterbox
) -> None:
    """SF-4, SF-5: whoever reads the mailbox may not be the owner."""
    verify(service, ada.id)
    request_reset(service, ada.email, LAPTOP)

    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)

    assert log_in(service, device.get).two_factors
