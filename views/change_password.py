"""Change password: the current one is needed, and every other device is logged out."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails, WrongPassword
from auth.password_rules import ADVICE
from web.form import form_page, show_faults
from web.guard import adopt_token
from web.start import service
from web.tab import tab

answer = form_page("Change your password")
with st.form("change_password"):
    current = st.text_input("Current password", type="password", autocomplete="current-password")
    beside_current = st.container()
    new = st.text_input("New password", type="password", autocomplete="new-password")
    beside_new = st.container()
    st.caption(f"At least {service().settings.password_min_length} characters. {ADVICE}")
    submitted = st.form_submit_button("Change my password", type="primary", width="stretch")
st.page_link("views/account.py", label="Back to your account")

if submitted:
    try:
        login = service().change_password(tab().token, current, new)
    except InvalidDetails as refusal:
        show_faults(beside_new, refusal.faults["password"])
    except WrongPassword as refusal:
        show_faults(beside_current, [refusal.message])
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        adopt_token(login)
        tab().notice = "Your password is changed, and your other devices are logged out."
        st.switch_page("views/account.py")
