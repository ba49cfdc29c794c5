"""The sentences that the core's pages show to visitors, besides the forms' own labels."""

from auth.sessions import EndReason

SIGNED_OUT = "You are logged out."
END_NOTICES: dict[EndReason | None, str] = {
    EndReason.LOGGED_OUT: SIGNED_OUT,
    EndReason.REPLACED: "There was another log-in in this browser. Log in to continue.",
    EndReason.CROWDED_OUT: "You logged in on more devices than one account can have at a time.",
    EndReason.ENDED: "This device was logged out from another one of yours.",
    EndReason.STALE: "We could not confirm that this page is yours. Reload it to continue.",
    EndReason.REUSED: "This session was ended: its cookie was used twice. Log in to continue.",
    EndReason.EXPIRED: "Your session has reached its end. Log in to continue.",
    EndReason.IDLE: "You were away for a while, so we logged you out. Log in to continue.",
    EndReason.DISABLED: "This account is disabled. Ask the people who run this app.",
    EndReason.CHANGED: "Your account has changed. Log in to continue.",
}
NO_LINK = "This page needs the link from our email. Open the link in the email again."
RELOADED = "Your page was reloaded. Send the form again."
BLOCKED = (
    "Your browser did not keep the log-in. Allow cookies for this site, switch off what blocks "
    "requests on this page, and log in again."
)
