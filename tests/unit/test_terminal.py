"""The log of security events: words for a developer, JSON without an email in production."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest

from auth.errors import LogInRefused
from auth.service import AuthService
from settings import Settings
from tests.fixtures import LAPTOP, Person, make_settings
from web.start import show_audit

WRONG = "not the password at all"


@pytest.fixture(autouse=True)
def unshown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No server has shown the log yet."""
    audit = logging.getLogger("auth.audit")
    monkeypatch.setattr(audit, "handlers", [])
    yield
    audit.setLevel(logging.NOTSET)


def written(
    settings: Settings, service: AuthService, ada: Person, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Return what the log-ins of this test leave in the terminal."""
    show_audit(settings)
    for email in (ada.email, "nobody@example.com"):
        with suppress(LogInRefused):
            service.log_in(email, WRONG, LAPTOP)
    service.log_in(ada.email, ada.password, LAPTOP)
    return capsys.readouterr().err.splitlines()


def test_in_development_each_event_is_a_line_of_words(
    service: AuthService, ada: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """LG-1: when, what, and whose account, by its email."""
    lines = [line.split("  ") for line in written(make_settings(), service, ada, capsys)]

    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", line[0]) for line in lines)
    assert [(line[1], line[-1].strip()) for line in lines] == [
        ("Wrong password at log-in", ada.email),
        ("Wrong password at log-in", "no account"),
        ("Logged in, after wrong passwords", ada.email),
        ("Session started", ada.email),
    ]


def test_in_production_each_event_is_a_line_of_json(
    service: AuthService, ada: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    """LG-1, LG-2: for programs, and with ids alone."""
    lines = written(make_settings(app_env="production"), service, ada, capsys)

    assert [json.loads(line)["user"] for line in lines] == [ada.id, None, ada.id, ada.id]
    assert not any("@" in line for line in lines)
