"""The sentences of this feature's pages."""

NO_SUCH_USER = "No account has this email."
NOTHING = "Nothing happened."
FILE = "The file has what is filtered, at most the newest {most:,} events."
