"""The real server's bounds: who may upload, and how many pages a network may have open."""

import asyncio

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.typing import Origin, Subprotocol

from tests.http.conftest import ask
from tests.http.test_websocket import shake_hands
from tests.serving import Server
from web.bounds import BOUNDS

XSRF = "_streamlit_xsrf"


async def upload_from(server: Server, cookie: str, sent_with: str) -> list[int]:
    """Open a page with *cookie*; return the statuses of an upload and its removal with *sent_with*.

    It is what Streamlit's page sends for a file_uploader.
    """
    url = server.address("/_stcore/stream").replace("http", "ws", 1)
    async with connect(
        url,
        origin=Origin(server.url),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={"Cookie": cookie} if cookie else {},
    ) as socket:
        message = BackMsg()
        message.rerun_script.context_info.url = server.url
        await socket.send(message.SerializeToString())
        session = ""
        while True:
            came = ForwardMsg.FromString(await asyncio.wait_for(socket.recv(decode=False), 30))
            if came.WhichOneof("type") == "new_session":
                session = came.new_session.initialize.session_id
            if came.WhichOneof("type") == "script_finished":
                break
        path = f"/_stcore/upload_file/{session}/file"
        return await asyncio.to_thread(put_and_delete, server, path, sent_with)


def put_and_delete(server: Server, path: str, cookie: str) -> list[int]:
    """Send a small file to *path* and remove it; return both statuses."""
    token = ask(server, "GET", "/_stcore/health").cookie(XSRF)[0]
    headers = {
        "Sec-Fetch-Site": "same-origin",
        "X-Xsrftoken": token,
        "Cookie": "; ".join(part for part in (f"{XSRF}={token}", cookie) if part),
        "Content-Type": "multipart/form-data; boundary=b",
    }
    body = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--b--\r\n'
    return [ask(server, method, path, body, headers).status for method in ("PUT", "DELETE")]


def test_a_signed_in_page_uploads_with_its_own_cookie(server: Server, token: str) -> None:
    """AV-3: no other visitor can, not even with the tab's id."""
    own = f"auth={token}"

    assert asyncio.run(upload_from(server, own, own)) == [204, 204]
    assert asyncio.run(upload_from(server, own, "")) == [403, 403]
    assert asyncio.run(upload_from(server, "", own)) == [403, 403]


def test_a_network_full_of_idle_pages_leaves_room_for_others(server: Server, token: str) -> None:
    """AV-3: the next signed-out page is refused, a signed-in one is let in, and room comes back.

    The one who is refused is told so by a page; Streamlit's own would stay grey.
    """
    page = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}

    async def crowd() -> tuple[int, int, int, int, int]:
        url = server.address("/_stcore/stream").replace("http", "ws", 1)
        pages = [
            await connect(url, origin=Origin(server.url)) for _ in range(BOUNDS.silent_sockets)
        ]
        try:
            refused = await asyncio.to_thread(shake_hands, server, server.url)
            user = await asyncio.to_thread(shake_hands, server, server.url, cookie=f"auth={token}")
            alive = await asyncio.to_thread(ask, server, "GET", "/healthz")
            busy = await asyncio.to_thread(ask, server, "GET", "/", None, page)
            own = page | {"Cookie": f"auth={token}"}
            users = await asyncio.to_thread(ask, server, "GET", "/", None, own)
            assert "is busy" in busy.text and busy.headers["Content-Security-Policy"]
        finally:
            await asyncio.gather(*(page.close() for page in pages))
            await asyncio.gather(*(page.wait_closed() for page in pages))
        return refused, user, alive.status, busy.status, users.status

    assert asyncio.run(crowd()) == (503, 101, 200, 503, 200)
    assert shake_hands(server, server.url) == 101
