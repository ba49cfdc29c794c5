"""The sentences of this feature's pages."""

NAME_CHANGED = "Your name has been changed."
NAME_UNCHANGED = "That's already your name, so nothing was changed."
PASSWORD_CHANGED = "Your password has been changed, and your other devices are logged out."  # noqa: S105
PASSWORD_UNCHANGED = "That's already your password. Choose another one."  # noqa: S105
