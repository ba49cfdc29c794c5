"""Which of Streamlit's messages reach a tab, and from which sender."""

import asyncio
import weakref
from types import SimpleNamespace
from typing import Any, cast

import pytest
from streamlit.proto.BackMsg_pb2 import BackendOperationRequest, BackMsg
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from web import connection, streamlit_hooks
from web.streamlit_hooks import (
    BROWSER,
    MESSAGES,
    MOST_FILES,
    MOST_JOBS,
    MOST_KEPT,
    MOST_SIGNED_OUT_KEPT,
    ORIGINAL,
    TAB,
    AllowedSender,
    _drop,
    _handle,
    _keep,
    _wrap,
    is_local,
    owns_tab,
)
from web.tab import KEY

SENDERS = {
    AllowedSender.ANYONE: {"rerun_script", "stop_script", "app_heartbeat"},
    AllowedSender.USER: {"file_urls_request", "deferred_file", "dataframe_chunk"},
    AllowedSender.DEVELOPER: {
        *("clear_cache", "set_run_on_save", "load_git_info"),
        *("install_skills", "dismiss_skills_nudge"),
    },
}
OPERATIONS = {field.name for field in BackendOperationRequest.DESCRIPTOR.oneofs[0].fields}
TYPES = {field.name for field in BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields}


JOBS: set[object] = set()  # that the tab has asked for and not yet got


def message_of(kind: str) -> BackMsg:
    """Return a message of this type, or with this operation in it."""
    message = BackMsg()
    if kind in OPERATIONS:
        getattr(message.backend_operation_request, kind).SetInParent()
        return message
    field = BackMsg.DESCRIPTOR.fields_by_name[kind]
    if field.message_type:
        getattr(message, kind).SetInParent()
    else:
        setattr(message, kind, True)
    return message


def arrives(message: BackMsg, *, signed_in: bool = False) -> bool:
    """Return whether a message reaches the tab."""
    state = {"logged_in": signed_in}
    session = SimpleNamespace(id="tab", session_state=state, _background_tasks=JOBS)
    handled: list[Any] = []
    _handle(lambda session, message: handled.append(message), cast(AppSession, session), message)
    return bool(handled)


@pytest.fixture
def developing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer at this machine."""
    monkeypatch.setattr(streamlit_hooks, "is_local", lambda session_id: True)
    monkeypatch.setattr(streamlit_hooks, "_in_development", lambda: True)


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A visitor from this machine's own IP in production, as every visitor is behind a proxy."""
    monkeypatch.setattr(streamlit_hooks, "is_local", lambda session_id: True)
    monkeypatch.setattr(streamlit_hooks, "_in_development", lambda: False)


def test_the_tabs_value_is_looked_for_where_it_is() -> None:
    """GD-8: a tab's session cookie proves its owner."""
    assert TAB == KEY


def test_every_message_of_this_streamlit_has_its_senders() -> None:
    """GD-9: the two that Streamlit's server answers itself, in its own development mode, aside."""
    known = (TYPES | OPERATIONS) - {"backend_operation_request"}

    assert set(MESSAGES) == known - {"debug_disconnect_websocket", "debug_shutdown_runtime"}
    assert {kind: sender for sender, kinds in SENDERS.items() for kind in kinds} == MESSAGES


@pytest.mark.parametrize("kind", sorted(MESSAGES))
@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.usefixtures("deployed")
def test_a_visitor_of_a_deployed_app_sends_what_a_page_needs(kind: str, signed_in: bool) -> None:
    """GD-9: and never the developer's messages, signed in or not."""
    allowed = SENDERS[AllowedSender.ANYONE] | (SENDERS[AllowedSender.USER] if signed_in else set())

    assert arrives(message_of(kind), signed_in=signed_in) == (kind in allowed)


@pytest.mark.parametrize("forged", ["a\n{}", "a" * 65, "a b"])
@pytest.mark.parametrize("field", ["request_id", "session_id", "file_id"])
def test_an_id_that_streamlit_did_not_make_is_not_passed_on(field: str, forged: str) -> None:
    """LG-3: it logs them as they come, beside the lines of the audit."""
    message = message_of("deferred_file")
    request = message.backend_operation_request
    setattr(request if field != "file_id" else request.deferred_file, field, "0a-B_9")
    assert arrives(message, signed_in=True)

    setattr(request if field != "file_id" else request.deferred_file, field, forged)

    assert not arrives(message, signed_in=True)


