"""The sentences of this feature's pages; its emails are in emails.py."""

SENT = "We have sent you a link. Open it to confirm your email."
NOT_CONFIRMED = "Your email is not confirmed yet."
OPEN_LINK = "Open the link in the email we sent you."
WHY_PASSWORD = "Enter the password of your account to confirm that this is your email."  # noqa: S105
THANKS = "Thank you. Your email is confirmed."
THANKS_FOR = "Thank you. This email is confirmed:"
