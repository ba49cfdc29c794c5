"""Emailed links: valid once, for one purpose, for a limited time, until the account changes."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from auth import email_tokens
from auth.administration import disable, end_every_session
from auth.email_tokens import LIVES, Purpose, UsedLink, issue_link, look_at_link, use_link
from auth.errors import InvalidDetails, LinkRefused, LogInRefused, TooMany
from auth.limits import LOG_IN_KNOWN
from auth.rotation import keep_current_session
from auth.service import AuthService
from auth.users import find_by_id, read_email
from db.engine import Database
from db.models import Base, EmailToken
from features.account import rules as account
from features.account.rules import change_password
from features.email_change import rules as email_change
from features.email_change.rules import change_email, keep_email
from features.email_verification.rules import confirm_email, resend_link
from features.password_reset import rules as password_reset
from features.password_reset.rules import is_reset_link, request_reset, reset_password
from features.personal_data.rules import delete_account
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, meet, open_session

NEW, NEWER = "marble otter quiet window", "velvet harbour nineteen moths"
SECOND = timedelta(seconds=1)


@pytest.fixture
def ask(service: AuthService, ada: Person, letterbox: Letterbox) -> Callable[[], str]:
    """Request a reset link for Ada; return its token."""

    def asked() -> str:
        request_reset(service, ada.email, LAPTOP)
        return letterbox.link(ada.email, "reset-password")

    return asked


def test_a_forgotten_password_is_chosen_anew(
    service: AuthService, ada: Person, ask: Callable[[], str]
) -> None:
    """RS-5: the new one works, the old one does not, and the link did not log in."""
    link = ask()

    assert is_reset_link(service, link)
    reset_password(service, link, NEW, LAPTOP)
    assert service.log_in(ada.email, NEW, LAPTOP)
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)


def test_a_reset_ends_the_wait_also_where_the_owner_is_known(
    service: AuthService, ada: Person, ask: Callable[[], str]
) -> None:
    """TH-4, RS-5: who has forgotten a password has tried it at home."""
    service.log_in(ada.email, ada.password, LAPTOP)
    for _ in range(LOG_IN_KNOWN.free):
        with pytest.raises(LogInRefused):
            service.log_in(ada.email, "not the password at all", LAPTOP)
    with pytest.raises(TooMany):
        service.log_in(ada.email, ada.password, LAPTOP)

    reset_password(service, ask(), NEW, LAPTOP)

    assert service.log_in(ada.email, NEW, LAPTOP)


def test_a_reset_ends_every_session_and_tells_the_owner(
    service: AuthService, ada: Person, ask: Callable[[], str], letterbox: Letterbox
) -> None:
    """RS-5, SE-6: an attacker who was signed in is signed out."""
    tokens = [service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(2)]

    reset_password(service, ask(), NEW, LAPTOP)

    assert [service.resume(token) for token in tokens] == [None, None]
    assert "was changed" in letterbox.to(ada.email)[-1].subject


def test_a_link_works_once(service: AuthService, ask: Callable[[], str]) -> None:
    """RS-2: an attacker who reads the mailbox later gains nothing."""
    link = ask()
    reset_password(service, link, NEW, LAPTOP)

    assert not is_reset_link(service, link)
    with pytest.raises(LinkRefused):
        reset_password(service, link, NEWER, LAPTOP)


def test_of_two_that_use_a_link_at_once_one_wins(
    service: AuthService, ada: Person, ask: Callable[[], str]
) -> None:
    """RS-2: on either database."""
    link, together = ask(), Barrier(2)

    def use(password: str) -> str | None:
        together.wait(10)
        try:
            reset_password(service, link, password, LAPTOP)
        except LinkRefused:
            return None
        return password

    with ThreadPoolExecutor(2) as pool:
        won = [password for password in pool.map(use, (NEW, NEWER)) if password]

    assert len(won) == 1
    assert service.log_in(ada.email, won[0], LAPTOP)


def test_an_objection_and_a_reset_at_once_wait_for_each_other_in_one_order(
    service: AuthService,
    ada: Person,
    token: str,
    ask: Callable[[], str],
    letterbox: Letterbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RS-2: neither fails where PostgreSQL ends a deadlock."""
    change_email(service, open_session(service, token), "new@example.com")
    objection, link, together = letterbox.link(ada.email, "keep-email"), ask(), Barrier(2)

    def use(*given: Any) -> UsedLink | None:
        used = use_link(*given)
        meet(together)
        return used

    monkeypatch.setattr(email_change, "use_link", use)
    monkeypatch.setattr(password_reset, "use_link", use)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(keep_email, service, objection, LAPTOP)
        other = pool.submit(reset_password, service, link, NEW, LAPTOP)
        refused = [each.exception() for each in (one, other)]

    assert all(each is None or isinstance(each, LinkRefused) for each in refused)


