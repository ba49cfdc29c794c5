"""The details of an account: times as its user's clock shows them."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
import streamlit as st

from tests.fixtures import NOON
from web.details import local


@pytest.mark.parametrize("zone", [None, "", "nowhere", "America", "a" * 300, "../etc/passwd"])
def test_a_time_zone_that_is_none_is_utc(zone: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """CK-9: the browser tells it, and a page may tell anything."""
    monkeypatch.setattr(st, "context", SimpleNamespace(timezone=zone))

    assert local(NOON).utcoffset() == timedelta()


def test_a_time_is_shown_in_the_browsers_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """CK-9: with its offset of that day."""
    monkeypatch.setattr(st, "context", SimpleNamespace(timezone="Asia/Tokyo"))

    assert local(NOON).utcoffset() == timedelta(hours=9)
