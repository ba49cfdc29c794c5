"""What callbacks and fragments check, since the guard at the top of the script has not run."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.administration import disable, grant
from auth.client import Client
from auth.errors import Unavailable
from auth.hand_off import approve_ticket, end_reason, exchange_ticket, mark_of, refresh
from auth.roles import Role
from auth.rotation import OVERLAP, ROTATE_EVERY
from auth.service import AuthService
from auth.sessions import TOUCH_EVERY, EndReason, Session
from auth.step_up import confirm_password
from tests.fixtures import Clock, Person, open_session
from web import connection, guard, http_only
from web.cookie_manager import CookieManagerBridge
from web.edge import browser_cookie
from web.guard import adopt_token, bridge, log_out, protected, still_open, watch
from web.http_only import HttpOnlyBridge, wake
from web.tab import KEY, Asker, Go, SignedOutPage, Tab, Visit
from web.words import SIGNED_OUT

CLIENT = Client("192.0.2.7", "Firefox/150.0", "the cookie's token", "a browser", "a device")


@pytest.fixture
def held(service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tab]:
    """The state of a tab that Ada is logged in to, while no script runs."""
    held = Tab(token=service.log_in(ada.email, ada.password, CLIENT, remember=True).token)
    st.session_state[KEY] = held
    monkeypatch.setattr(guard, "service", lambda: service)
    monkeypatch.setattr(connection, "http_only_cookie", lambda: None)
    monkeypatch.setattr(connection, "cookie", {"auth": CLIENT.token}.get)
    monkeypatch.setattr(connection, "ip", lambda proxies: CLIENT.ip if proxies == 0 else "")
    for name in ("user_agent", "browser", "device"):
        monkeypatch.setattr(connection, name, lambda name=name: getattr(CLIENT, name))
    yield held
    st.session_state.clear()


def found(service: AuthService, held: Tab) -> Session:
    """Return the tab's session as the database has it."""
    return open_session(service, held.token)


def test_an_open_session_is_resolved_anew(service: AuthService, held: Tab) -> None:
    """GD-2: the callback reads the roles of now, and acts for the connection's client."""
    grant(service, found(service, held).user.id, Role.ADMIN)

    assert still_open()

    assert held.visit is not None
    assert held.visit.auth is service
    assert held.visit.client == CLIENT
    assert held.visit.session == found(service, held)
    assert still_open(Role.ADMIN)


