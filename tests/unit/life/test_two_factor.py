"""Two factors, in depth: RFC vectors, races, limits, keys, and every order of events."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import func, select

from auth import administration, log_in, stages
from auth import challenge as challenges
from auth.__main__ import main
from auth.administration import disable
from auth.audit import Event
from auth.challenge import find_challenge, void_challenges
from auth.errors import (
    AuthError,
    PasswordNeeded,
    SessionOver,
    StepNeeded,
    StepOver,
    TooMany,
)
from auth.hand_off import end_reason
from auth.keys import KeyRing
from auth.passwords import hash_password
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import EndReason, Session, end_session
from auth.step_up import RECENT, confirm_password
from auth.users import Login, set_password
from db.engine import Database
from db.models import AuditEvent
from features import FEATURES
from features.devices import rules as devices
from features.email_change.rules import change_email, keep_email
from features.email_verification.rules import confirm_email
from features.password_reset.rules import reset_password
from features.two_factor import codes, rules
from features.two_factor.tables import Authenticator, RecoveryCode, TrustedDevice
from features.two_factor.test_two_factor import App, challenge, code, secret_of
from features.two_factor.words import CodeRefused
from settings import SettingsError
from tests.fixtures import (
    LAPTOP,
    Clock,
    Letterbox,
    Person,
    make_settings,
    meet,
    open_session,
)
from web.start import check_features

CAFE = replace(LAPTOP, ip="198.51.100.9")
NEXT = timedelta(seconds=codes.PERIOD)
NEW = "kumquat lantern orbit seven"


@pytest.fixture
def session(service: AuthService, ada: Person) -> Session:
    """A session of Ada's."""
    return open_session(service, service.log_in(ada.email, ada.password, LAPTOP).token)


@pytest.fixture
def app(service: AuthService, session: Session, clock: Clock) -> App:
    """Ada's app."""
    return App(service, session, clock)


@pytest.fixture
def strict(database: Database, clock: Clock, letterbox: Letterbox) -> AuthService:
    """The same app, as its operator requires two factors from now on."""
    settings = make_settings(two_factor="required")
    return AuthService(
        database, settings, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_pass(moment: int, expected: str) -> None:
    """SF-2: its appendix B, SHA-1."""
    assert codes.code_at(b"12345678901234567890", moment // codes.PERIOD, digits=8) == expected


def test_the_vectors_of_rfc_4226_pass() -> None:
    """SF-2: its appendix D."""
    made = [codes.code_at(b"12345678901234567890", count) for count in range(10)]

    assert made == [
        *("755224", "287082", "359152", "969429", "338314"),
        *("254676", "287922", "162583", "399871", "520489"),
    ]


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "١٢٣٤٥٦", "12a456", "1" * 1_000_000])
def test_what_is_no_code_is_none(typed: str) -> None:
    """SF-2: of any length and script."""
    assert codes.step_of(b"x" * 20, typed, datetime(2026, 3, 14, tzinfo=UTC)) is None


def test_a_code_counts_one_step_early_and_one_late_and_no_more() -> None:
    """SF-2: clocks differ."""
    now, secret = datetime(2026, 3, 14, 12, 0, 15, tzinfo=UTC), b"12345678901234567890"
    step = int(now.timestamp()) // codes.PERIOD

    found = [codes.step_of(secret, codes.code_at(secret, step + off), now) for off in range(-2, 3)]

    assert found == [None, step - 1, step, step + 1, None]


def test_of_forty_that_use_one_code_one_wins(service: AuthService, ada: Person, app: App) -> None:
    """SF-2, TH-3: a step counts once, in one atomic write, and no earlier one after it."""
    typed = app.code()

    def attempt(_: int) -> bool:
        return rules._use_code(service, ada.id, typed, LAPTOP)

    with ThreadPoolExecutor(40) as threads:
        assert sum(threads.map(attempt, range(40))) == 1
    app.clock.advance(-NEXT)
    assert not rules._use_code(service, ada.id, code(app.secret, app.clock), LAPTOP)


