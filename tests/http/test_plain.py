"""Plain `streamlit run app.py`: the gate stands before the first page is asked for."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.http.conftest import ask
from tests.http.test_websocket import shake_hands
from tests.serving import Server, serve


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run app.py; no page of it has been asked for."""
    with serve("app.py", tmp_path_factory.mktemp("plain")) as server:
        yield server


FOREIGN = ["https://evil.example", "http://localhost:1", "http://0.0.0.0:{port}"]


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_no_foreign_page_is_let_in_or_looked_up(plain: Server, origin: str | None) -> None:
    """AV-5, CK-11: also before anything of app.py has run; one line in the log, however many."""
    since = len(plain.said())
    port = urlsplit(plain.url).port

    statuses = {shake_hands(plain, origin and origin.format(port=port)) for _ in range(5)}

    assert statuses == {403}
    assert plain.said(since).count("malicious_csrf") <= 1
    assert "external IP" not in plain.said()  # what Streamlit says of a look-up that failed
    assert "Traceback" not in plain.said(since)


def test_a_page_of_its_own_is_let_in(plain: Server) -> None:
    """CK-11: the same origin."""
    assert shake_hands(plain, plain.url) == 101


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_what_no_visitor_needs_is_closed_too(plain: Server, path: str) -> None:
    """CK-11: as under our own server."""
    assert ask(plain, "GET", path).status == 404


def test_a_signed_out_visitor_uploads_nothing(plain: Server) -> None:
    """AV-3: also with a token of its own making."""
    headers = {"Sec-Fetch-Site": "same-origin", "X-Xsrftoken": "x", "Cookie": "_streamlit_xsrf=x"}

    answer = ask(plain, "PUT", "/_stcore/upload_file/any/file", b"x", headers)

    assert (answer.status, answer.text) == (403, "Log in to upload files.")
