"""How a form looks: one narrow column, and each fault beside the field it is about."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from web.start import service

STYLE = """
    .stMainBlockContainer { max-width: 484px; } /* one narrow column, its margins with it */
    [data-testid="InputInstructions"] { display: none; } /* it would lie on what people type */
"""


def form_page(title: str) -> DeltaGenerator:
    """Begin a page that is one form; return the place for its answer, between title and form."""
    st.html(f"<style>{STYLE}</style>")
    st.title(title)
    st.text(service().settings.app_name)
    return st.container()


def show_faults(beside: DeltaGenerator, faults: Sequence[str]) -> None:
    """Write every fault of a field beside it."""
    for fault in faults:
        beside.markdown(f":small[:red[{fault}]]")
