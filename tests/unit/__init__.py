"""The rules, one file a module."""
