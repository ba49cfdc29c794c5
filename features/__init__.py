"""The features of this app, one line each, in the order of their cards on the account page.

Each is a folder here that holds all of it. `python3 dev.py remove NAME` deletes one.
"""

from auth.feature import Feature
from features.account import FEATURE as ACCOUNT
from features.activity import FEATURE as ACTIVITY
from features.devices import FEATURE as DEVICES
from features.email_change import FEATURE as EMAIL_CHANGE
from features.email_verification import FEATURE as EMAIL_VERIFICATION
from features.password_reset import FEATURE as PASSWORD_RESET
from features.personal_data import FEATURE as PERSONAL_DATA

FEATURES: tuple[Feature, ...] = (
    ACCOUNT,
    EMAIL_CHANGE,
    EMAIL_VERIFICATION,
    PASSWORD_RESET,
    DEVICES,
    ACTIVITY,
    PERSONAL_DATA,
)
