"""Reset a forgotten password by an emailed link."""

from auth.feature import Feature, Page
from features.password_reset.commands import reset
from features.password_reset.emails import samples

FEATURE = Feature(
    name="password_reset",
    pages=[
        Page("forgot_password", "Forgot password", public=True),
        Page("reset_password", "Reset password", public=True),
    ],
    samples=samples,
    commands=[reset],
)
