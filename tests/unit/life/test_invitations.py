"""Invitations in the corners: races, limits, the settings, and what stays behind."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from auth.administration import delete_account, grant, revoke
from auth.audit import Event
from auth.errors import (
    AuthError,
    EmailTaken,
    InvalidDetails,
    LinkRefused,
    PasswordNeeded,
    RoleNeeded,
    SignUpClosed,
    TooMany,
)
from auth.housekeeping import purge
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Session
from auth.step_up import RECENT
from auth.users import Account, find_by_email
from db.engine import Database
from db.models import AuditEvent
from features import FEATURES
from features.invitations import rules
from features.invitations.rules import (
    INVITE_RECIPIENT,
    KEPT,
    LIFE,
    NOTE_MAX,
    PAGE,
    State,
    accept,
    invite,
    list_invitations,
    list_pending,
    look_at_invitation,
    resend,
)
from features.invitations.rules import revoke as void
from features.invitations.tables import Invitation
from features.personal_data.rules import export_data
from settings import Settings
from tests.fixtures import LAPTOP, Clock, Letterbox, meet, open_session

BOB, PASSWORD = "bob@example.com", "kumquat lantern orbit"


def token_of(link: str) -> str:
    """Return the token in *link*."""
    return link.partition("token=")[2]


def test_of_two_who_accept_at_once_one_gets_an_account(service: AuthService) -> None:
    """RO-4, DB-1: on both databases."""
    token = token_of(invite(service, BOB))

    def accept_it(name: str) -> Exception | None:
        try:
            accept(service, token, name, PASSWORD, LAPTOP)
        except AuthError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as threads:
        errors = [error for error in threads.map(accept_it, ["Bob", "Eve"]) if error]

    assert [type(error) in (EmailTaken, LinkRefused) for error in errors] == [True]


def test_of_two_who_invite_one_person_at_once_neither_fails(
    service: AuthService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DB-1, RO-4: the later link counts, as one that is sent later does."""
    together = Barrier(2)

    def found(*given: Any) -> Account | None:
        account = find_by_email(*given)
        meet(together)
        return account

    monkeypatch.setattr(rules, "find_by_email", found)
    with ThreadPoolExecutor(2) as pool:
        links = list(pool.map(lambda _: invite(service, "bob@example.com"), range(2)))
    monkeypatch.undo()

    seen = [look_at_invitation(service, link.split("=")[-1]) for link in links]
    assert sorted(each is None for each in seen) == [False, True]


def test_an_email_that_got_an_account_meanwhile_is_told(service: AuthService) -> None:
    """RO-4: the page says so, and the account stays as it is."""
    token = token_of(invite(service, BOB, [Role.ADMIN]))
    user = service.sign_up(BOB, PASSWORD)
    with pytest.raises(EmailTaken):
        invite(service, BOB)

    with pytest.raises(EmailTaken):
        accept(service, token, "", "another password of mine", LAPTOP)

    assert service.log_in(BOB, PASSWORD, LAPTOP).user.roles == set()
    assert user.email == BOB


def test_the_settings_bind_invitations_too(
    database: Database, settings: Settings, clock: Clock, service: AuthService
) -> None:
    """RO-4: nothing when sign-up is closed, and only emails at the listed domains."""

    def under(**changes: object) -> AuthService:
        changed = settings.model_copy(update=changes)
        return AuthService(database, changed, features=FEATURES, clock=clock)

    token = token_of(invite(service, BOB))
    closed, elsewhere = under(sign_up="closed"), under(sign_up_domains=("example.org",))
    for strict, error in ((closed, SignUpClosed), (elsewhere, InvalidDetails)):
        with pytest.raises(error):
            invite(strict, "eve@example.com")
        with pytest.raises(error):
            accept(strict, token, "", PASSWORD, LAPTOP)

    assert accept(under(sign_up="invited"), token, "", PASSWORD, LAPTOP)


def test_a_link_works_for_seven_days(
    service: AuthService, admin: Session, letterbox: Letterbox, clock: Clock
) -> None:
    """RO-4: the page says that it has expired."""
    invite(service, BOB, by=admin)
    link = letterbox.link(BOB, "accept-invitation")
    clock.advance(LIFE)

    assert look_at_invitation(service, link) == (BOB, State.EXPIRED)
    with pytest.raises(LinkRefused):
        accept(service, link, "", PASSWORD, LAPTOP)


def test_what_a_former_admin_sent_is_void(
    service: AuthService, admin: Session, letterbox: Letterbox
) -> None:
    """RO-2: otherwise they could come back as an admin by an invitation of their own."""
    invite(service, BOB, [Role.ADMIN], by=admin)
    link = letterbox.link(BOB, "accept-invitation")
    grant(service, service.sign_up("eve@example.com", PASSWORD).id, Role.ADMIN)
    revoke(service, admin.user.id, Role.ADMIN)

    with pytest.raises(LinkRefused):
        accept(service, link, "", PASSWORD, LAPTOP)


def test_guessing_links_is_counted(service: AuthService) -> None:
    """TH-2, AV-1: like every link, before anything is looked up."""
    refused: set[type[Exception]] = set()
    for number in range(60):
        with pytest.raises(AuthError) as error:
            accept(service, f"guess {number}", "", PASSWORD, LAPTOP)
        refused.add(error.type)

    assert refused == {LinkRefused, TooMany}


