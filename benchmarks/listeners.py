"""Open pages without the drawing: what a browser says to the server and takes from it, so that ten of them fit beside the product.

`python -m benchmarks.listeners URL COOKIES NUMBER`: loads the page as a browser does, opens its socket, answers pings, confirms what
came. Prints "ready" when all are open; at a line on standard input, what came since as JSON.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import sys
import uuid
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import connect

CONFIRM_S = 1.0  # as often as NiceGUI's own page


class Listener:
    """One page. Raises what the connection raises: a page that is dropped is a failed measurement."""

    def __init__(self, url: str, cookies: str) -> None:
        self._url, self._headers = url, {"cookie": cookies, "origin": url}
        self.messages = self.characters = self._next = 0
        self.open = asyncio.Event()

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
        async with connect(address, additional_headers={"cookie": self._headers["cookie"]}, origin=self._url, max_size=None) as socket:
            confirming = asyncio.create_task(self._confirm(socket, query["client_id"]))
            async for message in socket:
                text = str(message)
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


async def _main(url: str, cookies: str, number: int) -> None:
    listeners = [Listener(url, cookies) for _ in range(number)]
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as tasks:
        for listener in listeners:
            tasks.create_task(listener.run())
            await listener.open.wait()
        print("ready", flush=True)
        while await reader.readline():
            print(json.dumps({"messages": sum(p.messages for p in listeners), "characters": sum(p.characters for p in listeners)}), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
