"""Your devices: a user's own sessions, listed, and ended after the password was typed again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from auth.errors import LogInRefused, PasswordNeeded, SessionOver, TooMany, WrongPassword
from auth.hand_off import end_reason, refresh
from auth.limits import MOST_FAILURES, PASSWORD_AGAIN
from auth.rotation import OVERLAP, ROTATE_EVERY
from auth.service import AuthService
from auth.sessions import MAX_PER_USER, Client, EndReason, Session
from auth.step_up import RECENT, confirm_password, recently_authenticated
from features.devices.rules import list_sessions, revoke_other_sessions, revoke_session
from tests.fixtures import LAPTOP, Clock, Person, meet, open_session

PHONE = Client(ip="2001:db8::1", user_agent="Phone")
THIEF = Client(ip="198.51.100.66", user_agent="Thief")


@pytest.fixture
def grace(service: AuthService) -> Person:
    """Grace, who has an account too."""
    password = "nanoseconds on a wire of copper"
    user = service.sign_up("grace@example.com", password, "Grace Hopper")
    return Person(user.id, user.email, password)


def test_a_user_sees_every_session_of_their_own(service: AuthService, ada: Person) -> None:
    """SE-7: which browser, from where, since when."""
    service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(ada.email, ada.password, PHONE).token

    sessions = list_sessions(service, open_session(service, token))

    assert {(session.user_agent, session.ip) for session in sessions} == {
        (LAPTOP.user_agent, LAPTOP.ip),
        (PHONE.user_agent, PHONE.ip),
    }


def test_no_user_sees_the_sessions_of_another(
    service: AuthService, ada: Person, grace: Person
) -> None:
    """SE-7: the list has only the requesting user's."""
    service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(grace.email, grace.password, PHONE).token

    sessions = list_sessions(service, open_session(service, token))

    assert [session.user.email for session in sessions] == [grace.email]


