"""The account page's section on two-factor authentication."""

import streamlit as st

from features.two_factor.rules import state
from web.details import change_link, day, row, section
from web.tab import visit


def show_card() -> None:
    """Draw whether an app is set up, and how many recovery codes are left."""
    auth = visit().auth
    if auth.settings.two_factor == "off":
        return
    found = state(auth, visit().session)
    with section("Two-factor authentication"):
        with row("App"):
            st.text(f"On since {day(found.app.created_at)}" if found.app else "Off")
            verb = "Turn off" if found.app else "Set up"
            change_link("two_factor", "your authenticator app", verb=verb)
        if found.app:
            with row("Recovery"):
                st.text(f"Codes left: {found.recovery_codes}")
                change_link("recovery_codes", "your recovery codes", verb="Renew")
