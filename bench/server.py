"""A Streamlit server in its own process: on a free loopback port, ended by its pid."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).parent.parent
BARE = ROOT / "bench" / "bare.py"
PEER = ROOT / "bench" / "peer.py"
APP = ROOT / "app.py"
SERVER = ROOT / "server.py"
QUIET = {
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false",
}
# Every server runs as in production, the bare page's too: watching files, which our configuration
# leaves to development, costs each session a list of all imported modules.
SERVED = QUIET | {"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none"}
START = 60  # seconds a server may take
POLL = 0.01


class Server:
    """`streamlit run` of *entry* with *environment* on top of ours, started on creation.

    *python* is another interpreter, for a page that needs its own packages.
    """

    def __init__(
        self, entry: Path, environment: Mapping[str, str], python: str = sys.executable
    ) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._process = subprocess.Popen(
            [
                *(python, "-m", "streamlit", "run", str(entry)),
                *("--server.address=localhost", f"--server.port={self.port}"),
                "--server.headless=true",
            ],
            # Ours has its .streamlit/config.toml; the others only SERVED.
            cwd=entry.parent,
            env=os.environ | SERVED | dict(environment),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        """Wait until the server answers, or raise RuntimeError."""
        end = time.monotonic() + START
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                time.sleep(POLL)
        raise RuntimeError("a server did not start")

    @property
    def memory(self) -> int:
        """The bytes that this process shares with no other."""
        return int(psutil.Process(self._process.pid).memory_full_info().uss)

    @property
    def descriptors(self) -> int:
        """The number of open files and sockets."""
        return int(psutil.Process(self._process.pid).num_fds())

    def stop(self) -> None:
        """End the process and wait until it has exited."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def serving(
    entry: Path, environment: Mapping[str, str] | None = None, python: str = sys.executable
) -> Iterator[Server]:
    """Yield a running server of *entry*; stop it at the end."""
    server = Server(entry, environment or {}, python)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """Return a port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def entries() -> dict[str, Path]:
    """Return the entry scripts of our app, by name."""
    return {entry.name: entry for entry in (APP, SERVER) if entry.exists()}
