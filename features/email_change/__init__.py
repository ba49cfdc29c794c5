"""Change of email: confirmed by the new email's owner, and reported to the old one."""

from auth.feature import Feature, Page
from features.email_change.emails import samples
from features.email_change.rules import export

FEATURE = Feature(
    name="email_change",
    pages=[
        Page("change_email", "Change your email"),
        Page("keep_email", "Keep your old email", public=True),
    ],
    draws=["profile"],
    samples=samples,
    export=export,
)
