"""The one module that changes Streamlit itself, at names it keeps private (checked for 1.67).

`prepare` runs before a process's first connection, from a2wsgi.py or server.py. If neither ran, the
first run of app.py calls it. It closes the ways around app.py and its guard:

- Streamlit runs the scripts of a `pages/` folder beside app.py instead of app.py, until a run of
  app.py has called `st.navigation`. That mode is switched off.
- Streamlit attaches any visitor who names a tab's session id to that tab, signed in or not, and
  disconnects its owner. A tab now belongs to the browser that opened it.
- Streamlit obeys every message of its protocol from every visitor. Each type now has its permitted
  senders: see MESSAGES.
- A plain `streamlit run app.py` takes no middleware. Our gate is added as one.

It also puts our style sheet into Streamlit's own page, so that no element is shown without it, and
sets its sockets up: small writes go out at once, and large cookie headers come in.
"""

import asyncio
import gc
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cache, wraps
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket
from types import ModuleType
from typing import Any, cast

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.session_manager import ClientContext, SessionClient, SessionInfo
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.web.server.starlette import starlette_server, starlette_static_routes
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import StarletteClientContext
from websockets import http11

from web.connection import MARK, page_tokens
from web.messages import LONGEST_HEAD

INTERNET = {AF_INET, AF_INET6}
ROOT = Path(__file__).parent.parent
log = logging.getLogger(__name__)


class AllowedSender(StrEnum):
    """The permitted sender of a message type."""

    ANYONE = "anyone"
    USER = "user"  # signed in, as of the tab's last run
    DEVELOPER = "developer"  # on this machine, with APP_ENV=development
    NO_ONE = "no one"


# A type that isn't listed, such as one of a newer Streamlit, is refused from every sender. The two
# debug messages never get this far: Streamlit's server obeys them only in its development mode.
MESSAGES: Mapping[str, AllowedSender] = {
    "rerun_script": AllowedSender.ANYONE,
    "stop_script": AllowedSender.ANYONE,
    "app_heartbeat": AllowedSender.ANYONE,
    "file_urls_request": AllowedSender.USER,
    "deferred_file": AllowedSender.USER,
    "dataframe_chunk": AllowedSender.USER,
    "clear_cache": AllowedSender.DEVELOPER,  # empties the caches of the whole process
    "set_run_on_save": AllowedSender.DEVELOPER,
    "load_git_info": AllowedSender.DEVELOPER,  # runs git, and answers with names of changed files
    "install_skills": AllowedSender.DEVELOPER,  # writes files into the project
    "dismiss_skills_nudge": AllowedSender.DEVELOPER,  # writes a file into the developer's home
}

# Seconds that a signed-out tab is kept after its connection was lost, and the most such tabs that
# are kept. A signed-in user's tab is kept for `server.disconnectedSessionTTL`.
SIGNED_OUT_KEPT = 20.0
MOST_SIGNED_OUT_KEPT = 32
MOST_KEPT = 10  # closed tabs of one user
MOST_FILES = 50  # in one message: as many as a user may have uploaded
MOST_JOBS = 8  # that a tab may have asked for and not yet got
IDS = re.compile(r"[\w-]{1,64}", re.ASCII)
SCRIPT_ENDS = 1.0  # seconds between two checks whether the script of a closed tab has ended

BROWSER = "_auth_browser"  # the attribute of a session that holds its browser
ORIGINAL = "_auth_original"  # the attribute of a replaced method that holds the original
TAB = "_tab"  # web.tab.KEY, whose module would load pydantic before the server answers


def prepare() -> None:
    """Change Streamlit, once per process; exit with a message if the project has `pages/`."""
    try:
        check_pages(ROOT)
    except PagesFolderError as fault:
        raise SystemExit(f"The app cannot start.\n{fault}") from None
    install()


