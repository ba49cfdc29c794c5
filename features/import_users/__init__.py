"""Import users from another system: streamlit-authenticator's file, JSON lines or CSV."""

from auth.feature import Feature
from features.import_users.commands import import_users

FEATURE = Feature(name="import_users", commands=[import_users])
