"""The account page, and the pages to change the name and the password."""

from auth.audit import Event
from auth.feature import Feature, Page

FEATURE = Feature(
    name="account",
    pages=[
        Page("account", "Account"),
        Page("change_name", "Change your name"),
        Page("change_password", "Change your password"),
    ],
    events={
        Event.PASSWORD_CHANGED: "Your password was changed",
        Event.USER_CHANGED: "Your details were changed",
    },
)
