"""Below the profile: a new email that is not confirmed yet."""

from features.email_change.rules import pending_email
from web.details import show_details
from web.tab import visit


def show_profile() -> None:
    """Draw the pending email, if there is one."""
    if pending := pending_email(visit().auth, visit().session):
        show_details("Waiting for your confirmation", {"New email": pending})
