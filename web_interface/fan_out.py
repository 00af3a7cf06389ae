"""Events to every open page and stream. A slow reader loses the oldest and is told how many; it slows nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

BACKLOG = 200


class _Reader:
    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self.queue: deque[tuple[str, object]] = deque()
        self.lost = 0
        self.ready = asyncio.Event()


class FanOut:
    """publish() on the event loop; subscribe() from any number of tasks."""

    def __init__(self) -> None:
        self._readers: set[_Reader] = set()

    def wanted(self, kind: str) -> bool:
        """Does anybody listen to that kind?"""
        return any(not reader.kinds or kind in reader.kinds for reader in self._readers)

    def publish(self, kind: str, event: object) -> None:
        """Queue for each reader that asked for the kind (no kinds: all); at most 200 wait a reader."""
        for reader in self._readers:
            if reader.kinds and kind not in reader.kinds:
                continue
            if len(reader.queue) >= BACKLOG:
                reader.queue.popleft()
                reader.lost += 1
            reader.queue.append((kind, event))
            reader.ready.set()

    async def subscribe(self, *kinds: str) -> AsyncIterator[tuple[str, object]]:
        """Events from now on; ("lost", n) before the next one when n were dropped. Ends when the iterator is closed."""
        reader = _Reader(frozenset(kinds))
        self._readers.add(reader)
        try:
            while True:
                await reader.ready.wait()
                reader.ready.clear()
                while reader.queue:
                    if reader.lost:
                        lost, reader.lost = reader.lost, 0
                        yield "lost", lost
                    yield reader.queue.popleft()
        finally:
            self._readers.discard(reader)

    @property
    def readers(self) -> int:
        return len(self._readers)
