"""Personal data: downloaded in full, without secrets, and deleted with the account."""

import json

import pytest

from auth.errors import LogInRefused
from auth.service import AuthService
from features.personal_data.rules import delete_account, export_data
from tests.fixtures import LAPTOP, Letterbox, Person, open_session


def test_a_download_holds_the_account_and_no_secret(
    service: AuthService, ada: Person, token: str
) -> None:
    """AC-6: ready for JSON."""
    text = json.dumps(export_data(service, open_session(service, token)))

    assert ada.email in text
    assert "$2b$" not in text
    assert token not in text


def test_a_deleted_account_is_gone_with_its_sessions(
    service: AuthService, ada: Person, token: str, letterbox: Letterbox
) -> None:
    """AC-6: and its owner gets an email."""
    delete_account(service, open_session(service, token), ada.password)

    assert service.resume(token) is None
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)
    assert "was deleted" in letterbox.to(ada.email)[-1].subject
