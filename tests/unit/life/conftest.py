"""Fixtures for the tests of account life: a service with a mail queue, and Ada."""

import pytest

from auth.service import AuthService
from db.engine import Database
from features import FEATURES
from settings import Settings
from tests.conftest import Clock, Letterbox, Person, sign_up_ada

__all__ = ["Letterbox"]


@pytest.fixture
def service(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> AuthService:
    """A service with a mail queue."""
    return AuthService(
        database, settings, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )


@pytest.fixture
def ada(service: AuthService, letterbox: Letterbox) -> Person:
    """Ada, who has an account and has received her first email."""
    person = sign_up_ada(service)
    letterbox.queue.finish()
    return person
