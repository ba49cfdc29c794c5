"""No way around app.py: by a folder of pages, by another tab's id, or by a message of Streamlit's.

Each is tried with a raw websocket, in both modes.
"""

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.util import calc_hash
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from auth.log import MOST
from auth.sessions import Client
from tests.http.conftest import PASSWORD, ask
from tests.serving import Server, copy_project, free_port, is_listening, serve, wait_until
from web.bounds import MEGABYTE

PATIENCE = 30.0  # seconds for an answer on a busy machine
STREAM = "/_stcore/stream"
OPEN = ExitStack()  # the websockets of the test that runs
both_modes = pytest.mark.parametrize("app", ["app.py", "server.py"], indirect=True)


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Run the app in both modes."""
    folder = tmp_path_factory.mktemp("doors")
    with serve("app.py", folder / "app") as plain, serve("server.py", folder / "server") as own:
        yield {"app.py": plain, "server.py": own}


@pytest.fixture
def app(apps: dict[str, Server], request: pytest.FixtureRequest) -> Server:
    """Return the app in the mode that the test names."""
    return apps[request.param]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Close the websockets that the test opened."""
    yield
    OPEN.close()


@dataclass
class Browser:
    """What one browser brings to every websocket: its cookies, and its XSRF token in script."""

    server: Server
    cookies: dict[str, str] = field(default_factory=dict)
    xsrf: str = field(default_factory=lambda: f"2|00000000|{secrets.token_hex(16)}|1700000000")
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    def connect(self, session_id: str = "", *, strip: bool = False) -> "Tab":
        """Open a websocket, for the tab *session_id* if one is named, or without any cookie."""
        cookies = {**self.cookies, "auth_browser": self.nonce, "_streamlit_xsrf": self.xsrf}
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        named = [Subprotocol(name) for name in ("streamlit", self.xsrf, session_id) if name]
        return Tab(open_stream(self.server, named, {} if strip else {"Cookie": header}))


@dataclass
class Tab:
    """One websocket to a tab, and what its last run put on the page."""

    socket: ClientConnection
    id: str = ""

    def run(self, path: str = "", *, name: str = "", page_hash: str = "") -> bytes:
        """Run the script as a page load of *path* does, and return all that it sent."""
        message = BackMsg()
        message.rerun_script.context_info.url = "http://127.0.0.1" + path
        message.rerun_script.page_name = name
        message.rerun_script.page_script_hash = page_hash
        self.send(message)
        return self.read_run()

    def send(self, message: BackMsg) -> None:
        """Send one message."""
        self.socket.send(message.SerializeToString())

    def read_run(self) -> bytes:
        """Return all that comes until a run has ended by itself."""
        sent = b""
        while True:
            frame, message = self.read()
            sent += frame
            if message.WhichOneof("type") == "new_session":
                self.id = message.new_session.initialize.session_id
            if (
                message.WhichOneof("type") == "script_finished"
                and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            ):
                return sent

    def read(self) -> tuple[bytes, ForwardMsg]:
        """Return the next message, as bytes and as what they mean."""
        frame = self.socket.recv(timeout=PATIENCE, decode=False)
        return frame, ForwardMsg.FromString(frame)

    def until_beat(self) -> list[str]:
        """Send a heartbeat, and return the types of all that comes before its answer."""
        self.send(BackMsg(app_heartbeat=True))
        kinds: list[str] = []
        while "heartbeat_ack" not in kinds:
            kinds.append(str(self.read()[1].WhichOneof("type")))
        return kinds[:-1]


def open_stream(
    server: Server, named: list[Subprotocol], headers: dict[str, str]
) -> ClientConnection:
    """Open the stream as a page of the app does."""
    stream = connect(
        server.address(STREAM).replace("http", "ws", 1),
        origin=Origin(server.url),
        subprotocols=named,
        additional_headers=headers,
        max_size=None,
        compression=None,
    )
    return OPEN.enter_context(stream)


def owner_of(server: Server) -> tuple[Browser, str]:
    """Return the browser of someone who is signed in, and their email address."""
    email = f"ada-{secrets.token_hex(4)}@example.com"
    with server.service() as service:
        service.sign_up(email, PASSWORD)
        token = service.log_in(email, PASSWORD, Client()).token
    return Browser(server, {"auth": token}), email


# Another tab's id


@both_modes
@pytest.mark.parametrize("connected", [True, False])
def test_a_tabs_id_alone_opens_nothing(app: Server, connected: bool) -> None:
    """GD-8: an attacker who knows it gets a tab of their own, and the owner's goes on."""
    browser, email = owner_of(app)
    owner = browser.connect()
    owner.run()
    if not connected:
        owner.socket.close()

    thief = Browser(app).connect(owner.id, strip=True)
    seen = thief.run()

    assert email.encode() not in seen
    assert thief.id != owner.id
    again = owner if connected else browser.connect(owner.id)
    assert email.encode() in again.run()
    assert again.id == owner.id


