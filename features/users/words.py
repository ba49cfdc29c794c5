"""The sentences of this feature's pages."""

NONE_FOUND = "No user matches."
NO_SUCH_USER = "There is no such user. The account may have been deleted."
NO_SESSION = "Not logged in anywhere."
NO_EVENT = "Nothing in the last {days} days."
RESET = "The user gets a link by email to choose a new one."
DELETE = "The account and all its personal data. This can't be undone."
DONE = {
    "disable": "The account is disabled, and its sessions have ended.",
    "enable": "The account can be used again.",
    "end": "The session has ended.",
    "reset": "We have sent a link to choose a new password.",
    "grant": "The role takes effect now.",
    "revoke": "The role has been removed.",
    "delete": "The account is deleted, with all its personal data.",
}
