"""What the tests of account life share: a mail queue whose emails and links can be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from auth.mail import Mail, MailFailed, MailQueue
from auth.service import AuthService
from db.engine import Database
from features import FEATURES
from settings import Settings
from tests.conftest import Clock, Person, sign_up_ada


@dataclass
class Letterbox:
    """Where emails arrive; one that is *shut* takes none."""

    queue: MailQueue = field(init=False)
    mails: list[Mail] = field(default_factory=list)
    shut: bool = False

    def send(self, mail: Mail) -> None:
        """Keep *mail*, or fail as a server that is down does."""
        if self.shut:
            raise MailFailed("ConnectionRefusedError")
        self.mails.append(mail)

    def to(self, address: str) -> list[Mail]:
        """Return what has come for *address*, when all that was handed in has been sent."""
        self.queue.finish()
        return [mail for mail in self.mails if mail.to == address]

    def link(self, address: str, page: str) -> str:
        """Return the token of the newest link to *page* that has come for *address*."""
        found: list[str] = [
            token
            for mail in self.to(address)
            for token in re.findall(rf"/{page}\?token=(\S+)", mail.text)
        ]
        return found[-1]


@pytest.fixture
def letterbox() -> Iterator[Letterbox]:
    """A letterbox, empty."""
    box = Letterbox()
    box.queue = MailQueue(box, patience=0.0)
    yield box
    box.queue.close()


@pytest.fixture
def service(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> AuthService:
    """The verbs, with a mail queue."""
    return AuthService(
        database, settings, features=FEATURES, mail_queue=letterbox.queue, clock=clock
    )


@pytest.fixture
def ada(service: AuthService, letterbox: Letterbox) -> Person:
    """Ada, who has an account, and has had her first email."""
    person = sign_up_ada(service)
    letterbox.queue.finish()
    return person
