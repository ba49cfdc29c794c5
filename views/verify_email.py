"""Verify email: what the link in the mail opens; only the button confirms (RS-4)."""

import streamlit as st

from auth.errors import AuthError
from web.form import NO_LINK, form_page, link_token
from web.guard import client
from web.start import service
from web.tab import tab

link = link_token()
answer = form_page("Confirm your email")

if link:
    place = st.empty()
    if place.button("Confirm my email", type="primary", width="stretch"):
        try:
            email = service().confirm_email(link, client())
        except AuthError as refusal:
            answer.error(refusal.message)
            if not st.session_state["logged_in"]:
                # Who reads the mail that brings a new password has shown that the address is theirs
                st.page_link("views/forgot_password.py", label="Ask for a new link")
        else:
            tab().link = None
            user = service().resume(tab().token, trusted=True)
            if user and user.email == email:
                tab().notice = "Thank you. Your email is confirmed."
                st.switch_page("views/account.py")  # where each place has the new one
            place.empty()
            answer.success("Thank you. This email is confirmed:")
            answer.text(email)
else:
    answer.info(NO_LINK)

if st.session_state["logged_in"]:
    st.page_link("views/account.py", label="Go to your account")
else:
    st.page_link("views/log_in.py", label="Go to log in")
