"""The session's route: exchange a ticket for the cookie, end it, and refuse all other callers."""

import json
import secrets

import pytest

from auth.hand_off import end_reason, exchange_ticket, mark_of
from auth.service import AuthService
from auth.sessions import Client, EndReason
from auth.step_up import confirm_password
from tests.fixtures import open_session
from tests.http.conftest import NONCE, PASSWORD, ask
from tests.serving import Server

PATH = "/auth/session"
TICKET = "/auth/ticket"
OWN = {"Sec-Fetch-Site": "same-origin"}
BROWSER = {"Cookie": f"auth_browser={NONCE}"}


def body(ticket: object) -> str:
    """Return the body that the page posts."""
    return json.dumps({"ticket": ticket})


def test_a_ticket_becomes_a_cookie_out_of_javascripts_reach(
    server: Server, service: AuthService, ticket: str
) -> None:
    """CK-1, CK-3: HttpOnly, SameSite=Lax, no Domain, a life as long as the session's."""
    answer = ask(server, "POST", PATH, body(ticket), OWN | BROWSER)

    token, *attributes = answer.cookie("auth")
    assert answer.status == 204
    assert {"Path=/", "HttpOnly", "SameSite=Lax"} <= set(attributes)
    assert not any(part.startswith("Domain") for part in attributes)
    max_age = next(int(part[8:]) for part in attributes if part.startswith("Max-Age="))
    assert max_age == pytest.approx(30 * 24 * 60 * 60, abs=60)
    assert len("; ".join([token, *attributes])) < 4096
    assert service.resume(token) is not None


def test_the_answer_is_kept_by_no_cache(server: Server, ticket: str) -> None:
    """CK-7: what sets a session must not come from a cache."""
    answer = ask(server, "POST", PATH, body(ticket), OWN | BROWSER)

    assert answer.headers["Cache-Control"] == "no-store"


def test_a_ticket_without_its_browser_is_refused(server: Server, ticket: str) -> None:
    """CK-5: a ticket moved to another browser does not log in."""
    without = ask(server, "POST", PATH, body(ticket), OWN)
    elsewhere = ask(server, "POST", PATH, body(ticket), OWN | {"Cookie": "auth_browser=other"})

    assert (without.status, elsewhere.status) == (400, 403)
    assert not without.cookie("auth") and not elsewhere.cookie("auth")


