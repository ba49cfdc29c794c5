"""The section to download personal data, and to delete it with the account."""

import json
from functools import partial

import streamlit as st

from auth.service import AuthService
from auth.sessions import Session
from features.personal_data import words
from features.personal_data.rules import export_data
from web.details import change_link, row, section
from web.tab import visit


def show_card() -> None:
    """Draw the download and the way to delete the account."""
    with section("Your data"):
        with row("Download"):
            st.text(words.WHAT_IS_DOWNLOADED)
            st.download_button(
                "Download my data",
                data=partial(_download, visit().auth, visit().session),
                file_name="my-data.json",
                mime="application/json",
                on_click="ignore",
            )
        with row("Delete"):
            st.text(words.WHAT_IS_DELETED)
            change_link("delete_account", "your account", verb="Delete")


def _download(auth: AuthService, session: Session) -> str:
    """Return the file, created at the click and outside any run, if the session is still open."""
    return json.dumps(export_data(auth, session), indent=2, ensure_ascii=False)
