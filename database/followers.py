"""Who is told of every record that was kept: the outboxes of the feeds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from database.journal import Record
from domain.feed import Kept

OnRecord = Callable[[Kept], None]


class Followers:
    """Told in order, at once."""

    def __init__(self) -> None:
        self._all: list[tuple[OnRecord, Callable[[], int | None]]] = []

    def add(self, callback: OnRecord, after: Callable[[], int | None]) -> None:
        """`after`: number of the newest record that `callback` has safe; None when it wants nothing of the past."""
        self._all.append((callback, after))

    def tell(self, record: Record) -> None:
        """Of a record that was kept just now."""
        if self._all:
            kept = _kept(record)
            for callback, _after in self._all:
                callback(kept)

    async def catch_up(self, read: Callable[[int], Awaitable[Sequence[Record]]]) -> None:
        """Tell each what it does not have yet. `read` gives the next records after a number, none at the end."""
        for callback, after in self._all:
            number = after()
            while number is not None and (found := await read(number)):
                for record in found:
                    callback(_kept(record))
                number = found[-1].number


def _kept(record: Record) -> Kept:
    return Kept(record.number, record.kept_before, record.samples, record.from_us, record.to_us, record.block)
