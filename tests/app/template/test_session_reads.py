"""The guard reads the session, and passes it on to the page."""

from datetime import datetime

import pytest
from sqlalchemy import Connection

from auth.sessions import Session, Sessions
from tests.app.conftest import Open, page_path


@pytest.mark.parametrize("page", ["home", "account", "devices", "change_email", "change_password"])
def test_a_run_reads_its_session_once(
    open_app: Open, token: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-2: on every run, and once however many parts of the page need it."""
    app = open_app(token).run().switch_page(page_path(page)).run()
    find, found = Sessions.find, list[str]()

    def count(
        self: Sessions, connection: Connection, session_id: str, now: datetime
    ) -> Session | None:
        found.append(session_id)
        return find(self, connection, session_id, now)

    monkeypatch.setattr(Sessions, "find", count)
    app.run()

    assert not app.exception
    assert len(found) == 1