@both_modes
def test_another_browsers_cookies_do_not_open_a_tab_either(app: Server) -> None:
    """GD-8: the proof is this browser's, not that there is one; nor is it to be had by a header."""
    browser, email = owner_of(app)
    owner = browser.connect()
    owner.run()
    other, _ = owner_of(app)

    thief = other.connect(owner.id)

    assert email.encode() not in thief.run()
    assert thief.id != owner.id
    named = [Subprotocol(name) for name in ("streamlit", "x", owner.id)]
    forged = {"X-Auth-Cookie": "auth", "Cookie": "auth_browser=1"}
    assert email.encode() not in Tab(open_stream(app, named, forged)).run()


@both_modes
def test_the_same_browser_gets_its_tab_back(app: Server) -> None:
    """GD-8: after a lost connection the tab is the same, in its first run."""
    browser, email = owner_of(app)
    owner = browser.connect()
    owner.run()
    owner.socket.close()

    again = browser.connect(owner.id)

    assert email.encode() in again.run()
    assert again.id == owner.id


@both_modes
def test_a_browser_gets_its_tab_back_before_it_says_anything(app: Server) -> None:
    """GD-8: the tab may have something to tell it. Any other browser waits for its own message."""
    browser, _ = owner_of(app)
    owner = browser.connect()
    owner.run()
    before = len(app.said())

    Browser(app).connect(owner.id)
    browser.connect(owner.id)

    wait_until(lambda: "already connected" in app.said(since=before), "Streamlit to see it")
    assert "opened in another browser" not in app.said(since=before)


@both_modes
def test_a_page_whose_session_ended_before_its_first_run_is_a_visitors(app: Server) -> None:
    """AV-2: its websocket was let in as a user's, whose messages are neither counted nor cut."""
    browser, email = owner_of(app)
    page = browser.connect()
    with app.service() as service:
        service.log_out(browser.cookies["auth"])
    assert email.encode() not in page.run()

    long = BackMsg()
    long.file_urls_request.session_id = "x" * MEGABYTE
    page.send(long)

    with pytest.raises(ConnectionClosed):
        page.read_run()


@pytest.mark.parametrize("app", ["app.py"], indirect=True)
def test_a_host_that_strips_cookies_from_the_websocket_leaves_a_tab_its_own(app: Server) -> None:
    """GD-8: what the page names beside the tab's id is proof enough there."""
    browser, email = owner_of(app)
    owner = browser.connect()
    owner.run()

    again = browser.connect(owner.id, strip=True)

    assert email.encode() in again.run()
    assert again.id == owner.id


@both_modes
def test_the_cookie_of_the_tabs_session_is_proof_as_well(app: Server) -> None:
    """GD-8: where the XSRF protection is off, or a host gives its own token at each connection."""
    browser, email = owner_of(app)
    bare = {"Cookie": f"auth={browser.cookies['auth']}"}
    owner = Tab(open_stream(app, [Subprotocol("streamlit")], bare))
    owner.run()
    named = [Subprotocol(name) for name in ("streamlit", "x", owner.id)]

    again = Tab(open_stream(app, named, bare))

    assert email.encode() in again.run()
    assert again.id == owner.id
    assert email.encode() not in Tab(open_stream(app, named, {})).run()


# A script other than app.py


@pytest.mark.parametrize(
    "command",
    [
        ("streamlit", "run", "app.py", "--server.headless=true", "--server.port={}"),
        ("streamlit", "run", "server.py", "--server.headless=true", "--server.port={}"),
        ("uvicorn", "server:app", "--port={}"),
    ],
    ids=["app.py", "server.py", "uvicorn"],
)
def test_no_server_starts_beside_a_folder_of_pages(
    apps: dict[str, Server], tmp_path: Path, command: tuple[str, ...]
) -> None:
    """GD-9: Streamlit would serve them without the guard; the reason names them and the way out."""
    project = copy_project(tmp_path / "app")
    (project / "pages").mkdir()
    (project / "pages" / "secret.py").write_text("open('ran', 'w')")
    port = free_port()
    line = [sys.executable, "-m", *(word.format(port) for word in command)]

    done = subprocess.run(
        line, cwd=project, env=dict(apps["app.py"].env), capture_output=True, timeout=60, text=True
    )

    assert done.returncode == 1
    assert "pages/ (secret.py)" in done.stderr and 'st.Page("views/secret.py")' in done.stderr
    assert "Traceback" not in done.stderr
    assert not is_listening(port) and not (project / "ran").exists()


@pytest.mark.parametrize("script", ["app.py", "server.py"])
def test_pages_that_come_later_are_not_served_to_the_first_visitor(
    tmp_path: Path, script: str
) -> None:
    """GD-9: however fresh the process is, app.py alone runs, and then says why it cannot."""
    project = copy_project(tmp_path / "app")
    with serve(script, tmp_path / "run", project=project) as server:
        (project / "pages").mkdir()
        (project / "pages" / "secret.py").write_text("open('ran', 'w')")

        Browser(server).connect().run("/secret", name="secret")
        Browser(server).connect().run("/secret", page_hash=calc_hash("secret"))

        assert not (project / "ran").exists()
        # server.py has everything ready before its first visitor, app.py looks at its first run
        assert script == "server.py" or "pages/ (secret.py)" in server.said()


