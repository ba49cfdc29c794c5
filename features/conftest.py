"""Fixtures for the features' tests: a service with every feature, and Ada, who gets its emails."""

import pytest

from auth.service import AuthService
from db.engine import Database
from features import FEATURES
from settings import Settings
from tests.fixtures import LAPTOP, Clock, Letterbox, Person, sign_up_ada


@pytest.fixture
def service(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> AuthService:
    """A service whose emails arrive in the letterbox."""
    return AuthService(
        database, settings, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )


@pytest.fixture
def ada(service: AuthService, letterbox: Letterbox) -> Person:
    """Ada, who has an account and has received her first email."""
    person = sign_up_ada(service)
    letterbox.queue.finish()
    return person


@pytest.fixture
def token(service: AuthService, ada: Person) -> str:
    """The token of a session of Ada's."""
    return service.log_in(ada.email, ada.password, LAPTOP).token
