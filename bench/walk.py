"""Count what a reader walks through: the files and lines run by one log-in, F5 and log-out.

A file counts once one of its functions runs, with the lines of the functions that ran; a page
counts entirely. A log-in ends where the script's next run begins, which is the one that F5 starts.
The core is the reading list in docs/how-it-works.md.
"""

import os
import re
import secrets
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from bench.table import Row
from settings import ROOT

PASSWORD = "violet umbrella harbour 41"
PAGES = ("app.py", "views", "features")
GUARD = ("web/guard.py", "guard")
FOLDERS = ("auth", "db", "features", "views", "web")
# The current size of each walk, with a little room: it must not grow unnoticed. On a busy machine a
# verb takes long enough for its run to let others run, which is another file.
MOST = {"log in": (38, 1600), "F5": (28, 920), "log out": (27, 970), "forgot password": (26, 1030)}
READING = re.compile(r"^\d+\. `([\w/]+\.py)`", re.MULTILINE)


@cache  # asked at every call
def app_file(path: str) -> str | None:
    """Return the name of the app's file at *path*, or None for what is no file of the app."""
    if not Path(path).is_relative_to(ROOT):
        return None
    name = Path(path).relative_to(ROOT).as_posix()
    return name if name.partition("/")[0] in (*FOLDERS, "app.py") else None


class Walk:
    """Records which lines of the app's files run, in all threads started meanwhile."""

    def __init__(self) -> None:
        self.lines: dict[str, set[int]] = defaultdict(set)
        self._guards = 0

    def look(self, frame: FrameType, event: str, argument: object) -> None:
        """Record a call, as a profile function; stop once the guard runs again."""
        name = app_file(frame.f_code.co_filename) if event == "call" else None
        if name is None:
            return
        self._guards += (name, frame.f_code.co_name) == GUARD
        if self._guards > 1:
            return
        if frame.f_code.co_name == "<module>":
            if name.startswith(PAGES):
                text = (ROOT / name).read_text("utf-8")
                self.lines[name].update(range(1, 1 + len(text.splitlines())))
            return
        last = max(line for *_, line in frame.f_code.co_lines() if line)
        self.lines[name].update(range(frame.f_code.co_firstlineno, last + 1))

    def trace(self, act: Callable[[], object]) -> "Walk":
        """Do *act*, record what runs, and return this walk."""
        threading.setprofile(self.look)
        sys.setprofile(self.look)
        try:
            act()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
        return self

    @property
    def total(self) -> int:
        """The number of lines that ran."""
        return sum(map(len, self.lines.values()))


def walks() -> dict[str, Walk]:
    """Return the walks of a log-in, F5, a log-out and a forgotten password."""
    with TemporaryDirectory() as folder:
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{folder}/app.db",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "BCRYPT_ROUNDS": "10",
        }
        from streamlit.testing.v1 import AppTest

        from web import connection, start

        start.OUTBOX = Path(folder) / "outbox"
        auth = start.service()
        auth.sign_up("ada@example.com", PASSWORD, "Ada")
        cookie: str | None = None

        def handshake_cookie(name: str) -> str | None:
            return cookie

        connection.cookie = handshake_cookie  # AppTest has no handshake

        def opened() -> AppTest:
            return AppTest.from_file(ROOT / "app.py", default_timeout=60).run()

        def press(app: AppTest, label: str) -> None:
            next(button for button in app.button if button.label == label).click().run()

        found: dict[str, Walk] = {}
        for _ in range(2):  # the first warms up: imports are no part of a walk
            cookie = None
            app = opened()
            for field, value in zip(app.text_input, ("ada@example.com", PASSWORD), strict=True):
                field.set_value(value)
            found["log in"] = Walk().trace(partial(press, app, "Log in"))
            cookie = app.session_state["_tab"].token
            found["F5"] = Walk().trace(opened)
            found["log out"] = Walk().trace(partial(press, app, "Log out"))
            cookie = None
            if "forgot_password" in app.session_state["_tab"].pages:
                app = opened().switch_page("features/password_reset/forgot_password.py").run()
                app.text_input[0].set_value("ada@example.com")
                found["forgot password"] = Walk().trace(partial(press, app, "Send the link"))
        auth.close()
        auth.database.close()
    return found


def reading() -> list[str]:
    """Return the core's files in the order of docs/how-it-works.md."""
    return READING.findall((ROOT / "docs/how-it-works.md").read_text("utf-8"))


def measure(quick: bool) -> list[Row]:
    """Return a row for each walk's files and lines, and for the core."""
    rows = []
    for name, walk in walks().items():
        files = len(walk.lines)
        most_files, most = MOST[name]
        rows += [
            Row(f"{name}: files", files, "files", "whose functions run", at_most=most_files),
            Row(f"{name}: lines", walk.total, "lines", "of those functions", at_most=most),
        ]
    core = reading()
    lines = sum(len((ROOT / name).read_text("utf-8").splitlines()) for name in core)
    rows.append(Row("the sign-in core: files", len(core), "files", "how-it-works.md", at_most=10))
    rows.append(Row("the sign-in core: lines", lines, "lines", "of those files", at_most=750))
    return rows
