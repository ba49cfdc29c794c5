"""Rotation: the token changes, and one that was replaced and comes back is a copy."""

from datetime import timedelta

from auth.rotation import OVERLAP, ROTATE_EVERY
from auth.service import AuthService
from auth.sessions import EndReason
from tests.conftest import LAPTOP, Clock, Person

MOMENT = timedelta(seconds=1)


def renew(service: AuthService, token: str) -> str:
    """Return the token that a page load with *token* answers with."""
    login = service.refresh(token)
    assert login is not None
    return login.token


def same(service: AuthService, one: str, other: str) -> bool:
    """Tell whether two tokens are the same one, whenever each was signed."""
    first, second = service._claims(one), service._claims(other)
    assert first and second
    return first.token_id == second.token_id


def log_in(service: AuthService, ada: Person) -> str:
    """Return the token of a remembered log-in: its idle limit is longer than these tests."""
    return service.log_in(ada.email, ada.password, LAPTOP, remember=True).token


def test_a_page_load_soon_after_the_last_rotation_keeps_the_token(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the token changes on a schedule, not on every load."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY - MOMENT)

    renewed = renew(service, token)

    assert same(service, renewed, token)


def test_a_page_load_on_schedule_brings_another_token(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the token rotates."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)

    renewed = renew(service, token)

    assert not same(service, renewed, token)
    assert service.resume(renewed) is not None


def test_an_answer_lost_on_the_way_logs_nobody_out(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: until the next token has come back, the one in use stays in use."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    lost = renew(service, token)
    clock.advance(OVERLAP * 5)

    again = renew(service, token)

    assert same(service, again, lost)
    assert service.resume(again) is not None


def test_the_token_before_is_good_for_a_moment(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: another tab that loads at the same time is not logged out."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    service.resume(renew(service, token))
    clock.advance(OVERLAP - MOMENT)

    user = service.resume(token)

    assert user is not None


def test_a_replaced_token_that_comes_back_ends_the_whole_session(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: somebody has a copy, and we cannot tell who is who."""
    stolen = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, stolen)
    service.resume(current)
    clock.advance(OVERLAP)

    thief = service.resume(stolen)

    assert thief is None
    assert service.resume(current) is None
    assert service.end_reason(current) is EndReason.REUSED


def test_a_tab_that_stays_open_holds_its_token_through_rotations(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: what never left the server since it was presented is no copy."""
    held = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    service.resume(renew(service, held))
    clock.advance(OVERLAP)

    user = service.resume(held, trusted=True)

    assert user is not None


def test_a_renewed_cookie_ends_when_the_session_does(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-3: rotation moves nothing of the absolute limit."""
    login = service.log_in(ada.email, ada.password, LAPTOP, remember=True)
    clock.advance(timedelta(days=3))

    renewed = service.refresh(login.token)

    assert renewed is not None
    assert renewed.expires_at == login.expires_at


def test_a_session_that_is_over_is_not_renewed(service: AuthService, ada: Person) -> None:
    """SE-5: a page load with a dead cookie brings no live one."""
    token = log_in(service, ada)
    service.log_out(token)

    renewed = service.refresh(token)

    assert renewed is None
