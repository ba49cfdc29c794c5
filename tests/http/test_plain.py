"""Plain `streamlit run app.py`: the gate stands before the first page is asked for."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.http.conftest import ask
from tests.http.test_websocket import shake_hands
from tests.serving import Server, copy_project, serve, wait_until


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


@pytest.mark.parametrize("path", ["/", "/index.html", "/log-in"])
def test_every_page_comes_with_its_style(plain: Server, path: str) -> None:
    """A browser that has the page without it gets it anew."""
    had = {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}

    answer = ask(plain, "GET", path, headers=had)

    assert answer.status == 200
    assert "<body><style>" in answer.text and ".st-key-card" in answer.text


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_what_no_visitor_needs_is_closed_too(plain: Server, path: str) -> None:
    """CK-11: as under our own server."""
    assert ask(plain, "GET", path).status == 404


def test_a_signed_out_visitor_uploads_nothing(plain: Server) -> None:
    """AV-3: also with a token of its own making."""
    headers = {"Sec-Fetch-Site": "same-origin", "X-Xsrftoken": "x", "Cookie": "_streamlit_xsrf=x"}

    answer = ask(plain, "PUT", "/_stcore/upload_file/any/file", b"x", headers)

    assert (answer.status, answer.text) == (403, "Log in to upload files.")


def test_no_visit_is_logged_also_after_a_change_of_the_configuration(tmp_path: Path) -> None:
    """LG-2: Streamlit then turns uvicorn's log on, where an emailed link has its secret."""
    project = copy_project(tmp_path / "app")
    with serve("app.py", tmp_path, project=project) as server:
        with (project / ".streamlit/config.toml").open("a") as config:
            config.write("\n[noticed]\nby = 'a warning'\n")
        wait_until(lambda: "noticed.by" in server.said(), "Streamlit to read its configuration")
        since = len(server.said())

        ask(server, "GET", "/reset-password?token=the-secret")
        assert shake_hands(server, server.url) == 101

    assert "connection" not in server.said(since)  # closed by now
    assert "WebSocket" not in server.said(since)
    assert "reset-password" not in server.said(since)
