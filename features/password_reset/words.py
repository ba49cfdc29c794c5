"""The sentences of this feature's pages; its emails are in emails.py."""

TITLE = "Forgot your password?"
WHAT = "We'll email you a link to choose a new one."
SENT = "If there is an account with this email, we have sent it a link. It works once, for an hour."
CHANGED = "Your password has been changed. Log in with it."
