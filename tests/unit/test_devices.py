"""Your devices: one's own sessions, listed and ended after the password again."""

from datetime import timedelta

import pytest

from auth.devices import RECENT
from auth.errors import PasswordNeeded, SessionOver, WrongPassword
from auth.service import AuthService
from auth.sessions import MAX_PER_USER, Client, EndReason
from tests.conftest import LAPTOP, Clock, Person

PHONE = Client(address="2001:db8::1", agent="Phone")


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

    sessions = service.sessions(token)

    assert {(session.agent, session.address) for session in sessions} == {
        (LAPTOP.agent, LAPTOP.address),
        (PHONE.agent, PHONE.address),
    }


def test_nobody_sees_the_sessions_of_another(
    service: AuthService, ada: Person, grace: Person
) -> None:
    """SE-7: the list is of the user who asks."""
    service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(grace.email, grace.password, PHONE).token

    sessions = service.sessions(token)

    assert [session.user.email for session in sessions] == [grace.email]


def test_ending_a_session_needs_the_password_typed_again(service: AuthService, ada: Person) -> None:
    """SE-7: having logged in is not enough: a stolen session must not end the owner's."""
    other = service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(ada.email, ada.password, PHONE).token

    with pytest.raises(PasswordNeeded):
        service.end_other_sessions(token)

    assert service.resume(other.token) is not None


def test_ending_one_session_leaves_the_rest(service: AuthService, ada: Person) -> None:
    """SE-7: one is ended, and it is told why."""
    first = service.log_in(ada.email, ada.password, LAPTOP)
    second = service.log_in(ada.email, ada.password, LAPTOP)
    token = service.log_in(ada.email, ada.password, PHONE).token
    service.confirm_password(token, ada.password)
    chosen = service.session(first.token)
    assert chosen is not None

    service.end_session(token, chosen.id)

    assert service.end_reason(first.token) is EndReason.ENDED
    assert service.resume(second.token) is not None
    assert service.resume(token) is not None


def test_ending_all_others_leaves_this_one(service: AuthService, ada: Person) -> None:
    """SE-7: this device goes on."""
    others = [service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(3)]
    token = service.log_in(ada.email, ada.password, PHONE).token
    service.confirm_password(token, ada.password)

    service.end_other_sessions(token)

    assert [service.resume(other) for other in others] == [None] * 3
    assert service.resume(token) is not None


def test_nobody_can_end_the_session_of_another(
    service: AuthService, ada: Person, grace: Person
) -> None:
    """SE-7: an id that is not one's own ends nothing."""
    hers = service.log_in(ada.email, ada.password, LAPTOP).token
    target = service.session(hers)
    token = service.log_in(grace.email, grace.password, PHONE).token
    service.confirm_password(token, grace.password)
    assert target is not None

    service.end_session(token, target.id)

    assert service.resume(hers) is not None


def test_a_wrong_password_confirms_nothing(service: AuthService, ada: Person) -> None:
    """AC-1: somebody else may sit at this tab."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    with pytest.raises(WrongPassword):
        service.confirm_password(token, "not the password at all")

    assert not service.recently_authenticated(token)


def test_a_confirmed_password_counts_for_a_while(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-7: step-up ends by itself."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    service.confirm_password(token, ada.password)

    clock.advance(RECENT - timedelta(seconds=1))
    before = service.recently_authenticated(token)
    clock.advance(timedelta(seconds=1))
    after = service.recently_authenticated(token)

    assert (before, after) == (True, False)


def test_a_session_that_is_over_asks_in_vain(service: AuthService, ada: Person) -> None:
    """SE-2: the row decides here too."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    service.log_out(token)

    with pytest.raises(SessionOver):
        service.sessions(token)


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
    assert service.end_reason(tokens[0]) is EndReason.CROWDED_OUT
