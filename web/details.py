"""A card of labels and values, as the account page shows them."""

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def show_details(title: str, details: Mapping[str, str]) -> DeltaGenerator:
    """Draw and return a card of *details*: what users typed is text there, never markup."""
    card = st.container(border=True)
    with card:
        st.subheader(title, anchor=False)
        for label, value in details.items():
            left, right = st.columns([1, 2], gap="xxsmall")
            left.caption(label)
            right.text(value or "–")
    return card
