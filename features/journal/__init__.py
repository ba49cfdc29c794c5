"""Journal: the example of per-user data, with a table, a form and a chart on the home page."""

from auth.feature import Feature
from features.journal import rules

FEATURE = Feature(name="journal", draws=["home"], export=rules.export)
