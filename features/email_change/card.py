"""The card of a changed email that waits for its owner's confirmation."""

from features.email_change.rules import pending_email
from web.details import show_details
from web.tab import visit


def show_card() -> None:
    """Draw the new email, if there is one."""
    if pending := pending_email(visit().auth, visit().session):
        show_details("Waiting for your confirmation", {"New email": pending})