@pytest.mark.parametrize(("names", "passes"), [(MOST_FILES, True), (MOST_FILES + 1, False)])
def test_a_page_asks_for_few_files_at_once(names: int, passes: bool) -> None:
    """AV-1: 49,000 names, 98 KB, took the event loop for a second."""
    message = BackMsg()
    message.file_urls_request.file_names.extend(["a"] * names)

    assert arrives(message, signed_in=True) == passes


def test_a_tab_waits_for_few_jobs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """AV-1: each is a thread's work, and stays when the tab has gone; runs are no such job."""
    monkeypatch.setitem(globals(), "JOBS", set(range(MOST_JOBS - 1)))
    assert arrives(message_of("deferred_file"), signed_in=True)

    JOBS.add("one more")

    assert not arrives(message_of("deferred_file"), signed_in=True)
    assert arrives(message_of("rerun_script"), signed_in=True)


@pytest.mark.parametrize("kind", sorted(SENDERS[AllowedSender.DEVELOPER]))
@pytest.mark.usefixtures("developing")
def test_a_developer_may_use_the_tools_in_the_page(kind: str) -> None:
    """GD-9: with APP_ENV=development at this machine's own address."""
    assert arrives(message_of(kind))


@pytest.mark.usefixtures("developing")
def test_an_unknown_message_is_not_passed_on() -> None:
    """GD-9: one of a newer Streamlit, or none at all."""
    assert not arrives(BackMsg())
    assert not arrives(BackMsg(debug_shutdown_runtime=True))


@pytest.mark.parametrize(
    ("ip", "headers", "local"),
    [
        ("127.0.0.1", [("Host", "localhost:8501")], True),
        ("127.0.0.1", [("Host", "127.0.0.1")], True),
        ("::1", [("Host", "[::1]:8501")], True),
        ("127.0.0.1", [("Host", "rebound.example:8501")], False),
        ("127.0.0.1", [("Host", "localhost:8501:1")], False),
        ("127.0.0.1", [], False),
        ("192.168.1.7", [("Host", "localhost:8501")], False),
        ("127.0.0.1", [("Host", "localhost:8501"), ("X-Forwarded-For", "127.0.0.1")], False),
        ("127.0.0.1", [("Host", "localhost:8501"), ("Forwarded", "for=127.0.0.1")], False),
        ("unix:", [], False),
        (None, [], False),
    ],
)
def test_local_means_a_connection_from_this_machine_itself(
    monkeypatch: pytest.MonkeyPatch, ip: str | None, headers: list[tuple[str, str]], local: bool
) -> None:
    """GD-9: not through a proxy, and not from a page of another site that resolves here."""
    context = SimpleNamespace(remote_ip=ip, headers=headers)
    runtime = SimpleNamespace(get_client=lambda name: SimpleNamespace(client_context=context))
    monkeypatch.setattr(Runtime, "instance", lambda: runtime)

    assert is_local("tab") is local


class Loop:
    """The event loop of a tab's script."""

    def __init__(self) -> None:
        self.closed = False

    def is_running(self) -> bool:
        """Nothing drives it."""
        return False

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


class ClosedTab:
    """A disconnected tab in Streamlit's store."""

    def __init__(self, number: int, *, signed_in: bool = False, user: str = "ada") -> None:
        self.id = f"tab {number}"
        self.session_state = {"logged_in": signed_in, "user": SimpleNamespace(id=user)}
        self.is_shut_down = False
        self._scriptrunner: object | None = None
        self._script_event_loop = Loop()

    def shutdown(self) -> None:
        """Record that it was shut down."""
        self.is_shut_down = True


async def keep(*tabs: ClosedTab) -> list[ClosedTab]:
    """Store the tabs, let the signed-out ones' time pass, and return those shut down."""
    storage = MemorySessionStorage()
    save = getattr(MemorySessionStorage.save, ORIGINAL, MemorySessionStorage.save)  # Streamlit's
    for tab in tabs:
        info = cast(SessionInfo, SimpleNamespace(session=tab, client=None))
        _keep(save, storage, info)
    for _ in range(3):  # a timer of no seconds is due in the next turn
        await asyncio.sleep(0)
    return [tab for tab in tabs if tab.is_shut_down]


