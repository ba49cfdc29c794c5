"""Invitations: by an admin's email to an account with roles, once."""

import pytest

from auth.administration import grant
from auth.errors import EmailTaken, LinkRefused, PasswordNeeded, RoleNeeded
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import Session
from auth.step_up import RECENT
from features.invitations import rules
from features.invitations.rules import State, accept, invite, look_at_invitation, resend
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, open_session

BOB, PASSWORD = "bob@example.com", "kumquat lantern orbit"


def test_an_invitation_makes_a_confirmed_account_with_its_roles(
    service: AuthService, admin: Session, letterbox: Letterbox
) -> None:
    """RO-4: once, and the list says who invited whom."""
    invite(service, BOB, [Role.ADMIN], "Welcome!", by=admin)
    link = letterbox.link(BOB, "accept-invitation")
    assert "Ada" in letterbox.to(BOB)[-1].text
    assert "Welcome!" in letterbox.to(BOB)[-1].text
    assert look_at_invitation(service, link) == (BOB, State.GOOD)

    accept(service, link, "Bob", PASSWORD, LAPTOP)

    user = service.log_in(BOB, PASSWORD, LAPTOP).user
    assert (user.name, user.roles) == ("Bob", frozenset(Role))
    assert user.verified_at
    with pytest.raises(EmailTaken):
        accept(service, link, "Eve", "another password of mine", LAPTOP)
    [sent] = rules.list_invitations(service, admin)
    assert (sent.email, sent.by, sent.roles) == (BOB, admin.user.email, frozenset(Role))
    assert sent.accepted_at


def test_sending_it_again_voids_the_earlier_link(
    service: AuthService, admin: Session, letterbox: Letterbox
) -> None:
    """RO-4: and revoking it voids the last one."""
    invite(service, BOB, by=admin)
    first = letterbox.link(BOB, "accept-invitation")
    resend(service, rules.list_invitations(service, admin)[0].id, by=admin)
    second = letterbox.link(BOB, "accept-invitation")

    assert look_at_invitation(service, first) is None
    assert look_at_invitation(service, second) == (BOB, State.GOOD)
    rules.revoke(service, rules.list_invitations(service, admin)[0].id, by=admin)

    with pytest.raises(LinkRefused):
        accept(service, second, "", PASSWORD, LAPTOP)
    assert rules.list_invitations(service, admin)[0].revoked_at


def test_only_an_admin_who_typed_the_password_lately_invites(
    service: AuthService, ada: Person, token: str, clock: Clock
) -> None:
    """RO-2: refused by the rule; an operator's command is not."""
    session = open_session(service, token)
    with pytest.raises(RoleNeeded):
        invite(service, BOB, by=session)
    with pytest.raises(RoleNeeded):
        rules.list_invitations(service, session)
    grant(service, session.user.id, Role.ADMIN)
    clock.advance(RECENT)

    with pytest.raises(PasswordNeeded):
        invite(service, BOB, by=open_session(service, token))
    assert "/accept-invitation?token=" in invite(service, BOB)
