"""Changes to one's own account, and their effect on other sessions."""

import json
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from auth import administration, log_in
from auth.client import Client
from auth.email_tokens import LIVES, Purpose
from auth.errors import (
    EmailTaken,
    InvalidDetails,
    LinkRefused,
    LogInRefused,
    PasswordNeeded,
    SessionOver,
    WrongPassword,
)
from auth.hand_off import approve_ticket, own_ticket
from auth.passwords import hash_password
from auth.rotation import ON_ITS_WAY
from auth.service import AuthService
from auth.step_up import RECENT, confirm_password
from db.engine import Database
from db.models import AuditEvent, EmailToken, Session, User
from features.account import rules as account
from features.account.rules import change_name, change_password
from features.activity.rules import recent_activity
from features.email_change.rules import (
    change_email,
    email_to_keep,
    keep_email,
    pending_email,
)
from features.email_verification.rules import confirm_email, resend_link
from features.password_reset.rules import request_reset, reset_password
from features.personal_data.rules import delete_account, export_data
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session

NEW = "marble otter quiet window"
OTHER = "ada@new.example.com"


@pytest.fixture
def token(service: AuthService, ada: Person) -> str:
    """Ada's session, in which she has just typed her password."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    return confirm_password(service, open_session(service, token), ada.password).token


def email_of(service: AuthService, token: str) -> str | None:
    """Return the email of the user of the session of *token*."""
    user = service.resume(token)
    return user.email if user else None


def test_a_name_is_changed_and_hostile_ones_are_not(service: AuthService, token: str) -> None:
    """AC-2: the same rules as at signing up."""
    change_name(service, open_session(service, token), "  Countess Lovelace ")
    with pytest.raises(InvalidDetails):
        change_name(service, open_session(service, token), "a\nb")

    user = service.resume(token)
    assert user
    assert user.name == "Countess Lovelace"


def test_a_changed_password_ends_every_session_but_this(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """SE-6: this one continues under a new token, which no attacker has a copy of."""
    other = service.log_in(ada.email, ada.password, LAPTOP).token

    login = change_password(service, open_session(service, token), ada.password, NEW)

    assert service.resume(login.token) == login.user
    assert service.resume(other) is None
    assert service.log_in(ada.email, NEW, LAPTOP)
    assert "was changed" in letterbox.to(ada.email)[-1].subject


def test_a_copy_of_the_old_token_is_dead_after_the_change(
    service: AuthService, ada: Person, token: str
) -> None:
    """SE-6, SE-9: only an attacker would present it."""
    change_password(service, open_session(service, token), ada.password, NEW)

    assert service.resume(token) is None


def test_another_tabs_request_that_was_on_its_way_ends_nothing(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """SE-9: it brings the cookie from before the change; what comes later is a copy."""
    changed = change_password(service, open_session(service, token), ada.password, NEW).token

    assert not approve_ticket(service, token, own_ticket())
    assert service.resume(changed)
    clock.advance(ON_ITS_WAY)
    assert not approve_ticket(service, token, own_ticket())
    assert service.resume(changed) is None


def test_of_two_who_change_the_password_in_one_session_at_once_the_first_wins(
    service: AuthService, ada: Person, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-6: what the second one typed as the current password isn't the current one any more."""
    thief, owner = open_session(service, token), open_session(service, token)
    theirs = "velvet harbour nineteen moths"

    def hashed(password: str, *given: Any) -> str:  # after the current one was checked
        if password == theirs:
            change_password(service, owner, ada.password, NEW)
        return hash_password(password, *given)

    monkeypatch.setattr(account, "hash_password", hashed)
    with pytest.raises(SessionOver):
        change_password(service, thief, ada.password, theirs)

    assert service.log_in(ada.email, NEW, LAPTOP)


def test_a_page_of_a_copy_downloads_nothing_after_the_change(
    service: AuthService, ada: Person, token: str
) -> None:
    """SE-6: its button has the session as the page has read it."""
    held = open_session(service, token)
    change_password(service, open_session(service, token), ada.password, NEW)

    with pytest.raises(SessionOver):
        export_data(service, held)