def test_a_signed_out_tab_is_shut_down_soon_after_its_connection_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AV-3: it holds three descriptors; a signed-in tab is kept for its user to return."""
    monkeypatch.setattr(streamlit_hooks, "SIGNED_OUT_KEPT", 0)
    stranger, user = ClosedTab(1), ClosedTab(2, signed_in=True)

    gone = asyncio.run(keep(stranger, user))

    assert gone == [stranger]


def test_a_tab_that_is_gone_lives_until_its_script_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AV-3: Streamlit closes a tab's event loop then, if the tab is still there to be told."""
    monkeypatch.setattr(streamlit_hooks, "SCRIPT_ENDS", 0)
    monkeypatch.setattr(
        Runtime, "instance", lambda: SimpleNamespace(is_active_session=lambda session_id: False)
    )

    async def drop_while_it_runs() -> list[bool]:
        tab = ClosedTab(1)
        tab._scriptrunner = object()
        loop, left = tab._script_event_loop, weakref.ref(tab)
        _drop(MemorySessionStorage(), cast(SessionInfo, SimpleNamespace(session=tab)))
        del tab
        closed = []
        for runner in (object(), None):
            cast(ClosedTab, left())._scriptrunner = runner
            for _ in range(3):
                await asyncio.sleep(0)
            closed.append(loop.closed)
        return closed

    assert asyncio.run(drop_while_it_runs()) == [False, True]


def test_a_browser_comes_back_to_a_tab_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """GD-8, AV-3: not to any other, which would be a new session before it says anything."""
    storage, tab = MemorySessionStorage(), ClosedTab(1, signed_in=True)
    vars(tab)[BROWSER] = frozenset({"random 0123"})
    monkeypatch.setattr(streamlit_hooks, "page_tokens", lambda cookie, sent: [f"random {sent}"])

    def owns(browser: str, named: str) -> bool:
        headers = [(b"sec-websocket-protocol", browser.encode())]
        return owns_tab({"type": "websocket", "headers": headers}, named)

    async def lose() -> None:
        storage.save(SessionInfo(None, cast(AppSession, tab)))

    assert not owns("0123", tab.id), "before Streamlit runs"
    asyncio.run(lose())
    tabs = WebsocketSessionManager(storage, cast(Any, None), cast(Any, None), None)
    monkeypatch.setattr(Runtime, "_instance", SimpleNamespace(_session_mgr=tabs))

    assert owns("0123", tab.id)
    assert not owns("4567", tab.id)
    assert not owns("0123", "another") and not owns("0123", "")


def test_few_signed_out_tabs_are_kept_at_a_time() -> None:
    """AV-3: an attacker who opens and closes many leaves few; the oldest are shut down first."""
    tabs = [ClosedTab(number) for number in range(MOST_SIGNED_OUT_KEPT + 3)]

    gone = asyncio.run(keep(*tabs))

    assert gone == tabs[:3]


def test_few_tabs_of_a_user_are_kept_at_a_time() -> None:
    """AV-3: one who opens and closes many pushes nobody else's out, and leaves few."""
    others = [ClosedTab(number, signed_in=True, user="grace") for number in range(MOST_KEPT)]
    own = [ClosedTab(100 + number, signed_in=True) for number in range(MOST_KEPT + 3)]

    gone = asyncio.run(keep(*others, *own))

    assert gone == own[:3]


def test_a_tab_that_streamlit_has_dropped_is_shut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """AV-3: it keeps 128, and of the one before only the descriptors."""
    runtime = SimpleNamespace(is_active_session=lambda name: False)
    monkeypatch.setattr(Runtime, "instance", lambda: runtime)
    tabs = [ClosedTab(number, signed_in=True, user=f"{number}") for number in range(130)]

    gone = asyncio.run(keep(*tabs))

    assert gone == tabs[:2]


def test_a_tab_whose_browser_has_come_back_is_not_shut_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AV-3: only a tab without a connection is."""
    storage, tab = MemorySessionStorage(), ClosedTab(1)
    info = cast(SessionInfo, SimpleNamespace(session=tab, client=None))
    running = SimpleNamespace(is_active_session=lambda session_id: session_id == tab.id)
    monkeypatch.setattr(Runtime, "instance", lambda: running)

    _drop(storage, info)

    assert not tab.is_shut_down


def test_a_module_that_is_loaded_anew_takes_the_place_of_the_old() -> None:
    """GD-9: Streamlit does so after an edit; a method is not wrapped twice."""

    class Owner:
        def method(self) -> list[str]:
            return ["Streamlit's"]

    for name in ("old", "new"):
        _wrap(Owner, "method", lambda call, self, name=name: [name, *call(self)])

    assert Owner().method() == ["new", "Streamlit's"]


def test_a_page_asks_in_the_same_way_whether_its_visitor_is_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """AV-6: the outbox has links that open accounts; without a tab nobody is."""
    assert not connection.is_local()

    monkeypatch.setattr(
        connection, "get_script_run_ctx", lambda **_: SimpleNamespace(session_id="tab")
    )
    monkeypatch.setattr("streamlit.runtime.exists", lambda: True)
    monkeypatch.setattr(streamlit_hooks, "is_local", "tab".__eq__)
    assert connection.is_local()
