"""The specification: what the app promises, each promise a test."""
