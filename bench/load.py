"""The load driver's client side: controls a crowd that runs in its own process."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.server import ROOT
from bench.stream import Crowd, as_json


class Load:
    """A connected crowd; `press` makes it rerun its page."""

    def __init__(self, crowd: Crowd) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.stream"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        if self._ask(as_json(crowd)) != "ready\n":
            self.leave()
            raise RuntimeError("the crowd did not get its pages")

    def start(self, seconds: float) -> None:
        """Make all visitors rerun for *seconds*; `taken` waits for the answer."""
        self._tell(str(seconds))

    def taken(self) -> list[float]:
        """Return the seconds of each rerun of the last `start`."""
        answer: list[float] = json.loads(self._hear())
        return answer

    def press(self, seconds: float) -> list[float]:
        """Make all visitors rerun for *seconds*; return the seconds of each rerun."""
        self.start(seconds)
        return self.taken()

    def leave(self) -> None:
        """End the process and thereby every connection."""
        self._process.terminate()
        self._process.communicate()

    def _ask(self, line: str) -> str:
        self._tell(line)
        return self._hear()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")

    def _hear(self) -> str:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return line
        raise RuntimeError("the load driver has ended: see above")


@contextmanager
def crowds(several: Sequence[Crowd]) -> Iterator[list[Load]]:
    """Yield the connected crowds; disconnect all of them at the end."""
    with ExitStack() as stack:
        loads = []
        for load in map(Load, several):
            stack.callback(load.leave)
            loads.append(load)
        yield loads
