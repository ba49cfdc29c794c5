"""Two factors: a code from an authenticator app after the password, and recovery codes."""

from auth.audit import Event
from auth.feature import Feature, Page
from auth.operator import account_command
from features.two_factor import rules
from features.two_factor.emails import samples

FEATURE = Feature(
    name="two_factor",
    pages=[
        Page("two_factor", "Two-factor authentication"),
        Page("recovery_codes", "Recovery codes"),
    ],
    draws=["card", "devices", "menu"],
    events={
        Event.FACTOR_ADDED: "A second factor was added",
        Event.FACTOR_REMOVED: "A second factor was removed",
        Event.FACTOR_FAILED: "Someone entered a wrong code, after your password",
        Event.DEVICE_TRUSTED: "A device isn't asked for a code for 30 days",
        Event.DEVICE_TRUST_ENDED: "A device is asked for a code again",
        Event.RECOVERY_USED: "A recovery code was used",
        Event.RECOVERY_RENEWED: "Your recovery codes were replaced",
    },
    samples=samples,
    export=rules.export,
    stage=rules.ask,
    is_factor=True,
    has_factor=rules.has_app,
    device_token=rules.device_token,
    allows=rules.allows,
    rotate=rules.rotate,
    expired=rules.expired,
    after_takeover=rules.remove_planted,
    at_start=rules.at_start,
    commands=[account_command("two-factor-off", rules.turn_off_for)],
)
