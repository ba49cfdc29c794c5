"""The card of this session on the account page."""

from auth.browsers import browser_in_words
from web.dates import moment
from web.details import show_details
from web.form import link
from web.tab import visit


def show_card() -> None:
    """Draw when this session began, when it ends, and where it is used."""
    session = visit().session
    details = show_details(
        "This session",
        {
            "Logged in": moment(session.created_at),
            "Ends at the latest": moment(session.expires_at),
            "Browser": browser_in_words(session.user_agent),
        }
        | ({"IP": session.ip} if session.ip else {}),
    )
    with details:
        link("devices", "See your devices", ":material/devices:")
