"""The sentences of this feature."""

from auth.errors import AuthError


class JournalFull(AuthError):
    """A user has as many entries as one journal can have."""

    message = "Your journal is full. Delete old entries first."


TITLE = "Your journal"
EXAMPLE = (  # in development
    "An example of data that only its user sees. All of it is in `features/journal/`; "
    "`python3 dev.py remove journal` removes it."
)
ASK = "What did you do today?"
NOTHING_TYPED = "Enter what you did."
NONE_YET = "Nothing here yet. Your first entry appears with a chart of your days."
SAVED = "Saved."
DELETED = "Deleted."
