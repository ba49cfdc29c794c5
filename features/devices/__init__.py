"""Your devices: where the account is logged in, the way to end that, and news of a new one."""

from auth.audit import Event
from auth.feature import Feature, Page
from features.devices.emails import samples
from features.devices.rules import report_new_device

FEATURE = Feature(
    name="devices",
    pages=[Page("devices", "Your devices")],
    has_card=True,
    events={Event.SESSION_REVOKED: "Other sessions were ended"},
    samples=samples,
    after_log_in=report_new_device,
)
