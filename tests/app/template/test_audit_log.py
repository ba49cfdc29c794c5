"""The audit log's page: filters, words, and nothing a visitor's text could turn."""

from auth.administration import disable, grant
from auth.audit import Event
from auth.roles import Role
from auth.service import AuthService
from auth.users import User
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
    assert any("Role given · admin · ada@" in text.value for text in app.main.text)

    app.main.text_input[0].set_value(bob.email).run()
    app.main.selectbox[0].select(Event.USER_CHANGED).run()

    assert not app.exception
    assert [text.value for text in app.main.text] == [f"Account changed · disabled · {bob.email}"]
    app.main.text_input[0].set_value("eve@example.com").run()
    assert [error.value for error in app.error] == ["No account has this email."]


def test_every_event_has_words() -> None:
    """LG-1: an admin reads what happened, not a code."""
    assert set(EVENTS) == set(Event)
