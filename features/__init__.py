"""The features of this app, one line each, in the order of their cards on the account page.

All of a feature is in its folder here. `python3 dev.py remove NAME` deletes one.
"""

from auth.feature import Feature
from features.account import FEATURE as ACCOUNT
from features.activity import FEATURE as ACTIVITY
from features.audit_log import FEATURE as AUDIT_LOG
from features.devices import FEATURE as DEVICES
from features.email_change import FEATURE as EMAIL_CHANGE
from features.email_verification import FEATURE as EMAIL_VERIFICATION
from features.import_users import FEATURE as IMPORT_USERS
from features.invitations import FEATURE as INVITATIONS
from features.journal import FEATURE as JOURNAL
from features.passkeys import FEATURE as PASSKEYS
from features.password_reset import FEATURE as PASSWORD_RESET
from features.personal_data import FEATURE as PERSONAL_DATA
from features.two_factor import FEATURE as TWO_FACTOR
from features.users import FEATURE as USERS

FEATURES: tuple[Feature, ...] = (
    ACCOUNT,
    EMAIL_CHANGE,
    EMAIL_VERIFICATION,
    PASSWORD_RESET,
    PASSKEYS,
    TWO_FACTOR,
    DEVICES,
    ACTIVITY,
    PERSONAL_DATA,
    JOURNAL,
    IMPORT_USERS,
    USERS,
    INVITATIONS,
    AUDIT_LOG,
)
