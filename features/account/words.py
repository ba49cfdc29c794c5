"""The sentences of this feature's pages."""

NAME_CHANGED = "Your name has been changed."
NAME_UNCHANGED = "This is your name already: nothing was changed."
PASSWORD_CHANGED = "Your password has been changed, and your other devices are logged out."  # noqa: S105
PASSWORD_UNCHANGED = "This is your password already. Choose another one."  # noqa: S105
