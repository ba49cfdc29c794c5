"""An account's security events, shown to its user."""

from auth.audit import Event
from auth.service import AuthService
from features.activity.rules import RECENT_DAYS, recent_activity
from tests.fixtures import LAPTOP, Person, open_session


def test_a_user_sees_what_happened_lately_the_newest_first(
    service: AuthService, ada: Person, token: str
) -> None:
    """LG-1: with the IP address and the browser of each."""
    entries = recent_activity(service, open_session(service, token))

    assert entries[0].event in {Event.LOGGED_IN, Event.SESSION_STARTED}
    assert entries[-1].event is Event.USER_CREATED
    assert (entries[0].ip, entries[0].user_agent) == (LAPTOP.ip, LAPTOP.user_agent)
    assert RECENT_DAYS == 30
