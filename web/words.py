"""The sentences that the core's pages show to visitors, other than the forms' labels."""

from auth.audit import Event
from auth.sessions import EndReason

SIGNED_OUT = "You are logged out."
END_NOTICES: dict[EndReason | None, str] = {
    EndReason.LOGGED_OUT: SIGNED_OUT,
    EndReason.REPLACED: "There was another log-in in this browser. Log in to continue.",
    EndReason.CROWDED_OUT: (
        "You logged in on too many devices, so this one was logged out. Log in to continue."
    ),
    EndReason.ENDED: "You logged this device out from another one. Log in to continue.",
    EndReason.STALE: "We could not confirm that this page is yours. Reload it to continue.",
    EndReason.REUSED: "We ended this session: its cookie may have been copied. Log in to continue.",
    EndReason.EXPIRED: "Your session has reached its end. Log in to continue.",
    EndReason.IDLE: "You were away for a while, so we logged you out. Log in to continue.",
    EndReason.DISABLED: "This account is disabled. Ask the people who run this app.",
    EndReason.CHANGED: "Your account has changed. Log in to continue.",
    EndReason.ONE_FACTOR: "This app now asks for a second factor. Log in to continue.",
}
# Events as an admin reads them, of any user.
EVENTS = {
    Event.LOGGED_IN: "Logged in",
    Event.LOGGED_IN_AFTER_FAILING: "Logged in, after wrong passwords",
    Event.LOG_IN_FAILED: "Wrong password at log-in",
    Event.STEP_ASKED: "Correct password; a second step asked for",
    Event.PASSWORD_SWITCHED_OFF: "Password switched off for unknown networks",
    Event.LOCKED: "Log-in paused for a while",
    Event.CONFIRMED: "Identity confirmed",
    Event.PASSWORD_CHANGED: "Password changed",
    Event.PASSWORD_REMOVED: "Password removed",
    Event.FACTOR_ADDED: "Second factor added",
    Event.FACTOR_REMOVED: "Second factor removed",
    Event.FACTOR_FAILED: "Wrong code",
    Event.RECOVERY_USED: "Recovery code used",
    Event.RECOVERY_RENEWED: "New recovery codes created",
    Event.PASSKEY_ADDED: "Passkey added",
    Event.PASSKEY_REMOVED: "Passkey removed",
    Event.PASSKEY_USED: "Logged in with a passkey",
    Event.PASSKEY_CLONED: "Passkey refused: it may have been copied",
    Event.PASSKEY_REFUSED: "Passkey refused within a session",
    Event.DEVICE_TRUSTED: "Device trusted: it isn't asked for a code",
    Event.DEVICE_TRUST_ENDED: "Trust in a device ended",
    Event.LINK_SENT: "Link sent by email",
    Event.SESSION_REVOKED: "Session ended from elsewhere",
    Event.TOKEN_REUSED: "Session ended: its cookie was used twice",
    Event.SESSION_STARTED: "Session started",
    Event.SESSION_RENEWED: "Session renewed",
    Event.SESSION_EXPIRED: "Session expired",
    Event.LOGGED_OUT: "Logged out",
    Event.USED_AFTER_END: "Ended session used",
    Event.REFUSED: "Wrong password within a session",
    Event.INVITED: "Invitation sent",
    Event.INVITATION_REVOKED: "Invitation revoked",
    Event.INVITATION_ACCEPTED: "Invitation accepted",
    Event.ROLE_GRANTED: "Role granted",
    Event.ROLE_REVOKED: "Role revoked",
    Event.TOO_MANY: "Over a limit",
    Event.USER_CREATED: "Account created",
    Event.USER_CHANGED: "Account changed",
    Event.USER_DELETED: "Account deleted",
}
NO_LINK = "This page needs the link from our email. Open the link in the email again."
RELOADED = "Your page was reloaded. Send the form again."
BLOCKED = (
    "Your browser did not keep the log-in. Allow cookies for this site, switch off what blocks "
    "requests on this page, and log in again."
)


def event_in_words(event: Event) -> str:
    """Return *event* in words for an admin; one without words by its name."""
    return EVENTS.get(event, event.name.replace("_", " ").capitalize())
