"""The card to download one's data, and to delete it with the account."""

import json
from functools import partial

import streamlit as st

from auth.service import AuthService
from auth.sessions import Session
from features.personal_data.rules import export_data
from web.form import link
from web.tab import visit


def show_card() -> None:
    """Draw the download and the way to delete the account."""
    with st.container(border=True):
        st.subheader("Your data", anchor=False)
        st.download_button(
            "Download my data",
            data=partial(_download, visit().auth, visit().session),
            file_name="my-data.json",
            mime="application/json",
            on_click="ignore",
        )
        link("delete_account", "Delete your account", ":material/delete:")


def _download(auth: AuthService, session: Session) -> str:
    """Return the file: made at the click, outside any run, if the session is still open."""
    return json.dumps(export_data(auth, session), indent=2, ensure_ascii=False)
