"""The suite: what the app promises, a file for each promise."""
