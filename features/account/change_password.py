"""Change password: requires the current one, if any, and logs out every other device."""

from auth.step_up import has_password
from features.account import rules, words
from web.form import Form, aside, form_page
from web.guard import adopt_token
from web.password import new_password
from web.step_up import ask_passkey, current_password, recently_authenticated
from web.tab import Go, visit


def change_password(current: str, new: str) -> Go:
    """Store the new password; this session continues under a new token."""
    auth, session, client = visit().auth, visit().session, visit().client
    adopt_token(rules.change_password(auth, session, current, new, client))
    return Go("account", words.PASSWORD_CHANGED)


known = has_password(visit().auth, visit().session)
with form_page("Change your password" if known else "Choose a password") as below:
    form = Form("change_password")
    if known or recently_authenticated():
        with form:
            current = current_password(form, "Current password") if known else ""
            new = new_password(form, "New password")
            form.button("Change my password" if known else "Save my password")
        form.submit(change_password, current, new)
    else:
        ask_passkey("To choose a password")
    aside(below, "account", "Back to your account")
