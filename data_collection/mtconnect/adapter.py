"""A line to an adapter: lines of SHDR over TCP, kept alive by its pings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

from data_collection import options
from data_collection.mtconnect.observation import Observation
from data_collection.mtconnect.shdr import LONGEST_LINE, PING, ShdrReader
from domain.errors import LineDown
from domain.plant import Line

_FIRST_PING_S: Final = 10.0


class Adapter:
    """One connection. `batches` yields the observations of what came at once; raises LineDown when it is over."""

    def __init__(self, line: Line) -> None:
        self.line, self.reader = line, ShdrReader()
        self._timeout_s = options.number(line, "connect_timeout_s", 5.0)

    async def batches(self) -> AsyncIterator[Sequence[Observation]]:
        """The adapter's devices are one: its lines name none."""
        host, port = options.text(self.line, "host"), options.whole(self.line, "port", 7878, 1, 65535)
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_connection(host, port, limit=LONGEST_LINE)
        except (OSError, TimeoutError) as exc:
            raise LineDown(f"{self.line.target}: {exc or 'no connection in time'}") from exc
        pings = asyncio.create_task(self._ping(writer), name=f"mtconnect:{self.line.id}:ping")
        rest = b""
        try:
            while True:
                async with asyncio.timeout(self._silence_s()):
                    data = await reader.read(65_536)
                if not data:
                    raise LineDown(f"{self.line.target}: the adapter closed the connection")
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    self.reader.faults["too_long"] += 1
                    rest = b""
                yield [o for line in lines for o in self.reader.read(line.decode("utf-8", "replace"))]
        except TimeoutError as exc:
            raise LineDown(f"{self.line.target}: the adapter does not answer its pings") from exc
        except OSError as exc:
            raise LineDown(f"{self.line.target}: {exc}") from exc
        finally:
            pings.cancel()
            await asyncio.gather(pings, return_exceptions=True)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _silence_s(self) -> float | None:
        """An adapter that answers pings is lost when it answers none for two of its periods; one that never did may be quiet."""
        return None if self.reader.heartbeat_s is None else 2.0 * self.reader.heartbeat_s + self._timeout_s

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        while True:
            with contextlib.suppress(OSError):
                writer.write(PING)
                await writer.drain()
            await asyncio.sleep(self.reader.heartbeat_s or _FIRST_PING_S)
