"""Fixtures for the tests of account life: those of the features' own tests."""

from features.conftest import ada, service, token

__all__ = ["ada", "service", "token"]
