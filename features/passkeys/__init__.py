"""Passkeys: log in and step up with a device instead of a password; each counts as two factors."""

from auth.audit import Event
from auth.feature import Feature, Page
from auth.operator import account_command
from features.passkeys import rules
from features.passkeys.emails import samples

FEATURE = Feature(
    name="passkeys",
    pages=[Page("passkeys", "Passkeys")],
    draws=["card", "buttons", "menu"],
    events={
        Event.PASSKEY_ADDED: "A passkey was added",
        Event.PASSKEY_REMOVED: "A passkey was removed",
        Event.PASSWORD_REMOVED: "Your password was removed",
        Event.PASSKEY_USED: "A passkey was used",
        Event.PASSKEY_REFUSED: "A passkey was refused in your account",
        Event.PASSKEY_CLONED: "A copied passkey was refused",
    },
    samples=samples,
    export=rules.export,
    at_start=rules.warnings,
    after_takeover=rules.remove_all,
    has_factor=rules.has_one,
    commands=[account_command("passkeys-off", rules.remove_for)],
)
