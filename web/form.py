"""How a form looks: one narrow column, and each fault beside the field it is about."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from web.start import service

WIDTH = 484  # pixels, the margins with it; a narrower screen gets its own width


def form_page(title: str) -> DeltaGenerator:
    """Begin a page that is one form; return the place for its answer, between title and form."""
    st.html(f"<style>.stMainBlockContainer {{ max-width: {WIDTH}px; }}</style>")
    st.title(title)
    st.text(service().settings.app_name)
    return st.container()


def show_faults(beside: DeltaGenerator, faults: Sequence[str]) -> None:
    """Write every fault of a field beside it."""
    for fault in faults:
        beside.markdown(f":small[:red[{fault}]]")
