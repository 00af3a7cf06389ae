"""Recorded adapters, played over a real socket."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conftest import shared_file


def recording(folder: str, name: str) -> bytes:
    """The bytes of a recorded adapter; skips by name where the recordings are not."""
    return gzip.decompress(shared_file("data", folder, name).read_bytes())


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shared_file("data", "mtconnect-nist", "expected.json").read_text())[name]
    return found


@asynccontextmanager
async def adapter(data: bytes, *, pong_ms: int | None = 10_000, then_close: bool = False) -> AsyncIterator[int]:
    """Sends `data` to whoever asks with a ping (not to one that only looks in), in uneven pieces. Gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not await reader.readline():
                return
            if pong_ms is not None:
                writer.write(f"* PONG {pong_ms}\r\n".encode())
            for at in range(0, len(data), 9_973):
                writer.write(data[at:at + 9_973])
                await writer.drain()
            while not then_close and await reader.readline():
                if pong_ms is not None:
                    writer.write(f"* PONG {pong_ms}\r\n".encode())
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
