"""The account page's section on passkeys."""

import streamlit as st

from features.passkeys.ceremony import unsupported_reason
from features.passkeys.rules import list_passkeys
from web.details import change_link, row, section
from web.tab import visit


def show_card() -> None:
    """Draw how many passkeys there are, where browsers allow any."""
    auth = visit().auth
    if unsupported_reason(auth.settings):
        return
    names = [each.name for each in list_passkeys(auth, visit().session)]
    with section("Passkeys"), row("Passkeys"):
        st.text(", ".join(names[:3]) + ("…" if len(names) > 3 else "") or "None")
        change_link("passkeys", "your passkeys", verb="Change" if names else "Add")
