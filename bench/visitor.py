"""A browser's tab without a browser, over Streamlit's own websocket protocol."""

import asyncio
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

PATIENCE = 60  # seconds for one run


@dataclass
class Visitor:
    """One tab: its connection, and the text that only its signed-in page contains."""

    socket: ClientConnection
    url: str
    needle: str
    address: str = ""  # whom it logs in
    widgets: dict[str, str] = field(default_factory=dict)  # ids by label, as the page has them

    async def run(self, *states: WidgetState) -> float:
        """Request a run, read until it has ended, and return the seconds it took.

        Raises RuntimeError for any page but the expected one.
        """
        start = perf_counter()
        if not await self.sees(*states):
            raise RuntimeError(f"the page without {self.needle!r} came: nothing was measured")
        return perf_counter() - start

    async def sees(self, *states: WidgetState) -> bool:
        """Request a run, read until it has ended, and return whether the page has the needle."""
        message = BackMsg()
        message.rerun_script.context_info.url = self.url
        message.rerun_script.page_name = urlsplit(self.url).path.strip("/")
        message.rerun_script.context_info.timezone = "UTC"
        message.rerun_script.widget_states.widgets.extend(states)
        await self.socket.send(message.SerializeToString())
        return await asyncio.wait_for(self._read(), PATIENCE)

    async def log_in(self, password: str) -> float:
        """Submit the log-in form, and return the seconds until the signed-in page appeared."""
        self.needle = self.address
        return await self.run(*self.form("Log in", Email=self.address, Password=password))

    def form(self, button: str, **values: str) -> list[WidgetState]:
        """Return the message that a browser sends for *button* in the form with these *values*."""
        typed = [WidgetState(id=self.widgets[k], string_value=v) for k, v in values.items()]
        return [*typed, WidgetState(id=self.widgets[button], trigger_value=True)]

    async def _read(self) -> bool:
        """Read to the end of the run; return whether a delta contained the needle."""
        needle, found = self.needle.encode(), False
        while True:
            frame = await self.socket.recv(decode=False)
            message = ForwardMsg.FromString(frame)
            kind = message.WhichOneof("type")
            if kind == "delta":
                found = found or needle in frame
                self._note(message)
            elif (
                kind == "script_finished"
                and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            ):
                return found

    def _note(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        if element.WhichOneof("type") in {"text_input", "button"}:
            widget = getattr(element, str(element.WhichOneof("type")))
            self.widgets[widget.label] = widget.id


async def arrive(url: str, cookie: str, needle: str, path: str = "/", ip: str = "") -> Visitor:
    """Connect a visitor, from the loopback IP address *ip* if given, and run *path* once."""
    visitor = Visitor(await handshake(url, cookie, ip), url + path, needle)
    await visitor.run()
    return visitor


async def handshake(
    url: str, cookie: str = "", ip: str = "", origin: str = "", tab: str = ""
) -> ClientConnection:
    """Return a websocket opened as a browser does; no script has run yet.

    With *tab* it comes back to the session of that id, as after a lost connection.
    """
    headers = {"Cookie": cookie} if cookie else {}
    return await connect(
        url.replace("http", "ws", 1) + "/_stcore/stream",
        origin=Origin(origin or url),
        subprotocols=[*map(Subprotocol, ["streamlit", *(["x", tab] if tab else [])])],
        additional_headers=headers,
        max_size=None,
        compression=None,
        ping_interval=None,
        local_addr=(ip, 0) if ip else None,
    )
