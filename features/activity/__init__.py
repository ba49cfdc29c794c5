"""Recent activity: what happened to an account, for its user."""

from auth.feature import Feature
from features.activity.rules import export

FEATURE = Feature(name="activity", has_card=True, export=export)
