"""What the tests of account life share: a post whose letters can be read, and links in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from auth.mail import Mail, MailFailed, Post
from auth.service import AuthService
from db.engine import Database
from settings import Settings
from tests.conftest import Clock, Person, sign_up_ada


@dataclass
class Letterbox:
    """Where letters arrive; one that is *shut* takes none."""

    post: Post = field(init=False)
    mails: list[Mail] = field(default_factory=list)
    shut: bool = False

    def send(self, mail: Mail) -> None:
        """Keep *mail*, or fail as a server that is down does."""
        if self.shut:
            raise MailFailed("ConnectionRefusedError")
        self.mails.append(mail)

    def to(self, address: str) -> list[Mail]:
        """Return what has come for *address*, when all that was handed in has been sent."""
        self.post.finish()
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
    box.post = Post(box, pauses=())
    yield box
    box.post.close()


@pytest.fixture
def service(
    database: Database, settings: Settings, clock: Clock, letterbox: Letterbox
) -> AuthService:
    """The verbs, with a post."""
    return AuthService(database, settings, post=letterbox.post, clock=clock)


@pytest.fixture
def ada(service: AuthService, letterbox: Letterbox) -> Person:
    """Ada, who has an account, and has had her first letter."""
    person = sign_up_ada(service)
    letterbox.post.finish()
    return person
