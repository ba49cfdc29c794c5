"""Why a session is over: stored in its row, and shown to its user."""

from enum import StrEnum


class EndReason(StrEnum):
    """Why a session is over."""

    LOGGED_OUT = "logged_out"
    REPLACED = "replaced"  # by another log-in in the same browser
    CROWDED_OUT = "crowded_out"  # by too many newer ones
    ENDED = "ended"  # from another device of the same user
    STALE = "stale"  # for this token alone: it was replaced, the session may go on; never stored
    REUSED = "reused"  # a token came back that had been replaced: somebody has a copy
    EXPIRED = "expired"  # its absolute life is over
    IDLE = "idle"
    DISABLED = "disabled"  # the account is
    CHANGED = "changed"  # the account was, in a way that ends every session
