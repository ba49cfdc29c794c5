"""Per-user data: each user reads, exports and deletes their own rows alone."""

from datetime import date

import pytest

from auth.errors import InvalidDetails
from auth.service import AuthService
from features.journal.rules import add_entry, delete_entries, export, list_entries
from tests.fixtures import LAPTOP, Person, open_session

TODAY = date(2026, 3, 14)


def test_a_journal_is_its_users_alone(service: AuthService, ada: Person, token: str) -> None:
    """ASVS 8.2.2: another user neither sees its entries nor deletes them by their ids."""
    this = open_session(service, token)
    service.sign_up("grace@example.com", ada.password)
    other = open_session(service, service.log_in("grace@example.com", ada.password, LAPTOP).token)
    add_entry(service, this, TODAY, " Wrote a program ", 90)
    [entry] = list_entries(service, this)

    delete_entries(service, other, [entry.id])

    assert list_entries(service, other) == []
    assert [each.text for each in list_entries(service, this)] == ["Wrote a program"]
    with service.read() as connection:
        assert export(service, connection, this.user)["journal"][0]["minutes"] == 90
    delete_entries(service, this, [entry.id])
    assert list_entries(service, this) == []


@pytest.mark.parametrize("text", ["", "  ", "a" * 201, "\x00"])
def test_an_entry_without_a_text_is_refused(service: AuthService, token: str, text: str) -> None:
    """With a sentence beside the field, and nothing is written."""
    session = open_session(service, token)

    with pytest.raises(InvalidDetails):
        add_entry(service, session, TODAY, text, 5)

    assert list_entries(service, session) == []
