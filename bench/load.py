"""The load driver's other end: a crowd in a process of its own, told when to press."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.server import ROOT
from bench.stream import Crowd, as_json


class Load:
    """A crowd that has arrived; `press` has it rerun its page."""

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
        """Have everybody rerun for *seconds*; `taken` waits for the answer."""
        self._tell(str(seconds))

    def taken(self) -> list[float]:
        """Return the seconds of each rerun of the last `start`."""
        answer: list[float] = json.loads(self._hear())
        return answer

    def press(self, seconds: float) -> list[float]:
        """Return what each rerun took while everybody reran for *seconds*."""
        self.start(seconds)
        return self.taken()

    def leave(self) -> None:
        """End the process, and with it every connection."""
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
    """Yield the crowds, arrived; all of them leave in the end."""
    with ExitStack() as stack:
        loads = []
        for load in map(Load, several):
            stack.callback(load.leave)
            loads.append(load)
        yield loads
