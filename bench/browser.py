"""Chromium for the measurements: when the page's heading and its last line appear, in which run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, WebSocket, sync_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

HEADING, LAST = "Home", "Nothing here yet."
PATIENCE = 30_000  # ms
SETTLE = 1_000  # ms in which a second run would show
LAUNCH = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
]
# Measured in the page, so that no messages between processes are included: when the heading and the
# last line of Home appeared and when something was clicked, in milliseconds since this document
# began to load.
WATCH = """
  addEventListener("click", () => { window.clicked = performance.now() }, true);
  window.note = (name, selector, text) => new MutationObserver((_, observer) => {
    const parts = [...document.querySelectorAll(selector)];
    if (parts.some((each) => each.textContent.trim().startsWith(text))) {
      window[name] = performance.now();
      observer.disconnect();
    }
  }).observe(document, {childList: true, subtree: true, characterData: true});
  note("shown", "h1", "%s");
  note("whole", "[data-testid=stCaptionContainer]", "%s");
"""


class Tab:
    """A browser's page at *url* that counts the script runs that reached it."""

    def __init__(self, browser: Browser, url: str, token: str | None = None) -> None:
        context = browser.new_context(bypass_csp=True)  # to wait for an expression
        if token:
            context.add_cookies([{"name": "auth", "value": token, "url": url}])
        context.add_init_script(WATCH % (HEADING, LAST))
        self.page: Page = context.new_page()
        self.runs = 0
        self.page.on("websocket", self._listen)
        self.page.goto(url)

    def reload(self) -> tuple[float, float]:
        """Reload; return the milliseconds until the heading and until the last line appear."""
        self.runs = 0
        self.page.reload(wait_until="commit")
        return self.wait("window.shown"), self.wait("window.whole")

    def wait(self, expression: str) -> float:
        """Wait until *expression* is a number and return it."""
        return float(self.page.wait_for_function(expression, timeout=PATIENCE).json_value())

    def settled_runs(self) -> int:
        """Return the number of runs since the last reload, once no more come."""
        self.page.wait_for_timeout(SETTLE)
        return self.runs

    def close(self) -> None:
        """Close this browser's page, and drop its cookies."""
        self.page.context.close()

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._count)

    def _count(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.runs += ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the Chromium named by the environment's CHROMIUM, or else Playwright's own."""
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or None
        browser = playwright.chromium.launch(executable_path=path, args=LAUNCH)
        try:
            yield browser
        finally:
            browser.close()
