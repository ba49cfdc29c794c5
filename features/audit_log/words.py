"""The sentences of this feature's pages."""

NO_SUCH_USER = "No account has this email."
NOTHING = "No matching events."
FILE = "The file has the filtered events: the newest {most:,} at most."