def test_the_current_password_and_the_policy_are_asked_for(
    service: AuthService, ada: Person, token: str
) -> None:
    """AC-1, PW-5: an open tab is not enough."""
    with pytest.raises(WrongPassword):
        change_password(service, open_session(service, token), "not the password at all", NEW)
    with pytest.raises(InvalidDetails):
        change_password(service, open_session(service, token), ada.password, "short")

    assert service.log_in(ada.email, ada.password, LAPTOP)


def test_a_new_email_takes_effect_once_it_is_confirmed(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AC-3: stored separately until then; the old email gets a notice."""
    change_email(service, open_session(service, token), OTHER)
    link = letterbox.link(OTHER, "verify-email")
    told = letterbox.to(ada.email)[-1]

    assert (email_of(service, token), pending_email(service, open_session(service, token))) == (
        ada.email,
        OTHER,
    )
    assert OTHER in told.text
    assert (
        confirm_email(service, link, LAPTOP, session=service.session(token, trusted=True)).email
        == OTHER
    )
    assert (email_of(service, token), pending_email(service, open_session(service, token))) == (
        OTHER,
        None,
    )
    assert service.log_in(OTHER, ada.password, LAPTOP)


def test_a_new_email_needs_the_password_typed_again(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """AC-3: the email controls the account."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    clock.advance(RECENT)

    with pytest.raises(PasswordNeeded):
        change_email(service, open_session(service, token), OTHER)


def test_of_two_pending_emails_the_last_one_confirms(
    service: AuthService, token: str, letterbox: Letterbox
) -> None:
    """CVE-2026-32700: a link is bound to the email it was sent to."""
    change_email(service, open_session(service, token), OTHER)
    first = letterbox.link(OTHER, "verify-email")
    change_email(service, open_session(service, token), "ada@third.example.com")
    second = letterbox.link("ada@third.example.com", "verify-email")

    with pytest.raises(LinkRefused):
        confirm_email(service, first, LAPTOP, session=service.session(token, trusted=True))
    assert (
        confirm_email(service, second, LAPTOP, session=service.session(token, trusted=True)).email
        == "ada@third.example.com"
    )


def test_a_taken_email_is_reported_only_to_its_owner(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """EN-3: the user sees the same as for a free one."""
    service.sign_up("bob@example.com", NEW)

    change_email(service, open_session(service, token), "bob@example.com")

    assert "already have an account" in letterbox.to("bob@example.com")[-1].subject
    assert "verify-email" not in letterbox.to("bob@example.com")[-1].text
    assert pending_email(service, open_session(service, token)) == "bob@example.com"


def test_an_email_may_be_spelled_in_another_way(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AC-2: it is nobody else's."""
    change_email(service, open_session(service, token), ada.email.lower())
    link = letterbox.link(ada.email.lower(), "verify-email")
    confirm_email(service, link, LAPTOP, session=service.session(token, trusted=True))

    assert email_of(service, token) == ada.email.lower()


def test_a_session_that_has_ended_meanwhile_changes_no_email(
    service: AuthService, token: str, letterbox: Letterbox
) -> None:
    """SE-2: a page that was open asks the session as it was."""
    session = open_session(service, token)
    service.log_out(token)

    with pytest.raises(SessionOver):
        change_email(service, session, OTHER)
    assert letterbox.to(OTHER) == []


def test_a_change_of_email_that_waits_is_void_once_its_session_has_ended(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox, database: Database
) -> None:
    """RS-3: as if its link had been sent before the new password."""
    go = Event()
    service.enqueue(lambda: go.wait(10), "others")  # other jobs are in front
    change_email(service, open_session(service, token), OTHER)
    change_password(service, open_session(service, token), ada.password, NEW)
    go.set()

    assert not letterbox.to(OTHER)
    with database.read() as connection:
        of_changes = EmailToken.purpose == Purpose.CHANGE.value
        assert not connection.execute(select(EmailToken.hash).where(of_changes)).all()


def test_an_email_that_was_taken_meanwhile_is_refused(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """DB-1: the database decides."""
    change_email(service, open_session(service, token), OTHER)
    link = letterbox.link(OTHER, "verify-email")
    service.sign_up(OTHER, NEW)

    with pytest.raises(LinkRefused):
        confirm_email(service, link, LAPTOP, session=service.session(token, trusted=True))
    assert email_of(service, token) == ada.email


@pytest.mark.parametrize("when", ["before", "after", "after a reset by the new one"])
def test_the_old_email_can_object(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox, when: str
) -> None:
    """AC-3: every session ends, no password works, and the old email gets a link."""
    change_email(service, open_session(service, token), OTHER)
    change, keep = letterbox.link(OTHER, "verify-email"), letterbox.link(ada.email, "keep-email")
    if when != "before":
        confirm_email(service, change, LAPTOP, session=service.session(token, trusted=True))
    if when == "after a reset by the new one":
        request_reset(service, OTHER, LAPTOP)
        reset_password(service, letterbox.link(OTHER, "reset-password"), NEW, LAPTOP)

    assert email_to_keep(service, keep) == ada.email
    keep_email(service, keep, LAPTOP)

    assert email_to_keep(service, keep) is None
    assert service.resume(token) is None
    for password in (ada.password, NEW):
        with pytest.raises(LogInRefused):
            service.log_in(ada.email, password, LAPTOP)
    with pytest.raises(LinkRefused):
        confirm_email(service, change, LAPTOP, session=service.session(token, trusted=True))
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)
    assert service.log_in(ada.email, NEW, LAPTOP).user.email == ada.email


def test_a_deleted_account_is_gone_and_its_email_free(
    service: AuthService, ada: Person, token: str, database: Database, letterbox: Letterbox
) -> None:
    """SE-6, GHSA-2vg6-77g8-24mp: its sessions end; the audit keeps a pseudonym."""
    delete_account(service, open_session(service, token), ada.password)

    with database.read() as connection:
        assert connection.execute(select(User.id)).all() == []
        assert connection.execute(select(Session.id)).all() == []
        kept = connection.execute(select(AuditEvent.user_id, AuditEvent.ip, AuditEvent.user_agent))
        assert set(kept.all()) == {(ada.id, "", "")}
    assert service.resume(token) is None
    assert "was deleted" in letterbox.to(ada.email)[-1].subject
    assert service.sign_up(ada.email, ada.password)


def test_what_is_tried_while_an_account_is_deleted_leaves_no_address(
    service: AuthService, ada: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AC-6: a password takes a moment to check, and the event comes after it."""

    def deleted(*given: Any) -> bool:
        administration.delete_account(service, ada.id)
        return False

    monkeypatch.setattr(log_in, "verify_password", deleted)
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, "not the password at all", LAPTOP)

    with database.read() as connection:
        kept = select(AuditEvent.ip, AuditEvent.user_agent).where(AuditEvent.user_id == ada.id)
        assert set(connection.execute(kept).all()) == {("", "")}


def test_deleting_asks_for_the_password(service: AuthService, ada: Person, token: str) -> None:
    """AC-1: even if it was typed before."""
    with pytest.raises(WrongPassword):
        delete_account(service, open_session(service, token), "not the password at all")

    assert service.resume(token)


def test_the_download_has_what_is_kept_and_no_secret(
    service: AuthService, ada: Person, token: str, database: Database, letterbox: Letterbox
) -> None:
    """AC-5: users may ask for their data; secrets are left out, so that none is lost with it."""
    change_email(service, open_session(service, token), OTHER)
    letterbox.queue.finish()
    text = json.dumps(export_data(service, open_session(service, token)))

    with database.read() as connection:
        row = connection.execute(select(User.__table__)).one()
        session = connection.execute(select(Session.__table__)).one()
    told = (ada.email, OTHER, "Ada Lovelace", LAPTOP.user_agent, "user_created")
    assert all(each in text for each in told)
    secrets = (row.password_hash, session.id, session.token_id, token)
    assert not any(secret in text for secret in secrets)


def test_no_verb_works_for_a_session_that_is_over(
    service: AuthService, ada: Person, token: str
) -> None:
    """SE-2: each checks again."""
    service.log_out(token)

    for verb in (
        lambda: change_name(service, open_session(service, token), "Eve"),
        lambda: change_password(service, open_session(service, token), ada.password, NEW),
        lambda: change_email(service, open_session(service, token), OTHER),
        lambda: pending_email(service, open_session(service, token)),
        lambda: resend_link(service, open_session(service, token)),
        lambda: export_data(service, open_session(service, token)),
        lambda: recent_activity(service, open_session(service, token)),
        lambda: delete_account(service, open_session(service, token), ada.password),
    ):
        with pytest.raises(SessionOver):
            verb()


def test_a_new_browser_is_told_by_mail_and_a_known_one_is_not(
    service: AuthService, ada: Person, letterbox: Letterbox
) -> None:
    """Nor is the very first log-in."""
    windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156.0.0.0 Safari/537.36"
    for agent in (LAPTOP.user_agent, LAPTOP.user_agent, windows, windows):
        client = Client(ip=LAPTOP.ip, user_agent=agent)
        service.log_in(ada.email, ada.password, client)
        letterbox.queue.finish()

    told = [mail for mail in letterbox.to(ada.email) if "New log-in" in mail.subject]
    assert len(told) == 1
    assert "Chrome on Windows" in told[0].text


def test_the_first_log_in_after_a_takeover_is_of_no_new_browser(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """Which browsers were used before is forgotten: their own would be told as a stranger's."""
    request_reset(service, ada.email, LAPTOP)
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)

    service.log_in(ada.email, NEW, LAPTOP)
    letterbox.queue.finish()

    assert not [mail for mail in letterbox.to(ada.email) if "New log-in" in mail.subject]


def test_an_email_that_is_given_up_is_free_after_a_day(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox, clock: Clock
) -> None:
    """AC-2: until then its owner can take it back, and no new account can block that."""
    change_email(service, open_session(service, token), OTHER)
    keep = letterbox.link(ada.email, "keep-email")
    confirm_email(
        service,
        letterbox.link(OTHER, "verify-email"),
        LAPTOP,
        session=service.session(token, trusted=True),
    )

    with pytest.raises(EmailTaken):
        service.sign_up(ada.email, NEW)
    bob = service.sign_up("bob@example.com", NEW)
    his = service.log_in(bob.email, NEW, LAPTOP).token
    change_email(service, open_session(service, his), ada.email)
    with pytest.raises(LinkRefused):
        confirm_email(
            service,
            letterbox.link(ada.email, "verify-email"),
            LAPTOP,
            session=service.session(his, trusted=True),
        )

    clock.advance(LIVES[Purpose.KEEP])
    assert service.sign_up(ada.email, NEW).email == ada.email
    with pytest.raises(LinkRefused):
        keep_email(service, keep, LAPTOP)


@pytest.mark.parametrize("first", ["the owner", "the thief"])
def test_no_later_change_takes_the_first_objection_away(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox, clock: Clock, first: str
) -> None:
    """AC-2: an attacker changes the email again, and objects to that themselves."""
    change_email(service, open_session(service, token), OTHER)
    keep = letterbox.link(ada.email, "keep-email")
    confirm_email(
        service,
        letterbox.link(OTHER, "verify-email"),
        LAPTOP,
        session=service.session(token, trusted=True),
    )
    clock.advance(timedelta(seconds=1))
    change_email(service, open_session(service, token), "third@example.com")
    thiefs = letterbox.link(OTHER, "keep-email")
    if first == "the thief":
        keep_email(service, thiefs, LAPTOP)

    keep_email(service, keep, LAPTOP)

    with pytest.raises(LinkRefused):
        keep_email(service, thiefs, LAPTOP)
    reset_password(service, letterbox.link(ada.email, "reset-password"), NEW, LAPTOP)
    assert service.log_in(ada.email, NEW, LAPTOP).user.email == ada.email
