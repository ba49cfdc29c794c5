"""What forms share: one narrow column, each fault beside its field, and a mail's link."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from web.start import service
from web.tab import tab

STYLE = """
    .stMainBlockContainer { max-width: 484px; } /* one narrow column, its margins with it */
    [data-testid="InputInstructions"] { display: none; } /* it would lie on what people type */
"""

NO_LINK = "This page works by the link in our mail. Open it there, once more if you have to."


def form_page(title: str) -> DeltaGenerator:
    """Begin a page that is one form; return the place for its answer, between title and form."""
    st.html(f"<style>{STYLE}</style>")
    st.title(title, anchor=False)
    st.text(service().settings.app_name)
    return st.container()


def show_faults(beside: DeltaGenerator, faults: Sequence[str]) -> None:
    """Write every fault of a field beside it."""
    for fault in faults:
        beside.markdown(f":small[:red[{fault}]]")


def outbox_hint(place: DeltaGenerator) -> None:
    """Tell a developer where the mail went; where mails leave for real it says nothing."""
    settings = service().settings
    if not settings.production and not settings.smtp_url:
        place.caption("Outbox: this mail is a file in data/outbox/, its link is in the terminal.")


def link_token() -> str:
    """Return the token that the mail's link brought, and take it out of the address bar (RS-4)."""
    if token := st.query_params.get("token"):
        tab().link = token
        del st.query_params["token"]
    return tab().link or ""
