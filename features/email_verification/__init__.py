"""Confirm that an email belongs to its user, after sign-up and after a change."""

from auth.audit import Event
from auth.feature import Feature, Page
from features.email_verification.emails import samples
from features.email_verification.rules import enqueue_link, enqueue_taken

FEATURE = Feature(
    name="email_verification",
    pages=[Page("verify_email", "Verify email", public=True)],
    draws=["profile"],
    events={Event.LINK_SENT: "We sent you a link"},
    samples=samples,
    after_sign_up=enqueue_link,
    after_taken_sign_up=enqueue_taken,
)