@both_modes
@pytest.mark.parametrize(
    ("name", "page_hash"),
    [
        ("account", ""),
        ("", calc_hash("account")),
        ("features/account/account", ""),
        ("", calc_hash("features/account/account.py")),
        ("../features/account/account", calc_hash("../features/account/account.py")),
        ("server", calc_hash("server.py")),
        ("", "0" * 32),
    ],
)
def test_no_name_or_hash_of_a_page_gets_past_the_guard(
    app: Server, name: str, page_hash: str
) -> None:
    """GD-9: a visitor chooses among the pages that app.py lists for them, and runs nothing else."""
    tab = Browser(app).connect()
    waiting = tab.run(f"/{name}", name=name, page_hash=page_hash)  # app.py asks for cookies first
    seen = tab.run(f"/{name}", name=name, page_hash=page_hash)

    assert b"Keep me logged in" in seen
    assert b"Download my data" not in waiting + seen and b"Traceback" not in waiting + seen


@both_modes
def test_a_field_with_another_kind_of_value_does_not_flood_the_log(app: Server) -> None:
    """AV-7: Streamlit writes a traceback for each such run; a few of them tell the operator all."""
    tab, since = Browser(app, {"auth": "dead"}).connect(), len(app.said())
    ids = set(re.findall(rb"\$\$ID-[0-9a-f]+-\w+", tab.run("/log-in", name="log-in")))
    message = BackMsg()
    message.rerun_script.page_name = "log-in"
    message.rerun_script.widget_states.widgets.extend(
        WidgetState(id=each.decode(), double_value=1) for each in ids
    )

    for _ in range(MOST + 5):
        tab.send(message)
        tab.read_run()

    assert app.said(since).count("Traceback (most") == MOST


@both_modes
def test_a_fragment_of_another_tab_does_not_run(app: Server) -> None:
    """GD-9: fragments are looked up among the tab's own."""
    browser, _ = owner_of(app)
    owner = browser.connect()
    owner.run()
    ids = {
        message.delta.fragment_id
        for message in (ForwardMsg.FromString(frame) for frame in frames(browser, owner.id))
        if message.delta.fragment_id
    }
    assert ids
    thief = Browser(app).connect()
    thief.run()

    for each in ids:
        message = BackMsg()
        message.rerun_script.fragment_id = each
        thief.send(message)

    assert "delta" not in thief.until_beat()


def frames(browser: Browser, session_id: str) -> list[bytes]:
    """Return each message of one more run of a tab."""
    tab = browser.connect(session_id)
    message = BackMsg()
    message.rerun_script.context_info.url = "http://127.0.0.1"
    tab.send(message)
    collected = []
    while True:
        frame, each = tab.read()
        collected.append(frame)
        if each.WhichOneof("type") == "script_finished":
            return collected


# Streamlit's own messages


@both_modes
def test_a_signed_out_visitor_gets_no_address_to_upload_to(app: Server) -> None:
    """GD-9: who is signed in does; a heartbeat is for everyone."""
    stranger = Browser(app).connect()
    stranger.run()
    browser, _ = owner_of(app)
    owner = browser.connect()
    owner.run()
    asked = BackMsg()
    asked.file_urls_request.request_id = "1"
    asked.file_urls_request.file_names.append("a.txt")

    stranger.send(asked)
    owner.send(asked)

    assert "file_urls_response" not in stranger.until_beat()
    assert "file_urls_response" in owner.until_beat()


# Cookies


@both_modes
def test_the_first_visitor_of_a_process_may_have_forty_kb_of_cookies(
    tmp_path: Path, app: Server
) -> None:
    """CK-4: before anything has run; the websocket's library alone refuses that for good."""
    script = "app.py" if app.log.parent.name == "app" else "server.py"
    with serve(script, tmp_path) as fresh:
        browser = Browser(fresh, {f"other{n}": "x" * 3000 for n in range(13)})

        tab = browser.connect()

        assert b"Keep me logged in" in tab.run() + tab.run()  # app.py asks for cookies first


# Files


@both_modes
@pytest.mark.parametrize(
    "path",
    [
        *("/app.py", "/features/account/account.py", "/.env", "/.streamlit/config.toml"),
        *("/app/static/app.py", "/app/static/../app.py", "/app/static/%2e%2e/app.py"),
        *("/static/../app.py", "/media/../app.py", "/component/x/../../app.py"),
        *("/_stcore/agent/app", "/_stcore/agent", "/_stcore/script-health-check"),
    ],
)
def test_no_file_of_the_project_and_no_agent_answers(app: Server, path: str) -> None:
    """GD-9, CF-2: Streamlit's own page comes at any other address; it is the same for everyone."""
    answer = ask(app, "GET", path)

    assert "streamlit as st" not in answer.text and "SECRET_KEY" not in answer.text
    assert answer.status >= 400 or "<title>Streamlit</title>" in answer.text
