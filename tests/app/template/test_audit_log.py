"""The audit log's page: filters, words, and nothing a visitor's text could turn."""

import pytest

from auth.administration import disable, grant
from auth.audit import Event
from auth.client import Client
from auth.errors import InvalidDetails
from auth.roles import Role
from auth.service import AuthService
from auth.users import User
from features.audit_log.rules import find_user_id
from tests.app.conftest import PASSWORD, SignedIn
from web.words import EVENTS

PAGE = "features/audit_log/audit_log.py"


def test_the_log_is_filtered_on_its_page(
    signed_in: SignedIn, service: AuthService, ada: User
) -> None:
    """LG-1: by user and by event; an email without an account is told."""
    grant(service, ada.id, Role.ADMIN)
    bob = service.sign_up("bob@example.com", PASSWORD)
    disable(service, bob.id)
    app = signed_in(ada, PAGE)
    assert any("Role granted · admin · ada@" in text.value for text in app.main.text)

    app.main.text_input[0].set_value(bob.email).run()
    app.main.selectbox[0].select(Event.USER_CHANGED).run()

    assert not app.exception
    assert [text.value for text in app.main.text] == [f"Account changed · disabled · {bob.email}"]
    app.main.text_input[0].set_value("eve@example.com").run()
    assert [error.value for error in app.error] == ["No account has this email."]


def test_an_email_without_an_account_is_told(service: AuthService, ada: User) -> None:
    """LG-1: a deleted account is found by its id."""
    grant(service, ada.id, Role.ADMIN)
    admin = service.session(service.log_in(ada.email, PASSWORD, Client()).token)
    assert admin
    for text in ("bob@example.com", "no email", "x" * 10_000):
        with pytest.raises(InvalidDetails):
            find_user_id(service, admin, text)

    assert find_user_id(service, admin, "0" * 32) == "0" * 32
    assert find_user_id(service, admin, "") is None


def test_every_event_has_words() -> None:
    """LG-1: an admin reads what happened, not a code."""
    assert set(EVENTS) == set(Event)