@cache
def install() -> None:
    """Change Streamlit, once per process; raises AttributeError if its names have changed."""
    let_all_cookies_in()
    # A class attribute that Streamlit sets from the disk only while it is None.
    PagesManager.uses_pages_directory = False
    _wrap(WebsocketSessionManager, "connect_session", _connect)
    _wrap(AppSession, "handle_backmsg", _handle)
    _wrap(MemorySessionStorage, "save", _keep)
    _wrap(starlette_server, "create_starlette_app", _create_app)
    _wrap(starlette_static_routes, "create_streamlit_static_handler", _serve_page)


class PagesFolderError(Exception):
    """The project has a `pages/` folder, which Streamlit would serve to every visitor."""


def check_pages(folder: Path) -> None:
    """Raise PagesFolderError if *folder* has a `pages/` folder with scripts in it."""
    found = sorted(file.name for file in (folder / "pages").glob("*.py"))
    names = [name for name in found if name[0] != "." and name != "__init__.py"]  # as Streamlit
    if names:
        raise PagesFolderError(
            f"There are pages in pages/ ({', '.join(names)}), which Streamlit would serve to "
            "everyone without a log-in. Move each file to views/ and give it a line in app.py: "
            f'st.Page("views/{names[0]}") under private. In an app that calls enter(FEATURES), '
            'rename the folder to app_pages/ and write enter(FEATURES, "app_pages").'
        )


def _wrap(owner: type | ModuleType, name: str, around: Callable[..., object]) -> None:
    """Replace the method *name* of *owner* with *around*, which gets the original first.

    After an edit Streamlit reloads this module: the new version replaces the old.
    """
    present = getattr(owner, name)
    original = vars(present).get(ORIGINAL, present)

    @wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> object:
        return around(original, *args, **kwargs)

    vars(wrapped)[ORIGINAL] = original
    setattr(owner, name, wrapped)


def _create_app(create: Callable[..., Starlette], *args: Any, **kwargs: Any) -> Starlette:
    """Create the app that a plain `streamlit run app.py` serves, with our gate in front."""
    app = create(*args, **kwargs)
    app.add_middleware(lazy_gate)
    return app


def lazy_gate(app: ASGIApp) -> ASGIApp:
    """Return *app* behind our gate, which is loaded at the first request."""

    @cache
    def gate() -> ASGIApp:
        from web.gate import PlainGate  # with pydantic: not before the server answers
        from web.start import service

        return PlainGate(app, service)

    async def pass_on(scope: Scope, receive: Receive, send: Send) -> None:
        await (app if scope["type"] == "lifespan" else gate())(scope, receive, send)

    return pass_on


def _serve_page(create: Callable[..., StaticFiles], *args: Any, **kwargs: Any) -> StaticFiles:
    """Put our style sheet into Streamlit's page: as an element it would arrive after others.

    A path with a slash in it is redirected to one without, which shows "Page not found".
    """
    files = create(*args, **kwargs)
    index, get_response = Path(files.directory or "") / "index.html", files.get_response

    async def with_style(path: str, scope: Scope) -> Response:
        response = await get_response(path, scope)
        is_page = path in {".", "index.html"} or getattr(response, "path", "") == str(index)
        if not is_page or response.status_code not in {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}:
            return response
        is_opened = Headers(scope=scope).get("sec-fetch-dest") == "document"
        if is_opened and len(Path(path).parts) > 1:  # the page would find no server, and stay blank
            return RedirectResponse(scope["root_path"] + "/not-found", HTTPStatus.FOUND)
        from web.look import style  # with pydantic: not before the server answers

        page = index.read_text("utf-8").replace("<body>", f"<body>{style()}", 1)
        return HTMLResponse(page, headers={"Cache-Control": "no-cache"})

    files.get_response = with_style  # type: ignore[method-assign]
    return files


def _connect(
    connect: Callable[..., str],
    manager: WebsocketSessionManager,
    client: SessionClient,
    *args: Any,
    existing_session_id: str | None = None,
    **kwargs: Any,
) -> str:
    """Attach a connection to the tab it names if it comes from that tab's browser.

    Any other connection gets a new tab, and the tab it named is unaffected.
    """
    context = client.client_context
    browser = browser_of(context)
    named = manager.get_session_info(existing_session_id) if existing_session_id else None
    if named is not None and not _owns(context, browser, named.session):
        log.warning("A connection named a tab that was opened in another browser: refused.")
        existing_session_id = None
    session_id = connect(manager, client, *args, existing_session_id=existing_session_id, **kwargs)
    info = manager.get_session_info(session_id)
    if info is not None:
        vars(info.session).setdefault(BROWSER, browser)
    return session_id


