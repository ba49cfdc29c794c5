"""The sentences of this feature's pages; its emails are in emails.py."""

SENT = "Open the link we have sent to your new email. Until then, your old one stays in use."
UNCHANGED = "That's already your email."
WHAT_IS_SENT = "We'll send a link to the new email, and a notice to the old one."
NOT_YOU = (
    "If you didn't ask to change your email, someone else is using your account. We'll log out "
    "every device, switch off the password and all passkeys, and email you a link to choose a new "
    "password."
)
KEPT = "Your account keeps its old email. Open the link we have sent there to choose a password."