def test_one_recipient_gets_a_few_invitations(service: AuthService, letterbox: Letterbox) -> None:
    """EN-3: an admin's account that was taken over fills no mailbox."""
    with pytest.raises(TooMany):
        for _ in range(10):
            invite(service, BOB)
    letterbox.queue.finish()

    assert len(letterbox.to(BOB)) == 5


def test_a_copied_cookie_of_an_admin_uses_up_no_invitations(
    service: AuthService, admin: Session, clock: Clock
) -> None:
    """TH-4: what is refused for the password is not counted against the recipient."""
    clock.advance(RECENT)
    for _ in range(INVITE_RECIPIENT.free):
        with pytest.raises(PasswordNeeded):
            invite(service, BOB, by=admin)

    assert invite(service, BOB)


def test_every_broken_field_is_told_at_once(service: AuthService) -> None:
    """AV-2: the note is a line of bounded length."""
    with pytest.raises(InvalidDetails) as refused:
        invite(service, "no email", [], "x" * (NOTE_MAX + 1))

    assert set(refused.value.errors) == {"email", "note"}


def test_only_the_hash_of_a_link_is_kept(service: AuthService) -> None:
    """LG-2: a copy of the database accepts nothing."""
    token = token_of(invite(service, BOB))

    with service.read() as connection:
        [row] = connection.execute(select(Invitation.__table__))
    assert token not in str(row)


def test_an_accepted_invitation_is_audited_with_who_sent_it(
    service: AuthService, admin: Session, letterbox: Letterbox
) -> None:
    """RO-1, LG-1: the account, and each role."""
    invite(service, BOB, [Role.ADMIN], by=admin)
    user = accept(service, letterbox.link(BOB, "accept-invitation"), "Bob", PASSWORD, LAPTOP)

    with service.read() as connection:
        columns = (AuditEvent.event, AuditEvent.by_id, AuditEvent.detail)
        rows = connection.execute(select(*columns).where(AuditEvent.user_id == user.id))
        told = {tuple(row) for row in rows}
    assert (Event.USER_CREATED, None, None) in told
    assert (Event.INVITATION_ACCEPTED, admin.user.id, None) in told
    assert (Event.ROLE_GRANTED, admin.user.id, "admin") in told


def test_an_invitation_goes_with_the_account_and_is_downloaded(
    service: AuthService, admin: Session
) -> None:
    """AC-6: and one that nobody accepted goes a month after it has expired."""
    user = accept(service, token_of(invite(service, BOB)), "", PASSWORD, LAPTOP)
    token = service.log_in(BOB, PASSWORD, LAPTOP).token
    assert export_data(service, open_session(service, token))["invitation"]["email"] == BOB

    delete_account(service, user.id)

    assert list_invitations(service, admin) == []


def test_unanswered_invitations_are_forgotten(
    service: AuthService, admin: Session, clock: Clock
) -> None:
    """DB-7: they hold the email of a person who may not know about it."""
    token = token_of(invite(service, BOB))
    clock.advance(LIFE + KEPT)

    sum(purge(service))

    assert look_at_invitation(service, token) is None


def test_a_role_that_is_gone_from_the_code_is_not_given(service: AuthService) -> None:
    """RO-2: an old link gives what still exists."""
    token = token_of(invite(service, BOB, ["editor", Role.ADMIN]))  # type: ignore[list-item]

    accept(service, token, "", PASSWORD, LAPTOP)

    assert service.log_in(BOB, PASSWORD, LAPTOP).user.roles == {Role.ADMIN}


def test_the_list_comes_in_pages(service: AuthService, admin: Session) -> None:
    """Newest first, each page from the last row of the one before."""
    for number in range(PAGE + 2):
        invite(service, f"guest{number}@example.com")

    first = list_invitations(service, admin)
    second = list_invitations(service, admin, before=first[PAGE - 1].id)

    assert len(first) == PAGE + 1
    assert [sent.email for sent in second] == ["guest1@example.com", "guest0@example.com"]


def test_those_who_wait_are_found_like_users(service: AuthService, admin: Session) -> None:
    """By the beginning of an email, in its order and in pages; not who has an account, or won't."""
    for number in range(PAGE + 2):
        invite(service, f"Guest{number:02}@example.com")
    invite(service, "al@example.com")
    accept(service, token_of(invite(service, BOB)), "", PASSWORD, LAPTOP)
    invite(service, "eve@example.com")
    service.sign_up("eve@example.com", PASSWORD)
    invite(service, "gus@example.com")
    void(service, list_invitations(service, admin)[0].id)

    first = list_pending(service, admin)
    second = list_pending(service, admin, "", first[PAGE - 1].email)

    assert [invitee.email for invitee in first[:2]] == ["al@example.com", "Guest00@example.com"]
    assert [invitee.email[:7] for invitee in second] == ["Guest24", "Guest25", "Guest26"]
    assert len(list_pending(service, admin, "gUEST1")) == 10
    assert list_pending(service, admin, "bob") == list_pending(service, admin, "eve") == []
    assert list_pending(service, admin, "gus") == []
    with pytest.raises(RoleNeeded):
        list_pending(service, open_session(service, service.log_in(BOB, PASSWORD, LAPTOP).token))


def test_what_was_accepted_is_not_sent_again(service: AuthService, admin: Session) -> None:
    """The page may be older than the answer."""
    accept(service, token_of(invite(service, BOB)), "", PASSWORD, LAPTOP)

    with pytest.raises(LinkRefused):
        resend(service, list_invitations(service, admin)[0].id)