def test_a_tab_is_its_own_proof_where_the_browser_sends_no_cookie(
    held: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second log-in there is to end this session."""
    monkeypatch.setattr(connection, "cookie", lambda name: None)

    assert still_open()

    assert held.visit is not None
    assert held.visit.client.token == held.token


def test_a_check_that_no_person_caused_keeps_no_session_alive(
    service: AuthService, held: Tab, clock: Clock
) -> None:
    """SE-4: a fragment may run by itself all night."""
    seen = found(service, held).last_seen_at
    clock.advance(TOUCH_EVERY + timedelta(seconds=1))

    assert still_open()

    assert found(service, held).last_seen_at == seen


def test_a_replaced_token_in_an_open_tab_ends_no_session(
    service: AuthService, held: Tab, clock: Clock
) -> None:
    """SE-9: the callback does not run; the tab then asks its browser for the newest."""
    newest = replace_token(service, held, clock)
    clock.advance(OVERLAP)

    assert not still_open()

    assert open_session(service, newest).is_open


def test_a_session_that_is_over_runs_nothing(service: AuthService, held: Tab) -> None:
    """GD-2: disabled a moment ago, or logged out elsewhere; what the tab knew stays as it was."""
    disable(service, found(service, held).user.id)

    assert not still_open()

    ended = service.session(held.token)
    assert ended is not None
    assert ended.end_reason is EndReason.DISABLED
    assert held.visit is None


def test_a_role_that_the_user_lacks_runs_nothing(held: Tab) -> None:
    """GD-2: the session is open, and the callback is for others."""
    assert not still_open(Role.ADMIN)
    assert held.visit is None


def test_a_tab_without_a_session_runs_nothing(held: Tab) -> None:
    """GD-2: nobody is logged in."""
    held.token = None

    assert not still_open()


def test_a_database_that_does_not_answer_runs_nothing(
    held: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-5: any doubt means signed out."""

    def unavailable() -> AuthService:
        raise Unavailable

    monkeypatch.setattr(guard, "service", unavailable)

    assert not still_open()


class Reran(Exception):
    """The run was ended, and another begins."""


@dataclass
class Page:
    """A tab's page: what it answers with when it is asked for its browser's newest token."""

    answer: str | None = None
    asked: list[Asker] = field(default_factory=list)


@pytest.fixture
def page(service: AuthService, held: Tab, monkeypatch: pytest.MonkeyPatch) -> Page:
    """The page of Ada's tab, which the guard has let in a while ago."""
    page = Page()

    def newest_token(bridge: object, placeholder: object, asker: Asker) -> str | None:
        assert isinstance(placeholder, DeltaGenerator)
        page.asked.append(asker)
        return page.answer

    def rerun() -> None:
        raise Reran

    monkeypatch.setattr(CookieManagerBridge, "newest_token", newest_token)
    monkeypatch.setattr(st, "rerun", rerun)
    held.visit = Visit(service, CLIENT)
    return page


def test_a_callback_for_a_role_runs_for_users_who_have_it(
    service: AuthService, held: Tab, page: Page
) -> None:
    """GD-2: for others the script runs anew, and shows them what they may see."""
    ran: list[str] = []

    @protected(role=Role.ADMIN)
    def approve(what: str) -> None:
        ran.append(what)

    with pytest.raises(Reran):
        approve("too early")
    grant(service, found(service, held).user.id, Role.ADMIN)
    approve("the report")

    assert ran == ["the report"]


def test_log_out_ends_the_session_and_its_cookie(
    service: AuthService, held: Tab, page: Page
) -> None:
    """SE-5: the tab keeps nothing; the page deletes the cookie unless it is a later log-in's."""
    token = held.token

    assert log_out() == Go(notice=SIGNED_OUT)

    assert end_reason(service, token) is EndReason.LOGGED_OUT
    assert held.token is None
    assert held.write is not None
    assert (held.write.login, held.write.ended) == (None, mark_of(service, token))


def test_a_step_up_leaves_the_new_token_in_the_tab_and_the_browser(
    service: AuthService, ada: Person, held: Tab, page: Page
) -> None:
    """AC-1: the one before is good for a moment only."""
    login = confirm_password(service, found(service, held), ada.password)

    adopt_token(login)

    assert held.token == login.token
    assert held.write is not None
    assert held.write.login == login


def test_our_own_server_sets_the_cookie_by_its_routes(
    service: AuthService, ada: Person, held: Tab, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CK-1: the header says so, and names the cookie; its browser alone can use the ticket."""
    sent = {"__Host-auth": held.token, browser_cookie("__Host-auth"): "a nonce"}
    monkeypatch.setattr(connection, "http_only_cookie", lambda: "__Host-auth")
    monkeypatch.setattr(connection, "cookie", sent.get)

    adopt_token(confirm_password(service, found(service, held), ada.password))

    assert bridge(service).cookie_token() == sent["__Host-auth"]
    assert held.write is not None
    assert held.write.ticket
    assert exchange_ticket(service, held.write.ticket, "a nonce") is not None


def test_a_tab_whose_ticket_was_voided_meanwhile_asks_its_browser_once_more(
    service: AuthService, held: Tab, page: Page, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-9: another tab's page load rotated the token after the browser had approved the ticket."""
    newest = replace_token(service, held, clock)
    asked: list[str] = []

    def send(placeholder: object, ticket: str, *how: object, quiet: bool) -> None:
        nonlocal newest
        asked.append(ticket)
        assert approve_ticket(service, newest, ticket)
        wake(ticket)
        if len(asked) == 1:
            clock.advance(ROTATE_EVERY)
            login = refresh(service, newest)
            assert login is not None
            newest = login.token
            open_session(service, newest)

    monkeypatch.setattr(http_only, "_send", send)

    token = HttpOnlyBridge(service, "auth").newest_token(st.empty(), Asker.GUARD)

    assert open_session(service, token).newest
    assert len(set(asked)) == 2


@pytest.mark.parametrize("answer", ["the newest", "the tab's own", None])
def test_a_run_with_a_replaced_token_asks_the_browser_for_the_newest(
    service: AuthService,
    ada: Person,
    held: Tab,
    page: Page,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
) -> None:
    """SE-9: without a better one the visitor is signed out; the session stays open elsewhere."""
    held.presented = CLIENT.token  # at the tab's first run
    newest = replace_token(service, held, clock)
    clock.advance(OVERLAP)
    old, answers = held.token, answer == "the newest"
    page.answer = newest if answers else old if answer else None
    placeholders: list[object] = []

    def is_ready(_: object, placeholder: object) -> bool:
        placeholders.append(placeholder)
        return True

    monkeypatch.setattr(CookieManagerBridge, "is_ready", is_ready)

    user = guard.guard()

    assert page.asked == [Asker.GUARD]
    assert (user.id if user else None) == (ada.id if answers else None)
    assert (held.token, held.newest) == (newest if answers else old, True)
    assert [type(each) for each in placeholders] == ([] if answers else [DeltaGenerator])
    assert open_session(service, newest).is_open


def replace_token(service: AuthService, held: Tab, clock: Clock) -> str:
    """Give the browser a newer token than the tab's, and use it; return it."""
    clock.advance(ROTATE_EVERY)
    newest = refresh(service, held.token)
    assert newest
    assert service.resume(newest.token)
    return newest.token


def test_an_idle_page_looks_at_its_session_without_using_it(
    service: AuthService, held: Tab, page: Page, clock: Clock
) -> None:
    """SE-4: it stays open all night, and the session ends all the same."""
    seen = found(service, held).last_seen_at
    clock.advance(TOUCH_EVERY + timedelta(seconds=1))

    watch()

    assert found(service, held).last_seen_at == seen
    assert page.asked == []


@pytest.mark.parametrize("exists", [True, False])
def test_an_idle_page_leaves_when_its_session_is_over(
    service: AuthService, held: Tab, page: Page, exists: bool
) -> None:
    """SE-2: the guard then shows the log-in form. A deleted account's session is gone for good."""
    if exists:
        service.log_out(held.token)
    else:
        held.token = "no token of ours"

    with pytest.raises(Reran):
        watch()


def test_a_page_that_the_guard_has_just_checked_is_not_checked_again(
    service: AuthService, held: Tab, page: Page
) -> None:
    """AV-1: each run of the whole script ends with the first look."""
    held.just_resolved = True
    service.log_out(held.token)

    watch()

    with pytest.raises(Reran):
        watch()


@pytest.mark.parametrize("since", [timedelta(), OVERLAP], ids=["just now", "a while ago"])
def test_an_idle_page_exchanges_a_replaced_token(
    service: AuthService, held: Tab, page: Page, clock: Clock, since: timedelta
) -> None:
    """SE-9: meanwhile, and in a browser that has no newer one, the page stays as it is."""
    old = held.token
    newest = replace_token(service, held, clock)
    clock.advance(since)

    watch()
    assert (held.token, held.newest) == (old, False)
    page.answer = newest
    watch()
    assert (held.token, held.newest) == (newest, True)
    watch()

    assert page.asked == [Asker.WATCH, Asker.WATCH]


def test_a_run_reports_its_user_to_the_gate(
    ada: Person, held: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-3: a signed-in tab counts with its user, and may upload."""
    reported: list[str | None] = []
    monkeypatch.setattr(connection, "note_user", reported.append)

    assert guard.guard() is not None
    held.token = None
    assert guard.guard() is None

    assert reported == [ada.id, None]


@pytest.mark.parametrize("known", [True, False])
def test_a_cookie_whose_session_is_over_lets_no_one_in_and_says_why(
    service: AuthService, held: Tab, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """SE-2: at the first run of a tab there is nothing but the cookie."""
    cookie, held.token = (held.token if known else "no token of ours"), None
    service.log_out(cookie)
    monkeypatch.setattr(connection, "cookie", {"auth": cookie}.get)

    assert guard.guard() is None

    assert held.token is None
    assert held.notice == (SIGNED_OUT if known else None)


@pytest.mark.parametrize(
    ("was_signed_in", "was_shown", "replaced"),
    [(True, True, True), (True, False, False), (False, True, False)],
)
def test_why_a_session_is_over_replaces_only_a_notice_that_its_user_has_read(
    service: AuthService,
    ada: Person,
    held: Tab,
    monkeypatch: pytest.MonkeyPatch,
    was_signed_in: bool,
    was_shown: bool,
    replaced: bool,
) -> None:
    """The log-in page has room for one, and nothing unread is lost."""
    monkeypatch.setattr(connection, "cookie", lambda name: None)
    service.log_out(held.token)
    held.notice = "Your name is changed."
    held.owner = ada.id if was_signed_in else None
    held.shown = (held.notice, "account") if was_shown else None

    assert guard.guard() is None

    assert held.notice == (SIGNED_OUT if replaced else "Your name is changed.")


@pytest.mark.parametrize("ready", [True, False])
def test_a_tab_waits_while_its_browser_is_asked_for_cookies(
    held: Tab, monkeypatch: pytest.MonkeyPatch, ready: bool
) -> None:
    """No log-in form flashes up before a signed-in user's page."""
    held.token = None
    monkeypatch.setattr(CookieManagerBridge, "is_ready", lambda bridge, placeholder: ready)

    assert guard.guard() is None

    expected = SignedOutPage.LOG_IN if ready else SignedOutPage.WAITING
    assert held.signed_out_page is expected