def test_a_strangers_request_fails_no_change_of_the_password(
    service: AuthService,
    ada: Person,
    token: str,
    ask: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RS-3: both void links, and neither waits for the other."""
    ask()
    together, session = Barrier(2), open_session(service, token)

    def made(size: int) -> str:  # between the end of the old links and the new one
        meet(together)
        return "x" * size

    def kept(*given: Any, **named: Any) -> None:  # between the new password and the links' end
        meet(together)
        keep_current_session(*given, **named)

    monkeypatch.setattr(email_tokens, "secrets", SimpleNamespace(token_urlsafe=made))
    monkeypatch.setattr(account, "keep_current_session", kept)
    with ThreadPoolExecutor(2) as pool:
        changed = pool.submit(change_password, service, session, ada.password, NEW)
        sent = pool.submit(password_reset._send_reset, service, read_email(ada.email), LAPTOP)

        assert changed.result()
        assert sent.result() is None


def test_of_two_links_that_are_asked_for_at_once_one_works(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RS-3: also where two processes send them."""
    together = Barrier(2)

    def made(size: int) -> str:
        meet(together)
        return secrets.token_urlsafe(size)

    monkeypatch.setattr(email_tokens, "secrets", SimpleNamespace(token_urlsafe=made))
    with ThreadPoolExecutor(2) as pool:
        for sent in [
            pool.submit(password_reset._send_reset, service, read_email(ada.email), LAPTOP)
            for _ in range(2)
        ]:
            sent.result()

    with service.read() as connection:
        assert (
            len(
                connection.execute(
                    select(EmailToken.hash).where(EmailToken.purpose == Purpose.RESET.value)
                ).all()
            )
            == 1
        )


@pytest.mark.parametrize(("early", "works"), [(SECOND, True), (timedelta(), False)])
def test_a_link_ends_by_the_clock(
    service: AuthService, ask: Callable[[], str], clock: Clock, early: timedelta, works: bool
) -> None:
    """RS-3: an hour for a password, to the second."""
    link = ask()
    clock.advance(LIVES[Purpose.RESET] - early)

    assert is_reset_link(service, link) is works


def test_only_the_newest_link_works(service: AuthService, ask: Callable[[], str]) -> None:
    """RS-3: asking again voids the older ones."""
    older, newer = ask(), ask()

    assert not is_reset_link(service, older)
    assert is_reset_link(service, newer)


@pytest.mark.parametrize("change", ["password", "disabled", "sessions ended"])
def test_what_changes_an_account_voids_its_links(
    service: AuthService, ada: Person, ask: Callable[[], str], change: str
) -> None:
    """RS-3: a link is bound to the account's state."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    link = ask()

    if change == "password":
        change_password(service, open_session(service, token), ada.password, NEW)
    elif change == "disabled":
        disable(service, ada.id)
    else:
        end_every_session(service, ada.id)

    with pytest.raises(LinkRefused):
        reset_password(service, link, NEWER, LAPTOP)


@pytest.mark.parametrize("purpose", [Purpose.VERIFY, Purpose.RESET])
def test_a_link_of_an_older_state_of_the_account_is_refused_where_it_is_used(
    service: AuthService, database: Database, ada: Person, clock: Clock, purpose: Purpose
) -> None:
    """RS-3: using a link checks it again, regardless of earlier look-ups."""
    with database.write() as connection:
        user = find_by_id(connection, ada.id)
        assert user is not None
        link = issue_link(connection, user, purpose, user.email, user.email_key, clock())
    end_every_session(service, ada.id)

    with database.write() as connection:
        seen = look_at_link(connection, link, (purpose,), clock())
        used = use_link(connection, link, (purpose,), clock())

    assert seen is None
    assert used is None


def test_a_link_is_good_for_its_own_purpose_alone(
    service: AuthService, ada: Person, ask: Callable[[], str], letterbox: Letterbox
) -> None:
    """RS-1: a reset link confirms nothing by itself, and no other link objects to a change."""
    verify, reset = letterbox.link(ada.email, "verify-email"), ask()

    for use in (
        lambda: confirm_email(service, reset, LAPTOP, ada.password),
        lambda: keep_email(service, reset, LAPTOP),
        lambda: keep_email(service, verify, LAPTOP),
    ):
        with pytest.raises(LinkRefused):
            use()
    assert is_reset_link(service, reset)


@pytest.mark.parametrize("link", ["", "x", "a" * 10_000, "\ud800", "\0", "'; DROP TABLE users; --"])
def test_any_other_text_is_no_link(service: AuthService, ada: Person, link: str) -> None:
    """RS-1: refused without an error."""
    for use in (confirm_email, keep_email):
        with pytest.raises(LinkRefused):
            use(service, link, LAPTOP)
    assert not is_reset_link(service, link)


def test_a_password_that_breaks_a_rule_leaves_the_link_good(
    service: AuthService, ask: Callable[[], str]
) -> None:
    """RS-5, PW-5: the full policy applies, and the user can try again."""
    link = ask()

    with pytest.raises(InvalidDetails) as refused:
        reset_password(service, link, "password1", LAPTOP)

    assert refused.value.errors["password"]
    reset_password(service, link, NEW, LAPTOP)


def test_the_database_holds_no_link(
    service: AuthService, ask: Callable[[], str], database: Database
) -> None:
    """RS-1: only its hash, and 192 bits cannot be searched."""
    link = ask()

    with database.read() as connection:
        stored = [
            str(value)
            for table in Base.metadata.tables.values()
            for row in connection.execute(select(table))
            for value in row
        ]
    assert len(link) == 32
    assert not any(link in value for value in stored)


def test_an_email_is_verified_by_its_own_link(
    service: AuthService, ada: Person, letterbox: Letterbox, clock: Clock
) -> None:
    """RS-1: the account then records when."""
    link = letterbox.link(ada.email, "verify-email")

    assert confirm_email(service, link, LAPTOP, ada.password).email == ada.email

    user = service.log_in(ada.email, ada.password, LAPTOP).user
    assert user.verified_at == clock.now


def test_another_link_can_be_asked_for_until_it_was_used(
    service: AuthService, ada: Person, letterbox: Letterbox
) -> None:
    """RS-3: the newest works; a verified user gets no more."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    first = letterbox.link(ada.email, "verify-email")

    resend_link(service, open_session(service, token))
    second = letterbox.link(ada.email, "verify-email")
    with pytest.raises(LinkRefused):
        confirm_email(service, first, LAPTOP, session=service.session(token, trusted=True))
    confirm_email(service, second, LAPTOP, session=service.session(token, trusted=True))
    resend_link(service, open_session(service, token))

    assert len(letterbox.to(ada.email)) == 2


def test_the_reader_of_the_reset_email_has_verified_it(
    service: AuthService, ada: Person, ask: Callable[[], str], clock: Clock
) -> None:
    """RS-1: it is the same proof."""
    reset_password(service, ask(), NEW, LAPTOP)

    assert service.log_in(ada.email, NEW, LAPTOP).user.verified_at == clock.now


def test_deleting_an_account_takes_its_links_along(
    service: AuthService, ada: Person, ask: Callable[[], str], database: Database
) -> None:
    """RS-3: and the mailbox keeps a dead one."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    link = ask()

    delete_account(service, open_session(service, token), ada.password)

    with pytest.raises(LinkRefused):
        reset_password(service, link, NEW, LAPTOP)
    with database.read() as connection:
        assert connection.execute(select(EmailToken.hash)).all() == []