def owns_tab(scope: Scope, tab: str) -> bool:
    """Return whether this process keeps the session *tab* for the browser of this connection."""
    if not tab or not Runtime.exists():
        return False
    kept = Runtime.instance()._session_mgr.get_session_info(tab)
    context = StarletteClientContext(cast(WebSocket, HTTPConnection(scope)))
    return kept is not None and _owns(context, browser_of(context), kept.session)


def _owns(context: ClientContext | None, browser: frozenset[str], session: AppSession) -> bool:
    """Return whether *browser* is the one that opened *session*.

    The cookie of the session that the tab is signed in to is proof as well: it gives access anyway.
    """
    if browser & vars(session).get(BROWSER, frozenset()):
        return True
    try:
        token = session.session_state[TAB].token
    except KeyError:
        return False
    cookies = context.cookies.values() if context else ()
    return token is not None and any(
        compare_digest(token.encode(), cookie.encode()) for cookie in cookies
    )


def browser_of(context: ClientContext | None) -> frozenset[str]:
    """Return values that identify a connection's browser; one in common is proof.

    Under server.py this is the nonce cookie, out of JavaScript's reach. Elsewhere it is the random
    part of Streamlit's own XSRF token, which its page also sends beside the session id: it remains
    where a host strips cookies from the websocket.
    """
    if context is None:
        return frozenset()
    headers = {name.lower(): value for name, value in context.headers}
    if name := headers.get(MARK.lower()):
        from web.edge import browser_cookie  # with pydantic: not before the server answers

        nonce = context.cookies.get(browser_cookie(name))
        return frozenset({f"nonce {nonce}"}) if nonce else frozenset()
    protocols = headers.get("sec-websocket-protocol", "")
    return frozenset(page_tokens(context.cookies.get(XSRF_COOKIE_NAME), protocols))


def _keep(save: Callable[..., None], storage: MemorySessionStorage, info: SessionInfo) -> None:
    """Keep a disconnected tab for a while, then shut it down.

    Streamlit drops an old tab only when another is stored, and never shuts it down: until it is
    garbage collected, each holds an event loop's three descriptors.
    """
    before = storage.list()
    save(storage, info)
    kept = {each.session.id for each in storage.list()}
    for dropped in (each for each in before if each.session.id not in kept):
        _drop(storage, dropped)
    signed_in = _signed_in(info.session)
    seconds = config.get_option("server.disconnectedSessionTTL") if signed_in else SIGNED_OUT_KEPT
    asyncio.get_running_loop().call_later(seconds, _drop, storage, info)
    owner = _owner(info.session)
    same = [each for each in storage.list() if _owner(each.session) == owner]
    for oldest in same[: -(MOST_KEPT if owner else MOST_SIGNED_OUT_KEPT)]:
        _drop(storage, oldest)


def _drop(storage: MemorySessionStorage, info: SessionInfo) -> None:
    """Shut down a kept tab, unless its browser has reconnected."""
    session_id = info.session.id
    kept = storage.get(session_id)
    if kept is info:
        storage.delete(session_id)
    elif kept is not None or Runtime.instance().is_active_session(session_id):
        return
    info.session.shutdown()
    _close_loop(info.session)


def _close_loop(session: AppSession) -> None:
    """Close the event loop of a tab that was shut down, as soon as its script has ended.

    Streamlit means to, but the script reports its end to the tab by a weak reference: a tab that
    nothing holds is gone by then, and its loop keeps three descriptors until the garbage collector
    runs. A script may wait for its turn at bcrypt for a while.
    """
    if session._scriptrunner is not None:
        asyncio.get_running_loop().call_later(SCRIPT_ENDS, _close_loop, session)
    elif not session._script_event_loop.is_running():
        session._script_event_loop.close()


