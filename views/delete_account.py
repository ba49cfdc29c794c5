"""Delete account: the password once more, and everything personal is gone."""

import streamlit as st

from auth.errors import AuthError
from web.form import form_page
from web.guard import sign_out_locally
from web.start import service
from web.tab import tab

answer = form_page("Delete your account")
st.text(
    "Your account, your sessions and everything personal in them are deleted at once. "
    "Nobody can bring them back."
)
with st.form("delete_account"):
    password = st.text_input("Password", type="password", autocomplete="current-password")
    submitted = st.form_submit_button("Delete my account", type="primary", width="stretch")
st.page_link("views/account.py", label="Back to your account")

if submitted:
    try:
        service().delete_account(tab().token, password)
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        sign_out_locally("Your account is deleted.")