def test_wrong_codes_make_the_account_wait_and_are_reported(
    service: AuthService, ada: Person, app: App, letterbox: Letterbox
) -> None:
    """SF-2, TH-4: five, then even a correct one; the owner's known network has its own count."""
    token = challenge(service, ada, CAFE)
    for _ in range(rules.CODE_ACCOUNT.free):
        with pytest.raises(CodeRefused):
            rules.log_in_with_code(service, token, "000000", CAFE)

    with pytest.raises(TooMany):
        rules.log_in_with_code(service, token, code(app.secret, app.clock), CAFE)

    assert "knows your password" in letterbox.to(ada.email)[-1].subject
    owner = challenge(service, ada)
    assert rules.log_in_with_code(service, owner, app.code(), LAPTOP)


def test_wrong_codes_are_counted_for_their_network_too(
    service: AuthService,
    ada: Person,
    app: App,
    letterbox: Letterbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SF-2, TH-2: an attacker with many passwords has no five attempts at each account.

    That a network is full says nothing of the account, whose owner isn't told of several.
    """
    monkeypatch.setattr(rules, "CODE_NETWORK", replace(rules.CODE_NETWORK, free=3))
    token = challenge(service, ada, CAFE)
    for _ in range(3):
        with pytest.raises(CodeRefused):
            rules.log_in_with_code(service, token, "000000", CAFE)

    with pytest.raises(TooMany):
        rules.log_in_with_code(service, token, "000000", CAFE)
    assert not any("knows your password" in mail.subject for mail in letterbox.to(ada.email))


def test_a_challenge_is_over_after_five_minutes_and_with_the_account(
    service: AuthService, ada: Person, app: App
) -> None:
    """SF-1: a code doesn't help any more."""
    token = challenge(service, ada)
    app.clock.advance(timedelta(minutes=5))
    with pytest.raises(StepOver):
        rules.log_in_with_code(service, token, app.code(), LAPTOP)

    token = challenge(service, ada)
    disable(service, ada.id)
    with pytest.raises(StepOver):
        rules.log_in_with_code(service, token, app.code(), LAPTOP)


@pytest.mark.parametrize(
    "end",
    [
        lambda service, app, ada: app.clock.advance(rules.TRUSTED),
        lambda service, app, ada: new_password(service, ada),
        lambda service, app, ada: rules.turn_off_for(service, ada.id),
    ],
    ids=["thirty days", "a new password", "another app"],
)
def test_the_trust_in_a_device_ends(
    service: AuthService,
    ada: Person,
    app: App,
    end: Callable[[AuthService, App, Person], object],
) -> None:
    """SF-6: by itself, with the password, and with the app; a copy of the database has no token."""
    token = challenge(service, ada)
    login = rules.log_in_with_code(service, token, app.code(), LAPTOP, trust=True)
    sent = rules.device_token(service, login)
    assert sent
    trusted = replace(LAPTOP, device=sent.value)
    assert service.log_in(ada.email, ada.password, trusted)
    with service.read() as connection:
        assert sent.value not in connection.execute(select(TrustedDevice.hash)).scalars().all()

    end(service, app, ada)

    with service.read() as connection:
        if connection.scalar(select(Authenticator.user_id)) is None:  # another app takes its place
            begun = service.log_in(ada.email, ada.password, LAPTOP).token
            App(service, open_session(service, begun), app.clock)
    assert challenge(service, ada, trusted)


def new_password(service: AuthService, ada: Person) -> None:
    """Store the same password as a new one."""
    with service.write() as connection:
        set_password(connection, ada.id, hash_password(ada.password, service.scheme))


def test_a_database_alone_yields_no_code(
    service: AuthService, ada: Person, app: App, database: Database
) -> None:
    """SF-2, SF-3: the secret is encrypted for its row, and recovery codes are hashes."""
    with database.read() as connection:
        sealed = connection.scalar(select(Authenticator.secret))
        hashes = connection.execute(select(RecoveryCode.hash)).scalars().all()

    ring = KeyRing.of(service.settings.keys, purpose="authenticator secrets")
    assert sealed and app.secret.hex() not in sealed
    assert codes.unseal(ring, sealed, ada.id) == app.secret
    assert codes.unseal(ring, sealed, "another row") is None
    assert codes.unseal(ring, sealed[:-4] + "AAA=", ada.id) is None
    assert not {codes.recovery_hash(made) for made in app.recovery_codes} - set(hashes)
    assert not set(app.recovery_codes) & set(hashes)


def test_secrets_follow_the_key_when_it_is_rotated(
    service: AuthService, ada: Person, app: App, database: Database, clock: Clock
) -> None:
    """SF-2, JWT-8: the old key goes once `python -m auth rotate` has run."""
    old, new = service.settings.secret_key, SecretStr(secrets.token_urlsafe(32))
    both = make_settings(secret_key=new, secret_key_fallbacks=(old,))
    rotating = AuthService(database, both, features=FEATURES, clock=clock)
    assert rules.log_in_with_code(rotating, challenge(rotating, ada), app.code(), LAPTOP)

    assert [rules.rotate(rotating), rules.rotate(rotating)] == [1, 0]

    alone = make_settings(secret_key=new)
    after = AuthService(database, alone, features=FEATURES, clock=clock)
    assert rules.log_in_with_code(after, challenge(after, ada), app.code(), LAPTOP)
    with pytest.raises(CodeRefused):
        rules.log_in_with_code(service, challenge(service, ada), app.code(), LAPTOP)


def test_without_the_key_an_app_is_lost_and_its_recovery_codes_are_not(
    service: AuthService, ada: Person, app: App, database: Database, clock: Clock
) -> None:
    """SF-2, SF-3: as docs/how-it-works.md says of a lost key."""
    lost = make_settings(secret_key=SecretStr(secrets.token_urlsafe(32)))
    after = AuthService(database, lost, features=FEATURES, clock=clock)

    with pytest.raises(CodeRefused):
        rules.log_in_with_code(after, challenge(after, ada), app.code(), LAPTOP)
    asked, written_down = challenge(after, ada), app.recovery_codes[0]
    assert rules.log_in_with_code(after, asked, written_down, LAPTOP, recovery=True)


def test_changing_factors_needs_the_password_again(
    service: AuthService, app: App, clock: Clock
) -> None:
    """SF-5, ASVS 7.5.1: a stolen cookie changes nothing."""
    clock.advance(RECENT)

    for change in (
        lambda: rules.set_up(service, app.session, app.code(), LAPTOP),
        lambda: rules.turn_off(service, app.session, app.code(), LAPTOP),
        lambda: rules.renew_recovery_codes(service, app.session, app.code(), LAPTOP),
    ):
        with pytest.raises(PasswordNeeded):
            change()


def test_new_recovery_codes_replace_the_old(
    service: AuthService, ada: Person, app: App, letterbox: Letterbox
) -> None:
    """SF-3: and the owner is told."""
    made = rules.renew_recovery_codes(service, app.session, app.code(), LAPTOP)

    assert "New recovery codes" in letterbox.to(ada.email)[-1].subject
    token = challenge(service, ada)
    with pytest.raises(AuthError):
        rules.log_in_with_code(service, token, app.recovery_codes[0], LAPTOP, recovery=True)
    assert rules.log_in_with_code(service, token, made[0], LAPTOP, recovery=True)


def test_a_password_makes_no_recovery_codes(service: AuthService, ada: Person, app: App) -> None:
    """SF-5: each of them turns the app off; one of the old ones is a factor."""
    app.clock.advance(RECENT)
    login = confirm_password(service, app.session, ada.password)
    session, recovery_code = open_session(service, login.token), app.recovery_codes[0]

    with pytest.raises(CodeRefused):
        rules.renew_recovery_codes(service, session, ada.password, LAPTOP)
    assert rules.state(service, session).recovery_codes == codes.RECOVERY_CODES

    assert rules.renew_recovery_codes(service, session, recovery_code, LAPTOP, recovery=True)


def test_an_app_in_use_is_replaced_by_no_set_up(
    service: AuthService, ada: Person, app: App
) -> None:
    """SF-5: neither in a session nor by a log-in that has only the password."""
    with pytest.raises(StepOver):
        typed = code(secret_of(rules.key_for_session(service, app.session)), app.clock)
        rules.set_up(service, app.session, typed, LAPTOP)

    token = challenge(service, ada)
    pending = find_challenge(service, token, LAPTOP)
    assert pending
    with pytest.raises(StepOver):
        typed = code(secret_of(rules.key_for_challenge(service, pending)), app.clock)
        rules.set_up_at_log_in(service, token, typed, LAPTOP)
    assert not open_session_of(service, ada)


def open_session_of(service: AuthService, ada: Person) -> list[Session]:
    """Return Ada's open sessions that began with one factor."""
    with service.read() as connection:
        found = service.sessions.of_user(connection, ada.id, service.now())
    return [each for each in found if not each.two_factors]


def test_where_two_factors_are_required_no_session_begins_before_the_set_up(
    strict: AuthService, ada: Person, session: Session, clock: Clock, letterbox: Letterbox
) -> None:
    """SF-1: sessions from before are refused on their next run, and by every verb."""
    ended = strict.session(session_token(strict, session), trusted=True)
    assert ended and ended.end_reason is EndReason.ONE_FACTOR
    with pytest.raises(SessionOver), strict.write_as(session):
        pass
    token = challenge(strict, ada)
    pending = find_challenge(strict, token, LAPTOP)
    assert pending and rules.needs_set_up(strict, pending)
    secret = secret_of(rules.key_for_challenge(strict, pending))
    with pytest.raises(CodeRefused):
        rules.set_up_at_log_in(strict, token, "000000", LAPTOP)

    login, made = rules.set_up_at_log_in(strict, token, code(secret, clock), LAPTOP)

    assert open_session(strict, login.token).two_factors
    assert len(made) == codes.RECOVERY_CODES
    assert "authentication is on" in letterbox.to(ada.email)[-1].subject


@pytest.mark.parametrize("end", ["a new password", "another password typed", "disabled"])
def test_a_challenge_that_ends_meanwhile_sets_nothing_up(
    strict: AuthService, ada: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """SF-1: the set-up keeps its challenge past a change of its own, past no other one."""
    here = replace(LAPTOP, browser="a nonce")
    token = challenge(strict, ada, here)
    pending = find_challenge(strict, token, here)
    assert pending
    typed = code(secret_of(rules.key_for_challenge(strict, pending)), clock)
    step_of = codes.step_of

    def meanwhile(secret: bytes, typed: str, now: datetime) -> int | None:
        if end == "a new password":
            new_password(strict, ada)
        elif end == "disabled":
            disable(strict, ada.id)
        else:
            void_challenges(strict, here)
        return step_of(secret, typed, now)

    monkeypatch.setattr(codes, "step_of", meanwhile)
    with pytest.raises(StepOver):
        rules.set_up_at_log_in(strict, token, typed, here)

    with strict.read() as connection:
        assert connection.scalar(select(Authenticator.user_id)) is None


def test_a_role_can_require_it_and_the_next_run_does(
    database: Database, ada: Person, session: Session, clock: Clock, service: AuthService
) -> None:
    """SF-1, RO-1: an admin needs two where others may choose."""
    settings = make_settings(two_factor_required_for=("admin",))
    careful = AuthService(database, settings, features=FEATURES, clock=clock)
    token = session_token(careful, session)
    assert careful.resume(token)

    administration.grant(careful, ada.id, Role.ADMIN)

    assert careful.resume(token) is None
    assert challenge(careful, ada)


@pytest.mark.parametrize("end", [end_reason, AuthService.log_out])
def test_a_session_that_shows_too_little_ends_for_good(
    database: Database,
    ada: Person,
    session: Session,
    clock: Clock,
    end: Callable[[AuthService, str], object],
) -> None:
    """SF-1, SE-5: at the page that says so, and by log-out; the role may be taken again."""
    settings = make_settings(two_factor_required_for=("admin",))
    careful = AuthService(database, settings, features=FEATURES, clock=clock)
    token = session_token(careful, session)
    administration.grant(careful, ada.id, Role.ADMIN)
    bob = careful.sign_up("bob@example.com", ada.password)
    administration.grant(careful, bob.id, Role.ADMIN)

    end(careful, token)
    administration.revoke(careful, ada.id, Role.ADMIN)

    assert careful.resume(token) is None


def session_token(service: AuthService, session: Session) -> str:
    """Return the token of *session*."""
    return service.login(session).token


def test_switched_off_it_asks_for_nothing(
    service: AuthService, ada: Person, app: App, database: Database, clock: Clock
) -> None:
    """SF-1: an operator's choice, also for users who have set it up."""
    off = AuthService(database, make_settings(two_factor="off"), features=FEATURES, clock=clock)

    assert off.log_in(ada.email, ada.password, LAPTOP)


def test_what_began_while_it_was_off_ends_when_it_is_on_again(
    service: AuthService, ada: Person, app: App, database: Database, clock: Clock
) -> None:
    """SF-1: of users with an app; who has none, or has shown a code, stays logged in."""
    off = AuthService(database, make_settings(two_factor="off"), features=FEATURES, clock=clock)
    begun = off.log_in(ada.email, ada.password, LAPTOP).token
    grace = off.sign_up("grace@example.com", ada.password, "Grace")
    others = [session_token(off, app.session), off.log_in(grace.email, ada.password, CAFE).token]
    assert not rules.at_start(off)
    assert service.resume(begun)

    said = "Sessions that began while TWO_FACTOR was off, and ended now: 1."
    assert said in rules.at_start(service)

    ended = service.session(begun)
    assert ended and ended.end_reason is EndReason.ONE_FACTOR
    assert all(service.resume(token) for token in others)
    assert not rules.at_start(service)


def test_what_ends_at_the_start_and_from_another_device_is_waited_for_in_one_order(
    service: AuthService,
    ada: Person,
    app: App,
    database: Database,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DB-3: a process that starts, and the one before it, which still answers."""
    off = AuthService(database, make_settings(two_factor="off"), features=FEATURES, clock=clock)
    begun, together = [], Barrier(2)
    for _ in range(3):
        clock.advance(NEXT)
        begun.append(open_session(off, off.log_in(ada.email, ada.password, LAPTOP).token))

    def ended(*given: Any) -> bool:
        done = end_session(*given)
        meet(together)
        return done

    monkeypatch.setattr(rules, "end_session", ended)
    monkeypatch.setattr(devices, "end_session", ended)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(rules.at_start, service)
        other = pool.submit(devices.revoke_other_sessions, off, begun[-1])

        assert one.result()
        assert other.exception() is None or isinstance(other.exception(), SessionOver)


def test_what_a_set_up_has_ended_did_not_begin_while_it_was_off(
    service: AuthService, ada: Person, session: Session, clock: Clock
) -> None:
    """LG-1: nothing is logged at the next start, and its page still says why it ended."""
    begun = service.log_in(ada.email, ada.password, CAFE).token
    App(service, session, clock)

    assert not rules.at_start(service)

    ended = service.session(begun)
    assert ended and ended.end_reason is EndReason.CHANGED


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"two_factor_required_for": ("king",)}, r"has unknown roles \(king\)"),
        ({"two_factor": "required"}, "the feature that asks for it was removed"),
        ({"two_factor_required_for": ("admin",)}, "the feature that asks for it was removed"),
        ({"sign_up": "invited"}, "the feature that sends invitations was removed"),
    ],
)
def test_a_requirement_that_cannot_be_kept_stops_the_start(
    settings: dict[str, object], reason: str
) -> None:
    """SF-1: it never opens the app with one factor instead."""
    features = FEATURES if "king" in reason else ()

    with pytest.raises(SettingsError, match=reason):
        check_features(make_settings(**settings), features)


def test_short_passwords_alone_are_named_at_the_start() -> None:
    """PW-1: eight characters are enough only where a second factor is required."""
    for settings, lines in (
        ({}, 0),
        ({"password_min_length": 8}, 1),
        ({"password_min_length": 8, "two_factor": "required"}, 0),
    ):
        assert len(rules.warnings(make_settings(**settings))) == lines


def test_an_operator_removes_a_lost_factor_and_encrypts_anew_by_command(
    service: AuthService, ada: Person, app: App
) -> None:
    """SF-5, SF-2: `python -m auth two-factor-off` and `rotate`; without an app, nothing happens."""

    def run(*line: str) -> str:
        return CliRunner().invoke(main, line, obj=lambda: nullcontext(service)).output

    assert run("rotate") == "0 secrets encrypted anew.\n"
    assert "is off" in run("two-factor-off", ada.email)
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    assert "off already" in run("two-factor-off", ada.email)
    assert service.resume(token)
    assert events(service, Event.FACTOR_REMOVED) == 1


def events(service: AuthService, event: Event) -> int:
    """Return how often *event* was recorded."""
    counted = select(func.count()).where(AuditEvent.event == event.value)
    with service.read() as connection:
        return connection.scalar(counted) or 0


def test_trust_in_a_device_is_recorded(service: AuthService, ada: Person, app: App) -> None:
    """LG-1, SF-6: when it begins, and when its user ends it, once."""
    token = challenge(service, ada)
    login = rules.log_in_with_code(service, token, app.code(), LAPTOP, trust=True)
    assert rules.device_token(service, login)
    session = open_session(service, login.token)
    (device,) = rules.trusted_devices(service, session)

    for _ in range(2):
        rules.end_trust(service, session, device.id)

    assert events(service, Event.DEVICE_TRUSTED) == events(service, Event.DEVICE_TRUST_ENDED) == 1


def test_the_device_of_an_account_that_is_deleted_just_after_its_log_in_is_not_trusted(
    service: AuthService, ada: Person, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-5: the database's refusal of a device of nobody is no fault to report."""

    def deleted(*given: Any) -> Login:
        login = stages.pass_stage(*given)
        administration.delete_account(service, ada.id)
        return login

    monkeypatch.setattr(rules, "pass_stage", deleted)
    token = challenge(service, ada)

    login = rules.log_in_with_code(service, token, app.code(), LAPTOP, trust=True)

    assert service.resume(login.token) is None
    assert not events(service, Event.DEVICE_TRUSTED)


def test_a_code_and_the_password_again_at_once_wait_for_each_other_in_one_order(
    service: AuthService, ada: Person, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DB-3: neither fails where PostgreSQL ends a deadlock, also for two tabs of one browser."""
    browser, together, use = replace(LAPTOP, browser="nonce"), Barrier(2), challenges.use_challenge
    token = challenge(service, ada, browser)

    def made(size: int) -> str:  # between the end of the earlier challenge and the new one
        meet(together)
        return secrets.token_urlsafe(size)

    def used(*given: Any) -> bool:  # between the account and its challenge
        meet(together)
        return use(*given)

    monkeypatch.setattr(challenges, "secrets", SimpleNamespace(token_urlsafe=made))
    monkeypatch.setattr(stages, "use_challenge", used)
    monkeypatch.setattr(log_in, "void_challenges", Mock())  # it looked before that one was made
    with ThreadPoolExecutor(2) as pool:
        again = pool.submit(service.log_in, ada.email, ada.password, browser)
        entered = pool.submit(rules.log_in_with_code, service, token, app.code(), browser)
        refused = again.exception(), entered.exception()

    assert isinstance(refused[0], StepNeeded | None)
    assert isinstance(refused[1], StepOver | None)


def test_of_two_renewals_at_once_ten_codes_are_left(
    service: AuthService, ada: Person, app: App
) -> None:
    """SF-3: on PostgreSQL, where two transactions may write at the same time."""
    session, begin = app.session._replace(by_passkey=True), Barrier(2)  # which need no code

    def renew() -> list[str]:
        begin.wait()
        return rules.renew_recovery_codes(service, session, "", LAPTOP)

    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            [each.result() for each in [pool.submit(renew) for _ in range(2)]]

            with service.read() as connection:
                of_ada = RecoveryCode.user_id == ada.id
                count = select(func.count()).select_from(RecoveryCode).where(of_ada)
                assert connection.scalar(count) == codes.RECOVERY_CODES


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_app_of_before_the_old_email_was_ever_confirmed_goes_with_an_objection(
    service: AuthService,
    ada: Person,
    token: str,
    clock: Clock,
    letterbox: Letterbox,
    confirmed: bool,
) -> None:
    """TH-4: a stranger signed up with it, added an app, and moved on to their own email."""
    if confirmed:
        administration.verify(service, ada.id)
    app = App(service, open_session(service, token), clock)
    change_email(service, app.session, "eve@example.com")
    link = letterbox.link("eve@example.com", "verify-email")
    confirm_email(service, link, LAPTOP, session=app.session)

    keep_email(service, letterbox.link(ada.email, "keep-email"), LAPTOP)
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)

    if confirmed:
        with pytest.raises(StepNeeded):
            service.log_in(ada.email, NEW, LAPTOP)
    else:
        assert service.log_in(ada.email, NEW, LAPTOP)
