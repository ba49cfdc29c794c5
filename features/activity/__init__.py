"""Recent activity: an account's security events, shown to its user."""

from auth.feature import Feature
from features.activity.rules import export

FEATURE = Feature(name="activity", draws=["card"], export=export)