def test_a_cookie_that_comes_twice_is_not_there(server: Server, ticket: str) -> None:
    """CK-4: another app on this host may have set one of the two."""
    twice = f"{BROWSER['Cookie']}; {BROWSER['Cookie']}"

    refused = ask(server, "POST", PATH, body(ticket), OWN | {"Cookie": twice})

    assert refused.status == 400
    assert not refused.cookie("auth")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "{own}"}, False),
        ({"Sec-Fetch-Site": "nonsense"}, False),
        ({"Origin": "{own}"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({}, False),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_a_page_of_our_own_may_change_a_session(
    server: Server, ticket: str, method: str, headers: dict[str, str], allowed: bool
) -> None:
    """CK-5: log-in and log-out alike, by Sec-Fetch-Site or else by Origin."""
    sent = {name: value.format(own=server.url) for name, value in headers.items()}

    answer = ask(server, method, PATH, body(ticket), sent | BROWSER)

    assert answer.status == (204 if allowed else 403)


def test_deleting_the_session_ends_it_and_its_cookie(
    server: Server, service: AuthService, token: str
) -> None:
    """SE-5: every copy of the token is dead, and the browser forgets its own."""
    answer = ask(server, "DELETE", PATH, headers=OWN | {"Cookie": f"auth={token}"})

    value, *attributes = answer.cookie("auth")
    assert answer.status == 204
    assert value == "" and "Max-Age=0" in attributes and "Path=/" in attributes
    assert "Clear-Site-Data" in answer.headers
    assert service.resume(token) is None


def test_a_log_in_ends_the_session_whose_cookie_it_replaces(
    server: Server, service: AuthService, token: str, ticket: str
) -> None:
    """SE-1: whatever the tab's own connection knew of the browser's cookies."""
    email = f"bob-{secrets.token_hex(4)}@example.com"
    service.sign_up(email, PASSWORD)
    before = service.log_in(email, PASSWORD, Client()).token
    cookie = {"Cookie": f"auth_browser={NONCE}; auth={before}"}

    answer = ask(server, "POST", PATH, body(ticket), OWN | cookie)

    assert answer.status == 204
    assert end_reason(service, before) is EndReason.REPLACED
    assert service.resume(token) is not None


def test_a_late_delete_leaves_the_log_in_that_followed(
    server: Server, service: AuthService, token: str
) -> None:
    """SE-5: the page names the session it means; another one's cookie and session stay."""
    mark = json.dumps({"mark": "0123456789abcdef"})

    answer = ask(server, "DELETE", PATH, mark, OWN | {"Cookie": f"auth={token}"})

    assert answer.status == 204
    assert answer.cookie("auth") == []
    assert service.resume(token) is not None


@pytest.mark.parametrize("over", [True, False])
def test_a_delete_that_names_its_session_ends_it_and_its_cookie(
    server: Server, service: AuthService, token: str, over: bool
) -> None:
    """SE-5: also where the script has ended it before the browser could ask."""
    mark = json.dumps({"mark": mark_of(service, token)})
    if over:
        service.log_out(token)

    answer = ask(server, "DELETE", PATH, mark, OWN | {"Cookie": f"auth={token}"})

    assert "Max-Age=0" in answer.cookie("auth")
    assert service.resume(token) is None


def test_the_newest_cookie_alone_makes_a_tabs_ticket_good(
    server: Server, service: AuthService, token: str
) -> None:
    """SE-9: the tab then has the newest token; no JavaScript ever does."""
    first, second = (f"_ask_{secrets.token_hex(16)}" for _ in range(2))
    cookie = OWN | {"Cookie": f"auth={token}"}

    good = ask(server, "POST", TICKET, body(first), cookie)
    login = exchange_ticket(service, first, first)
    confirm_password(service, open_session(service, token), PASSWORD)
    before = ask(server, "POST", TICKET, body(second), cookie)

    assert (good.status, before.status) == (204, 403)
    assert good.headers["Cache-Control"] == "no-store"
    assert good.text == "" and not good.cookie("auth")
    assert login is not None
    assert exchange_ticket(service, second, second) is None


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", OWN, 405),
        ("POST", OWN, 400),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {}, 403),
        ("POST", OWN | {"Cookie": "auth=no-token-of-ours"}, 403),
    ],
)
def test_a_ticket_for_a_tab_is_for_a_page_of_our_own(
    server: Server, method: str, headers: dict[str, str], status: int
) -> None:
    """CK-5: by POST, with the cookie, from here."""
    answer = ask(server, method, TICKET, body("_ask_0123456789abcdef"), headers)

    assert answer.status == status


def test_deleting_no_session_is_no_fault(server: Server) -> None:
    """SE-5: log-out is idempotent."""
    answer = ask(server, "DELETE", PATH, headers=OWN)

    assert answer.status == 204


def test_a_session_cannot_be_changed_by_a_link(server: Server, token: str) -> None:
    """SE-5: there is nothing to GET."""
    answer = ask(server, "GET", PATH, headers={"Cookie": f"auth={token}"})

    assert answer.status == 405
    assert not answer.cookie("auth")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"ticket"',
        b"{" * 900,
        b"\xff\xfe\x00",
        b'{"ticket": null}',
        b'{"ticket": ["a"]}',
        b'{"ticket": "\\ud800"}',
        b'{"ticket": "' + b"x" * 900 + b'"}',
        b"x" * 1_000_000,
    ],
    ids=range(12),
)
def test_what_is_no_ticket_gets_a_sentence(server: Server, content: bytes) -> None:
    """JWT-9: every body from a browser is hostile; none is answered with a 5xx."""
    answer = ask(server, "POST", PATH, content, OWN | BROWSER)

    assert answer.status in {400, 403}
    assert "Traceback" not in answer.text
