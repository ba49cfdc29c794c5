"""The sentences of this feature's pages; its emails are in emails.py."""

WHAT_IS_DOWNLOADED = "Everything we store about you."
WHAT_IS_DELETED = "Your account, sessions and data. This can't be undone."
WARNING = (
    "This deletes your account, your sessions and all your personal data at once. It can't be "
    "undone."
)
DELETED = "Your account has been deleted."
