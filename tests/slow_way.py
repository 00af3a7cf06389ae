"""A TCP proxy in front of a real server that makes it slow: late answers, answers byte by byte, data taken no faster than so much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass


@dataclass
class SlowWay:
    """Quick until told otherwise. `answer_s`: before each `answer_bytes` of what is answered; `bytes_s`: most that is taken a second."""

    far_port: int
    port: int = 0
    answer_s: float = 0.0
    answer_bytes: int = 65_536
    bytes_s: float | None = None
    connections: int = 0

    def quick(self) -> None:
        self.answer_s, self.answer_bytes, self.bytes_s = 0.0, 65_536, None

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far_port)
        ways = [asyncio.create_task(self._there(reader, far_writer)), asyncio.create_task(self._back(far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            far_writer.close()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                if self.bytes_s is not None:
                    await asyncio.sleep(len(data) / self.bytes_s)
                writer.write(data)
                await writer.drain()

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                while data:
                    await asyncio.sleep(self.answer_s)
                    piece, data = data[: self.answer_bytes], data[self.answer_bytes :]
                    writer.write(piece)
                    await writer.drain()


@asynccontextmanager
async def slow_way(far_port: int, port: int = 0) -> AsyncIterator[SlowWay]:
    """Listens on `port` (0: a free one)."""
    way = SlowWay(far_port)
    meeting: set[asyncio.Task[None]] = set()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(way.meet(reader, writer))
        meeting.add(task)
        task.add_done_callback(meeting.discard)

    server = await asyncio.start_server(met, "127.0.0.1", port, limit=8192)
    way.port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        for task in list(meeting):
            task.cancel()
        await asyncio.gather(*meeting, return_exceptions=True)
