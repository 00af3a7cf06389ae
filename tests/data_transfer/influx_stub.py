"""An HTTP server with InfluxDB's paths that answers as badly as a test wants."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Misbehaving:
    """An HTTP server with InfluxDB's paths. `behave` gets the number of the write and its lines and says what to do with them:
    (status, headers, body, lines it takes) or None: take them all and cut the connection instead of answering."""

    behave: Callable[[int, list[str]], tuple[int, dict[str, str], str, list[str]] | None]
    version: str = "1.8.10"
    points: dict[tuple[str, str], str] = field(default_factory=dict)
    second_values: int = 0
    writes: list[tuple[str, dict[str, str], float]] = field(default_factory=list)
    port: int = 0
    takes_before_cutting: bool = True

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        path = head.split()[1]
        if path.startswith("/ping"):
            writer.write(f"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: {self.version}\r\n\r\n".encode())
            return True
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        lines = body.decode().split("\n")
        self.writes.append((path, headers, asyncio.get_running_loop().time()))
        answer = self.behave(len(self.writes), lines)
        status, more, words, taken = answer if answer is not None else (0, {}, "", lines if self.takes_before_cutting else [])
        for line in taken:
            series_and_fields, _, time = line.rpartition(" ")
            series, _, _fields = series_and_fields.rpartition(" ")
            key = (series, time)
            self.second_values += self.points.get(key, line) != line
            self.points[key] = line
        if answer is None:
            return False
        said = "".join(f"{name}: {text}\r\n" for name, text in more.items())
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(words.encode())}\r\n{said}\r\n{words}".encode())
        return True


@asynccontextmanager
async def misbehaving(server: Misbehaving) -> AsyncIterator[Misbehaving]:
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server
