"""The names of tests/fixtures.py, under the place where tests import them from."""

from tests.fixtures import (
    CHEAPEST,
    KEY,
    LAPTOP,
    NOON,
    Clock,
    Letterbox,
    Person,
    Postgres,
    make_settings,
    open_session,
    sign_up_ada,
)

__all__ = [
    "CHEAPEST",
    "KEY",
    "LAPTOP",
    "NOON",
    "Clock",
    "Letterbox",
    "Person",
    "Postgres",
    "make_settings",
    "open_session",
    "sign_up_ada",
]
