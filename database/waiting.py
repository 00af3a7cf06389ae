"""What is kept and not yet in the tables, in memory: a database that keeps up never makes the writer read its journal."""

from __future__ import annotations

from collections import deque

from database.handover import Waiting

MEMORY_SAMPLES = 200_000  # journalled samples that also wait in memory; beyond that they are read back from the journal


class WaitingRecords:
    """In order. `whole`: everything that waits is here; else it lies in the journal alone, until the tables have caught up."""

    def __init__(self) -> None:
        self._records: deque[Waiting] = deque()
        self.samples = 0
        self.whole = True

    @property
    def oldest_us(self) -> int | None:
        """Time of the oldest sample here, UTC µs; None when nothing is."""
        return self._records[0].record.from_us if self._records else None

    def remember(self, waiting: Waiting) -> None:
        """The newest one; all are forgotten where they become too many."""
        if not self.whole:
            return
        if self.samples + len(waiting.columns) > MEMORY_SAMPLES and self._records:
            self._records.clear()
            self.samples, self.whole = 0, False
            return
        self._records.append(waiting)
        self.samples += len(waiting.columns)

    def oldest(self, most_samples: int) -> list[Waiting]:
        """As many as have `most_samples` together, one at least where there is one."""
        chosen: list[Waiting] = []
        samples = 0
        for waiting in self._records:
            if chosen and samples + len(waiting.columns) > most_samples:
                break
            chosen.append(waiting)
            samples += len(waiting.columns)
        return chosen

    def settle(self, number: int) -> None:
        """Those up to `number` are in the tables."""
        while self._records and self._records[0].record.number <= number:
            self.samples -= len(self._records.popleft().columns)
