"""The sentences of this feature's pages; its emails are in emails.py."""

from auth.errors import AuthError


class CodeRefused(AuthError):
    """A code is wrong, too old, or was used before."""

    message = "This code doesn't work. Wait for the next one and try again."


class RecoveryCodeRefused(AuthError):
    """A recovery code is wrong, or was used before."""

    message = "This recovery code doesn't work. Each one works once."


class OtherFactorNeeded(AuthError):
    """The account has a second factor that is no app, and has to be logged in to with it."""

    message = "Your account has a passkey. Go back and log in with it."


TITLE = "Enter your code"
ASK_CODE = "Your authenticator app shows it."
ASK_RECOVERY = "Enter one of the recovery codes you saved."
TRUST = "Don't ask on this device for 30 days"
TRUSTED = "Devices that aren't asked for a code"
REQUIRED = "This app needs a second factor at every log-in. Set it up to continue."
OTHER = "Log in with your passkey"
SET_UP = "Set up your authenticator app"
SCAN = "Scan this with an authenticator app, or type the key into it. Then enter the code it shows."
TURN_OFF = "Turn off two-factor authentication"
TURN_OFF_TEXT = "Enter a code from your app or a recovery code. Your other devices are logged out."
TURN_OFF_NOW = "Your recovery codes stop working, and your other devices are logged out."
STEP_UP = "To change how you log in"
TURNED_OFF = "Two-factor authentication is off, and your other devices are logged out."
NEW_CODES_NEEDED = "Recovery codes left: {left}. New ones replace them."
CODES_TITLE = "Your recovery codes"
KEEP_CODES = (
    "If you don't have your phone, each of these codes logs you in once, together with your "
    "password. They are shown only now: keep them where you keep your passwords."
)