def test_ending_a_session_needs_the_password_typed_again(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-7: having logged in long ago is not enough: a stolen session must not end the owner's."""
    other = service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(ada.email, ada.password, PHONE).token
    clock.advance(RECENT)

    with pytest.raises(PasswordNeeded):
        revoke_other_sessions(service, open_session(service, token))

    assert service.resume(other.token) is not None


def test_ending_one_session_leaves_the_rest(service: AuthService, ada: Person) -> None:
    """SE-7: one ends, with its reason."""
    first = service.log_in(ada.email, ada.password, LAPTOP)
    second = service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(ada.email, ada.password, PHONE).token
    token = confirm_password(service, open_session(service, token), ada.password).token
    chosen = service.session(first.token)
    assert chosen is not None

    revoke_session(service, open_session(service, token), chosen.id)

    assert end_reason(service, first.token) is EndReason.ENDED
    assert service.resume(second.token) is not None
    assert service.resume(token) is not None


def test_ending_all_others_leaves_this_one(service: AuthService, ada: Person) -> None:
    """SE-7: this device stays signed in."""
    others = [service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(3)]
    token = service.log_in(ada.email, ada.password, PHONE).token
    token = confirm_password(service, open_session(service, token), ada.password).token

    revoke_other_sessions(service, open_session(service, token))

    assert [service.resume(other) for other in others] == [None] * 3
    assert service.resume(token) is not None


def test_no_user_can_end_the_session_of_another(
    service: AuthService, ada: Person, grace: Person
) -> None:
    """SE-7: another user's session id ends nothing."""
    hers = service.log_in(ada.email, ada.password, LAPTOP).token
    target = service.session(hers)
    token = service.log_in(grace.email, grace.password, PHONE).token
    token = confirm_password(service, open_session(service, token), grace.password).token
    assert target is not None

    revoke_session(service, open_session(service, token), target.id)

    assert service.resume(hers) is not None


def test_a_wrong_password_confirms_nothing(service: AuthService, ada: Person, clock: Clock) -> None:
    """AC-1: another person may sit at this tab."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    clock.advance(RECENT)

    with pytest.raises(WrongPassword):
        confirm_password(service, open_session(service, token), "not the password at all")

    assert not recently_authenticated(service, open_session(service, token))


def test_logging_in_with_the_password_counts_as_typing_it(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-7: a user who has just logged in is not asked again, until the same time has passed."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    at_once = recently_authenticated(service, open_session(service, token))
    clock.advance(RECENT)
    later = recently_authenticated(service, open_session(service, token))

    assert (at_once, later) == (True, False)


def test_step_up_gives_the_session_a_new_token_and_copies_of_the_old_one_nothing(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-1: ASVS 5.0 7.2.4: an attacker with a copy of the old cookie gains nothing."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    clock.advance(RECENT)

    stepped_up = confirm_password(service, open_session(service, token), ada.password).token

    assert recently_authenticated(service, open_session(service, stepped_up))
    assert service.resume(token, trusted=True) is not None  # another tab of the browser, for now
    assert not recently_authenticated(service, open_session(service, token))
    with pytest.raises(PasswordNeeded):
        revoke_other_sessions(service, open_session(service, token))
    assert refresh(service, token) is None


@pytest.mark.parametrize("trusted", [True, False])
def test_the_token_from_before_step_up_is_worth_nothing_after_the_overlap(
    service: AuthService, ada: Person, clock: Clock, trusted: bool
) -> None:
    """SE-9: as after every other rotation."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    confirm_password(service, open_session(service, token), ada.password)
    clock.advance(OVERLAP)

    user = service.resume(token, trusted=trusted)

    assert user is None


def test_a_token_on_its_way_to_the_browser_survives_step_up_for_a_moment(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: a page that loads while the password is typed must not end the session."""
    token = service.log_in(ada.email, ada.password, LAPTOP, remember=True).token
    clock.advance(ROTATE_EVERY)
    on_its_way = refresh(service, token)
    assert on_its_way

    confirm_password(service, open_session(service, token), ada.password)

    assert service.resume(on_its_way.token) is not None
    assert not recently_authenticated(service, open_session(service, on_its_way.token))


def test_guesses_with_a_stolen_session_leave_the_owner_their_own(
    service: AuthService, ada: Person
) -> None:
    """TH-4: the limit is the session's from one network; the same session elsewhere has its own."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    other = service.log_in(ada.email, ada.password, PHONE).token
    for _ in range(PASSWORD_AGAIN.free):
        with pytest.raises(WrongPassword):
            confirm_password(
                service, open_session(service, token), "a guess that is not right", THIEF
            )
    with pytest.raises(TooMany):
        confirm_password(service, open_session(service, token), ada.password, THIEF)

    owners = [
        confirm_password(service, open_session(service, other), ada.password, PHONE),
        confirm_password(service, open_session(service, token), ada.password, LAPTOP),
    ]

    assert all(
        recently_authenticated(service, open_session(service, each.token)) for each in owners
    )


@pytest.mark.slow
def test_guesses_in_a_session_count_toward_the_hundred(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """TH-1: at the hundredth the password is off for unknown networks, at log-in and here."""
    token = service.log_in(ada.email, ada.password, LAPTOP, remember=True).token
    for _ in range(MOST_FAILURES):
        clock.advance(timedelta(hours=1))
        with pytest.raises(WrongPassword):
            confirm_password(
                service, open_session(service, token), "a guess that is not right", THIEF
            )
    clock.advance(timedelta(hours=1))

    with pytest.raises(WrongPassword):
        confirm_password(service, open_session(service, token), ada.password, THIEF)
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, THIEF)
    confirm_password(service, open_session(service, token), ada.password, LAPTOP)

    assert service.log_in(ada.email, ada.password, THIEF)  # typed rightly: it counts from none


def test_a_confirmed_password_counts_for_a_while(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-7: step-up ends by itself."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    token = confirm_password(service, open_session(service, token), ada.password).token

    clock.advance(RECENT - timedelta(seconds=1))
    before = recently_authenticated(service, open_session(service, token))
    clock.advance(timedelta(seconds=1))
    after = recently_authenticated(service, open_session(service, token))

    assert (before, after) == (True, False)


def test_a_session_that_is_over_asks_in_vain(service: AuthService, ada: Person) -> None:
    """SE-2: the row decides here too."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    service.log_out(token)

    with pytest.raises(SessionOver):
        list_sessions(service, open_session(service, token))


def test_one_session_too_many_ends_the_one_unused_for_longest(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-10: the number of sessions of a user is bounded."""
    tokens = []
    for _ in range(MAX_PER_USER + 1):
        tokens.append(service.log_in(ada.email, ada.password, LAPTOP).token)
        clock.advance(timedelta(seconds=1))

    alive = [service.resume(token) is not None for token in tokens]

    assert alive == [False] + [True] * MAX_PER_USER
    assert end_reason(service, tokens[0]) is EndReason.CROWDED_OUT


def test_of_two_log_ins_at_once_from_known_networks_ten_sessions_are_left(
    service: AuthService, ada: Person, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-10: they share no counter that would let them take turns on PostgreSQL."""
    cafe = Client(ip="198.51.100.9")
    for number in range(MAX_PER_USER - 1):
        service.log_in(ada.email, ada.password, cafe if number else LAPTOP)
    together, start = Barrier(2), service.sessions.start

    def started(*given: Any, **named: Any) -> Session:
        session = start(*given, **named)
        meet(together)
        return session

    monkeypatch.setattr(service.sessions, "start", started)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda at: service.log_in(ada.email, ada.password, at), (LAPTOP, cafe)))

    with service.read() as connection:
        assert len(service.sessions.of_user(connection, ada.id, clock())) == MAX_PER_USER
