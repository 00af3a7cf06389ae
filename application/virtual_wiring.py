"""Virtual tags connected: the live stream, history, the books."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from analysis.recent import RecentHistory
from analysis.virtual.again import VirtualHistory
from analysis.virtual.live import VirtualEngine
from data_processing.processor import Processing
from database import Database
from domain.plant import Plant, Tag
from domain.ports import Bus, Clock

Recomputed = Callable[[int, int, str], None]


class VirtualWiring:
    """Build it, `apply` the plant after the sinks, subscribe `engine.on_batch`, run `run`. Counts for the books with `counts`."""

    def __init__(
        self, bus: Bus, database: Database, clock: Clock, recent: RecentHistory, recomputed: Recomputed,
        plant: Callable[[], Plant],
    ) -> None:
        """`recomputed`: told (from_us, to_us, machine_id) when the past of a machine's meter was computed again."""
        self._recent, self._recomputed, self._plant = recent, recomputed, plant
        self.history = VirtualHistory(clock, database.samples, database.events, database.writer.put_all, self._changed)
        self.engine = VirtualEngine(clock, bus.publish, self.history.changed)

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed."""
        self.engine.apply(plant, tags)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.engine.run(), name="virtual:live")
            tasks.create_task(self.history.run(self.engine), name="virtual:history")

    @property
    def computed(self) -> int:
        """Values made since the start, live and over history."""
        return self.engine.computed + self.history.computed

    def _changed(self, from_us: int, to_us: int, device_id: str) -> None:
        plan = self.engine.plans.get(device_id)
        if plan is not None:
            self._recent.forget(plan.tag_ids)
        for machine in self._plant().machines:
            if machine.meter == device_id:
                self._recomputed(from_us, to_us, machine.id)


class AllCounts:
    """Read from devices and computed by formulas: both are read, for the books (P2). Implements database.ledger.ReadCounts."""

    def __init__(self, processing: Processing, virtual: VirtualWiring) -> None:
        self._processing, self._virtual = processing, virtual

    @property
    def read(self) -> int:
        return self._processing.read + self._virtual.computed

    @property
    def filtered(self) -> int:
        return self._processing.filtered

    @property
    def rejected(self) -> Mapping[str, int]:
        return Counter(self._processing.rejected)