def _handle(handle: Callable[..., None], session: AppSession, message: BackMsg) -> None:
    """Pass a message on to *session* if its sender may send it; otherwise ignore it."""
    kind: str | None = message.WhichOneof("type")
    if kind == "backend_operation_request":
        kind = message.backend_operation_request.WhichOneof("payload")
    sender = MESSAGES.get(kind or "", AllowedSender.NO_ONE)
    if not (_may_send(session, sender) and _is_bounded(session, message)):
        log.debug("Refused a message %r.", kind)
        return
    handle(session, message)


def _is_bounded(session: AppSession, message: BackMsg) -> bool:
    """Return whether a message that asks for files asks for few, by ids that Streamlit makes.

    It logs the ids as they come, and begins a job for each request at once (LG-3, AV-1).
    """
    if message.WhichOneof("type") == "file_urls_request":
        return len(message.file_urls_request.file_names) <= MOST_FILES
    if message.WhichOneof("type") != "backend_operation_request":
        return True
    request = message.backend_operation_request
    ids = request.request_id, request.session_id, request.deferred_file.file_id
    return len(session._background_tasks) < MOST_JOBS and all(
        not each or IDS.fullmatch(each) for each in ids
    )


def _may_send(session: AppSession, sender: AllowedSender) -> bool:
    """Return whether the visitor of *session* qualifies as *sender*."""
    if sender is AllowedSender.USER:
        return _signed_in(session)
    if sender is AllowedSender.DEVELOPER:
        return is_local(session.id) and _in_development()
    return sender is AllowedSender.ANYONE


def _signed_in(session: AppSession) -> bool:
    """Return whether the guard found a signed-in user at the tab's last run."""
    try:
        return session.session_state["logged_in"] is True
    except KeyError:
        return False


def _owner(session: AppSession) -> str | None:
    """Return the id of the tab's user, None for a signed-out visitor's."""
    try:
        return str(session.session_state["user"].id) if _signed_in(session) else None
    except KeyError:
        return None


def is_local(session_id: str) -> bool:
    """Return whether a tab's connection comes from this machine, not through a proxy.

    The page's host must be this machine's own name as well: any site can point its name here for a
    while (DNS rebinding), and the browser then treats its pages as this server's.
    """
    from settings import read_authority  # not before the server answers
    from web.edge import LOCAL

    client = Runtime.instance().get_client(session_id)
    context = client.client_context if client else None
    if context is None or context.remote_ip is None:
        return False
    headers = {name.lower(): value for name, value in context.headers}
    if headers.keys() & {"forwarded", "via", "x-forwarded-for", "x-real-ip"}:
        return False
    try:
        host, _ = read_authority(headers.get("host", ""))
        return host in LOCAL and ip_address(context.remote_ip).is_loopback
    except ValueError:
        return False


@cache
def _in_development() -> bool:
    """Return whether APP_ENV is development; False if the settings do not load."""
    from settings import SettingsError, load_settings  # not before the server answers
    from web.connection import local_url

    try:
        return not load_settings(local_url=local_url()).production
    except SettingsError:
        return False


def send_at_once() -> None:
    """Switch off Nagle's algorithm on all TCP sockets of this process; new connections inherit it.

    A run is a dozen small messages. With the algorithm on, all but the first wait until the browser
    has acknowledged that one, which takes 40 ms. asyncio switches it off on sockets created with
    the TCP protocol number; the listening socket of `streamlit run` isn't, and its connections
    inherit that. No API returns that socket, so we look for it.
    """
    for thing in gc.get_objects():
        if type(thing) is socket and thing.type == SOCK_STREAM and thing.family in INTERNET:
            with suppress(OSError):  # closed meanwhile
                thing.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


def let_all_cookies_in() -> None:
    """Accept a websocket whose cookies, which are one header, have more than 8 KB.

    The library refuses it and the page stays blank; another app on a subdomain of the same site can
    set that many cookies. The library's own switch is an environment variable read at its import.
    """
    http11.MAX_LINE_LENGTH = LONGEST_HEAD
