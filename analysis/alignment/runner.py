"""The alignments of the plant on the bus: samples in as they come, frames out to whoever listens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from analysis.alignment.aligner import Aligner
from domain.alignment import Alignment, AlignmentStatus, Frame
from domain.plant import Plant, Tag
from domain.ports import Clock
from domain.quality import FIRST_BAD
from domain.sample import Batch, TagId

log = logging.getLogger(__name__)

SHORTEST_S: Final = 0.005
LONGEST_S: Final = 0.25
MOST_PLANS: Final = 5000
Listener = Callable[[Alignment, Frame], None]


class Alignments:
    """Implements domain.alignment.AlignmentService. `apply` the plant, subscribe `on_batch`, `run` as a supervised task."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._aligners: list[Aligner] = []
        self._places: dict[TagId, list[tuple[int, int]]] = {}
        self._plans: dict[int, tuple[tuple[TagId, ...], tuple[tuple[int, int, int], ...]]] = {}
        self._listeners: list[Listener] = []

    def on_frame(self, listener: Listener) -> None:
        """Hears of every frame; must return at once."""
        self._listeners.append(listener)

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed: what is defined as before goes on as before."""
        before = {aligner.alignment: aligner for aligner in self._aligners}
        now_us = self._clock.now_us()
        self._aligners = [before.get(one) or Aligner(one, now_us) for one in plant.alignments]
        ids = {tag.name: tag.id for tag in tags}
        self._places = {}
        for number, aligner in enumerate(self._aligners):
            for index, series in enumerate(aligner.alignment.series):
                if series.tag in ids:
                    self._places.setdefault(ids[series.tag], []).append((number, index))
        self._plans.clear()

    def on_batch(self, batch: Batch) -> None:
        """Bus sink. A frame that is whole goes out with the sample that was missing."""
        rows = self._rows(batch.tag_ids)
        if not rows:
            return
        now_us = self._clock.now_us()
        for column, number, index in rows:
            value = batch.values[column] if batch.qualities[column] < FIRST_BAD else None
            self._aligners[number].feed(index, batch.time_us, value, now_us)
        for number in {row[1] for row in rows}:
            self._say(self._aligners[number], now_us)

    def _rows(self, tag_ids: tuple[TagId, ...]) -> tuple[tuple[int, int, int], ...]:
        """(column of the batch, aligner, its series) of the tags that are aligned."""
        plan = self._plans.get(id(tag_ids))
        if plan is None or plan[0] is not tag_ids:
            if len(self._plans) > MOST_PLANS:
                self._plans.clear()
            rows = tuple((column, *place) for column, tag_id in enumerate(tag_ids) for place in self._places.get(tag_id, ()))
            plan = self._plans[id(tag_ids)] = (tag_ids, rows)
        return plan[1]

    async def run(self) -> None:
        """Frames whose deadline passes, until cancelled."""
        while True:
            now_us = self._clock.now_us()
            for aligner in self._aligners:
                self._say(aligner, now_us)
            nearest_us = min((aligner.deadline_us for aligner in self._aligners), default=now_us + 1_000_000)
            await self._clock.sleep(min(LONGEST_S, max(SHORTEST_S, (nearest_us - now_us) / 1e6)))

    def _say(self, aligner: Aligner, now_us: int) -> None:
        for frame in aligner.frames(now_us):
            for listener in self._listeners:
                listener(aligner.alignment, frame)

    def statuses(self) -> Sequence[AlignmentStatus]:
        """From memory, in the order of the plant."""
        return [aligner.status() for aligner in self._aligners]
