"""The sentences of this feature's pages; its emails are in emails.py."""

SENT = "We have sent an invitation to:"
SENT_AGAIN = "We have sent the invitation again. The earlier link no longer works."
REVOKED = "The invitation is revoked. Its link no longer works."
CLOSED = "Sign-up is closed (SIGN_UP=closed): no invitation can be sent or accepted."
NONE_YET = "No one has been invited yet."

# For the invited
READY = "Your account is ready."
VOID = "This invitation is no longer valid. Ask the person who invited you for a new one."
EXPIRED = "This invitation has expired. Ask the person who invited you for a new one."
HAS_ACCOUNT = "There is already an account with this email. Log in to continue."
NOT_NOW = "New accounts can't be made here at the moment. Try again later."
ACCEPTED = "This invitation was accepted. There is nothing left to do."
NOT_YOURS = "This invitation is for another email. To accept it, log out and open the link again."
