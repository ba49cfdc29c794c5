"""Your devices: list the account's sessions, end them, and report new devices by email."""

from auth.audit import Event
from auth.feature import Feature, Page
from features.devices.emails import samples
from features.devices.rules import report_new_device

FEATURE = Feature(
    name="devices",
    pages=[Page("devices", "Your devices")],
    draws=["card"],
    events={Event.SESSION_REVOKED: "Other sessions were ended"},
    samples=samples,
    after_log_in=report_new_device,
)
