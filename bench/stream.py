"""The load driver: browsers without a browser, over Streamlit's own websocket protocol.

Runs as a process of its own, so that it takes nothing from the server but the other core:
`python -m bench.stream`. Its first line on stdin is a `Crowd` as JSON; it connects, runs the page
once for everybody and answers "ready". Each further line is a number of seconds, answered by what
every rerun took, in seconds, as JSON.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from random import Random
from time import perf_counter

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE = 60  # seconds for one run
CONNECTING = 4  # handshakes at the same time


@dataclass(frozen=True)
class Crowd:
    """Who comes to *url*: a visitor for each cookie header, and what their page must contain.

    *pause* is how long a visitor looks at the page before the next rerun, on average. With a
    *password* they stand at the log-in form and log in once instead, all at the same moment; their
    needle is their address.
    """

    url: str
    cookies: list[str]
    needles: list[str]
    pause: float = 0.0
    password: str = ""


@dataclass
class Visitor:
    """One tab: its connection and the text that only its signed-in page contains."""

    socket: ClientConnection
    url: str
    needle: str
    address: str = ""  # whom it logs in
    widgets: dict[str, str] = field(default_factory=dict)  # ids by label, as the page has them

    async def run(self, *states: WidgetState) -> float:
        """Ask for a run, read until it is over, and return the seconds it took.

        Raises RuntimeError when the page was not the one that was to come.
        """
        message = BackMsg()
        message.rerun_script.context_info.url = self.url
        message.rerun_script.context_info.timezone = "UTC"
        message.rerun_script.widget_states.widgets.extend(states)
        start = perf_counter()
        await self.socket.send(message.SerializeToString())
        found = await asyncio.wait_for(self._read(), PATIENCE)
        if not found:
            raise RuntimeError(f"the page without {self.needle!r} came: nothing was measured")
        return perf_counter() - start

    async def log_in(self, password: str) -> float:
        """Submit the log-in form, and return the seconds until the signed-in page was there."""
        self.needle = self.address
        return await self.run(
            WidgetState(id=self.widgets["Email"], string_value=self.address),
            WidgetState(id=self.widgets["Password"], string_value=password),
            WidgetState(id=self.widgets["Log in"], trigger_value=True),
        )

    async def _read(self) -> bool:
        """Read to the end of the run; return whether a delta had the needle in it."""
        needle, found = self.needle.encode(), False
        while True:
            frame = await self.socket.recv(decode=False)
            message = ForwardMsg.FromString(frame)
            kind = message.WhichOneof("type")
            if kind == "delta":
                found = found or needle in frame
                self._note(message)
            elif kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return found

    def _note(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if element.WhichOneof("type") in {"text_input", "button"}:
            widget = getattr(element, str(element.WhichOneof("type")))
            self.widgets[widget.label] = widget.id


async def arrive(url: str, cookie: str, needle: str) -> Visitor:
    """Connect a visitor and run the page once."""
    address = url.replace("http", "ws", 1) + "/_stcore/stream"
    headers = {"Cookie": cookie} if cookie else {}
    socket = await connect(
        address,
        origin=url,  # type: ignore[arg-type]
        subprotocols=[Subprotocol("streamlit")],
        additional_headers=headers,
        max_size=None,
        compression=None,
        ping_interval=None,
    )
    visitor = Visitor(socket, f"{url}/", needle)
    await visitor.run()
    return visitor


async def gather(crowd: Crowd) -> list[Visitor]:
    """Connect everybody, a few at a time."""
    turn = asyncio.Semaphore(CONNECTING)

    async def one(cookie: str, needle: str) -> Visitor:
        async with turn:
            if not crowd.password:
                return await arrive(crowd.url, cookie, needle)
            visitor = await arrive(crowd.url, cookie, "Keep me logged in")
            visitor.address = needle
            return visitor

    return await asyncio.gather(*map(one, crowd.cookies, crowd.needles))


async def press(crowd: Crowd, visitors: list[Visitor], seconds: float) -> list[float]:
    """Have everybody rerun for *seconds*, or log in; return what each of that took."""
    if crowd.password:
        return await asyncio.gather(*(each.log_in(crowd.password) for each in visitors))
    pause = crowd.pause
    end = perf_counter() + seconds
    taken: list[float] = []

    async def one(visitor: Visitor, random: Random) -> None:
        await asyncio.sleep(random.uniform(0, pause))
        while perf_counter() < end:
            taken.append(await visitor.run())
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)

    await asyncio.gather(*(one(each, Random(n)) for n, each in enumerate(visitors)))
    return taken


async def main() -> None:
    """Obey stdin."""
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    visitors = await gather(crowd)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await press(crowd, visitors, float(line))), flush=True)


def as_json(crowd: Crowd) -> str:
    """Return *crowd* as the first line of stdin."""
    return json.dumps(asdict(crowd))


if __name__ == "__main__":
    asyncio.run(main())
