"""A camera on a real socket that answers what it is told to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class CameraServer:
    """`answer`: the bytes of the whole HTTP answer, None: none comes. `asked` keeps the requests' heads."""

    def __init__(self) -> None:
        self.answer: bytes | None = b""
        self.asked: list[str] = []
        self.port = 0
        self.connections = 0

    def show(self, picture: bytes, status: str = "200 OK", kind: str = "image/jpeg", *headers: str) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(picture)}", *headers]
        self.answer = "\r\n".join(head).encode() + b"\r\n\r\n" + picture

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
                if self.answer is not None:
                    writer.write(self.answer)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def camera_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[CameraServer]:
    camera = CameraServer()
    server = await asyncio.start_server(camera.serve, "127.0.0.1", 0, ssl=tls)
    camera.port = server.sockets[0].getsockname()[1]
    try:
        yield camera
    finally:
        server.close()
