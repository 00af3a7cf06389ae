"""Open pages without the drawing: what a browser says to the server and takes from it, so that ten of them fit beside the product.

`python -m benchmarks.listeners URL NUMBER COOKIES...`: shares the sessions among the pages, loads the page as a browser does, opens its socket, answers pings, confirms what
came. Prints "ready" when all are open; at a line on standard input, what came so far as JSON, with the CPU time that the server
took to compress it: the first page's messages compressed again, times the pages.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import sys
import time
import uuid
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

CONFIRM_S = 1.0  # as often as NiceGUI's own page


class Counted(ClientConnection):
    """Counts the bytes that came over the wire."""

    wire = 0

    def data_received(self, data: bytes) -> None:
        self.wire += len(data)
        super().data_received(data)


class Listener:
    """One page. Raises what the connection raises: a page that is dropped is a failed measurement."""

    def __init__(self, url: str, cookies: str) -> None:
        self._url, self._headers = url, {"cookie": cookies, "origin": url}
        self.messages = self.characters = self._next = 0
        self.open = asyncio.Event()
        self.socket: Counted | None = None
        self.heard: list[bytes] | None = None

    @property
    def wire(self) -> int:
        """Bytes, with framing and as compressed."""
        return self.socket.wire if self.socket is not None else 0

    async def run(self) -> None:
        async with httpx.AsyncClient(headers=self._headers, timeout=60) as client:
            page = await client.get(self._url)
        page.raise_for_status()
        found = re.search(r"query: (\{.*?\}),\s", page.text)
        if found is None:
            raise RuntimeError("no live page: is the user logged in?")
        query = dict(ast.literal_eval(found[1]), document_id=str(uuid.uuid4()), tab_id=str(uuid.uuid4()), EIO="4", transport="websocket")
        query = {key: json.dumps(value) if isinstance(value, bool) else value for key, value in query.items()}
        self._next = int(query["next_message_id"])
        address = f"{self._url.replace('http', 'ws', 1)}/_nicegui_ws/socket.io/?{urlencode(query)}"
        async with connect(address, additional_headers={"cookie": self._headers["cookie"]}, origin=self._url, max_size=None,
                           create_connection=Counted) as socket:
            self.socket = cast("Counted", socket)
            confirming = asyncio.create_task(self._confirm(socket, query["client_id"]))
            async for message in socket:
                text = str(message)
                if self.heard is not None:
                    self.heard.append(text.encode())
                self.messages, self.characters = self.messages + 1, self.characters + len(text)
                if text.startswith("0"):
                    await socket.send("40")
                elif text == "2":
                    await socket.send("3")
                elif text.startswith("40"):
                    self.open.set()
                elif text.startswith("42") and (number := re.search(r'"_id":(\d+)', text)):
                    self._next = int(number[1]) + 1
            confirming.cancel()
        raise RuntimeError("the server closed a page")

    async def _confirm(self, socket: object, client_id: str) -> None:
        while True:
            await asyncio.sleep(CONFIRM_S)
            if self.open.is_set():
                said = json.dumps(["ack", {"client_id": client_id, "next_message_id": self._next}])
                await socket.send(f"42{said}")  # type: ignore[attr-defined]


def compressed_s(messages: Sequence[bytes]) -> float:
    """CPU time to compress them as uvicorn does."""
    deflate = PerMessageDeflate(False, False, 12, 12, {"memLevel": 5})
    began = time.process_time()
    for message in messages:
        deflate.encode(Frame(Opcode.TEXT, message))
    return time.process_time() - began


def _so_far(listeners: Sequence[Listener]) -> dict[str, float]:
    first = listeners[0]
    found = {"messages": sum(p.messages for p in listeners), "characters": sum(p.characters for p in listeners),
             "wire": sum(p.wire for p in listeners), "deflate_s": compressed_s(first.heard or []) * len(listeners)}
    first.heard = []
    return found


async def _main(url: str, number: int, cookies: Sequence[str]) -> None:
    listeners = [Listener(url, cookies[n % len(cookies)]) for n in range(number)]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        for listener in listeners:
            tasks.create_task(listener.run())
            await listener.open.wait()
        print("ready", flush=True)
        while await reader.readline():
            print(json.dumps(_so_far(listeners)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
