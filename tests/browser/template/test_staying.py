"""Still signed in: after F5, in a new tab, after the browser was closed; and no frame flashes."""

from contextlib import suppress
from pathlib import Path

import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from playwright.sync_api import Playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from auth.users import User
from tests.browser.conftest import FLAGS, ONE_BRIDGE, NewContext, chromium
from tests.browser.template.meddler import meddle
from tests.browser.visitor import Visitor, expect
from tests.serving import Server, wait_until

KEEP_SOCKETS = """
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this); }
};
"""
# Notes how a title in a card looks, in each frame that shows one.
FRAMES = """
window.looks = new Set();
const look = () => {
  const title = document.querySelector(".st-key-card h1");
  if (title?.checkVisibility({visibilityProperty: true, opacityProperty: true})) {
    const card = title.closest(".st-key-card");
    looks.add(`${getComputedStyle(title).fontSize} in ${getComputedStyle(card).borderRadius}`);
  }
  requestAnimationFrame(look);
};
look();
"""


def test_f5_shows_the_same_page_in_one_run_and_never_the_form(visitor: Visitor, ada: User) -> None:
    """Still logged in after F5 on the page that was open, without a flash, in one run.

    The browser's tab goes from Streamlit's own name to the page's, and nowhere else.
    """
    visitor.arrive(ada.email, "/account")

    visitor.reload()

    expect(visitor.heading("Account")).to_be_visible()
    visitor.expect_signed_in(ada.email)
    visitor.expect_settled()
    assert visitor.forms_seen() == 0
    assert visitor.runs == 1
    assert [title for title in visitor.titles_seen() if title] == ["Streamlit", "Account"]


def test_no_frame_shows_a_page_without_its_style(visitor: Visitor) -> None:
    """On a slow phone's first visit, where an element with the style would come late."""
    phone = visitor.context.new_cdp_session(visitor.page)
    phone.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    phone.send("Network.setCacheDisabled", {"cacheDisabled": True})
    visitor.page.add_init_script(FRAMES)

    visitor.open("/log-in")
    visitor.expect_form()
    visitor.expect_settled()

    assert visitor.page.evaluate("[...looks]") == ["22px in 16px"]


def test_a_new_tab_is_signed_in_at_once(visitor: Visitor, ada: User) -> None:
    """Another tab of the same browser shows the page in one run, never the form."""
    visitor.arrive(ada.email)

    tab = visitor.new_tab()
    tab.open("/account")

    expect(tab.heading("Account")).to_be_visible()
    tab.expect_signed_in(ada.email)
    tab.expect_settled()
    assert tab.forms_seen() == 0
    assert tab.runs == 1


def test_a_closed_and_reopened_browser_is_still_signed_in(
    playwright: Playwright, server: Server, ada: User, tmp_path: Path
) -> None:
    """The session lives in the browser's profile, not in the window."""
    launch = playwright.chromium.launch_persistent_context
    first = launch(tmp_path, executable_path=chromium(), args=list(FLAGS))
    Visitor(first, server).log_in(ada.email)
    first.close()

    second = launch(tmp_path, executable_path=chromium(), args=list(FLAGS))
    visitor = Visitor(second, server)
    visitor.open("/account")

    expect(visitor.heading("Account")).to_be_visible()
    visitor.expect_signed_in(ada.email)
    assert visitor.forms_seen() == 0
    second.close()


@ONE_BRIDGE
def test_the_form_keeps_a_deep_link_over_f5(visitor: Visitor, ada: User) -> None:
    """GD-1, CK-6: who reloads the form before logging in still ends on the requested page."""
    visitor.open("/account")
    visitor.expect_form()

    visitor.reload()
    visitor.fill_log_in(ada.email)

    expect(visitor.heading("Account")).to_be_visible()
    assert visitor.address() == "/account"


@ONE_BRIDGE
def test_a_signed_in_user_is_led_home_from_the_forms(visitor: Visitor, ada: User) -> None:
    """A user can't log in twice by accident."""
    visitor.arrive(ada.email, "/account")

    for path in ("/log-in", "/sign-up"):
        visitor.open(path)

        expect(visitor.heading("Home")).to_be_visible()
        assert visitor.address() == "/"


def test_a_lost_connection_comes_back_to_the_same_tab(visitor: Visitor, ada: User) -> None:
    """GD-8: a network that drops the websocket ends no tab; no form and no skeleton shows."""
    lose_connection(visitor, ada)


@pytest.mark.parametrize("bridge", ["app.py"], indirect=True)
@pytest.mark.usefixtures("bridge")
def test_a_lost_connection_comes_back_where_a_host_strips_the_cookies(
    new_context: NewContext, server: Server, ada: User
) -> None:
    """GD-8: the browser shows there by its XSRF token that the tab is its own."""
    with meddle(server) as hidden:
        lose_connection(Visitor(new_context(), hidden), ada)


def lose_connection(visitor: Visitor, ada: User) -> None:
    """Sign in, drop the websocket, and expect the same tab without a form or a skeleton."""
    tabs: list[str] = []

    def note(payload: str | bytes) -> None:
        message = ForwardMsg()
        with suppress(DecodeError):
            message.ParseFromString(payload if isinstance(payload, bytes) else b"")
        if message.HasField("new_session"):
            tabs.append(message.new_session.initialize.session_id)

    visitor.page.add_init_script(KEEP_SOCKETS)
    visitor.arrive(ada.email, "/account")
    visitor.page.on("websocket", lambda socket: socket.on("framereceived", note))
    visitor.reload()
    visitor.expect_signed_in(ada.email)
    visitor.expect_settled()
    forms, skeletons, before = visitor.forms_seen(), visitor.skeletons_seen(), len(tabs)

    visitor.page.evaluate("window.sockets.at(-1).close()")

    wait_until(lambda: visitor.page.evaluate("true") and len(tabs) > before, "a new connection")
    visitor.expect_settled()
    visitor.expect_signed_in(ada.email)
    expect(visitor.heading("Account")).to_be_visible()
    assert len(set(tabs)) == 1
    assert (visitor.forms_seen(), visitor.skeletons_seen()) == (forms, skeletons)
