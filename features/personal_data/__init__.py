"""Personal data: downloaded, and deleted with the account."""

from auth.feature import Feature, Page
from features.personal_data.commands import export
from features.personal_data.emails import samples

FEATURE = Feature(
    name="personal_data",
    pages=[Page("delete_account", "Delete your account")],
    draws=["card"],
    samples=samples,
    commands=[export],
)
