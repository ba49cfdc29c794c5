"""The field for a new password; while the user types, it shows what is still missing."""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from auth.password_rules import ADVICE
from web.form import Form
from web.tab import visit

LINES = """
<ul>
  <li data-check="length"><i aria-hidden="true">○</i>At least {least} characters<u></u><b></b></li>
  <li data-check="varied"><i aria-hidden="true">○</i>Not just a few characters repeated<b></b></li>
  <li data-check="own"><i aria-hidden="true">○</i>Doesn't include your name or email<b></b></li>
</ul>
"""
STYLE = """
ul { margin: 0; padding: 0; list-style: none; }
li { display: flex; align-items: baseline; font-size: 0.8125rem; line-height: 1.6; opacity: 0.75; }
li.met { opacity: 1; color: light-dark(#237032, #69db7c); }
i { flex: none; width: 1.25rem; font-style: normal; }
u { text-decoration: none; white-space: pre; }
b { position: absolute; overflow: hidden; width: 1px; height: 1px; clip-path: inset(50%); }
"""


def new_password(form: Form, label: str = "Password") -> str:
    """Draw the field and its live checks in *form*, and return the input."""
    least = visit().auth.settings.password_min_length
    with st.container(key="new_password"):
        # No key of its own: that would keep the password in st.session_state by name.
        typed = st.text_input(label, type="password", autocomplete="new-password")
        form.errors("password")
        st.caption(f"Length beats symbols. {ADVICE}")
        _checks(least)(key="password_checks", data={"least": least})
    return typed


@cache
def _checks(least: int) -> ComponentRenderer:
    """Return the component; its lines are in the page already, so nothing moves when it starts."""
    return st.components.v2.component(
        "password_checks",
        html=LINES.format(least=least),
        css=STYLE,
        js=Path(__file__).with_name("password.js").read_text("utf-8"),
    )
