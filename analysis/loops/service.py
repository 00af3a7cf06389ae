"""Control loops of the plant: judged when asked, their finished episodes stored by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from analysis.alignment.past import aligned, grid_between
from analysis.loops.align import columns_of, held
from analysis.loops.report import loop_episodes, loop_report
from analysis.loops.series import LoopSeries
from domain.alignment import Alignment
from domain.errors import ConfigError, NotFound, StorageError
from domain.loop import ControlLoop, LoopEpisode, LoopReport, LoopStore
from domain.plant import Plant, Tag
from domain.ports import Clock, History, RawSeries

log = logging.getLogger(__name__)

LONGEST_US: Final = 7 * 86_400_000_000
MOST_SAMPLES: Final = 1_000_000
HELD_FOR: Final = 3.0  # so many intervals a value stands without a new sample
LOOK_S: Final = 120.0
FIRST_LOOK_S: Final = 60.0
LOOK_BACK_US: Final = 2 * 86_400_000_000  # where nothing was stored yet, and the longest episode that is found by itself


class ControlLoops:
    """Implements web_interface.services.LoopService. `run` as one supervised task."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, store: LoopStore, clock: Clock
    ) -> None:
        self._plant, self._tags, self._history, self._store, self._clock = plant, tags, history, store, clock
        self._listeners: list[Callable[[ControlLoop, LoopEpisode], None]] = []

    def on_episode(self, listener: Callable[[ControlLoop, LoopEpisode], None]) -> None:
        """Hears of every episode that was stored; must return at once."""
        self._listeners.append(listener)

    @property
    def loops(self) -> Sequence[ControlLoop]:
        """As the plant names them."""
        return self._plant().loops

    def loop(self, loop_id: str) -> ControlLoop:
        """Raises NotFound with the names that there are."""
        for loop in self.loops:
            if loop.id == loop_id:
                return loop
        raise NotFound("loop", loop_id, tuple(loop.id for loop in self.loops)[:5])

    async def report(self, loop_id: str, from_us: int, to_us: int) -> LoopReport:
        """As the samples stand now. Raises NotFound, ConfigError when the window is longer than 7 days or holds too much."""
        loop = self.loop(loop_id)
        if to_us - from_us > LONGEST_US:
            raise ConfigError("the window is longer than 7 days; expected a shorter one")
        series = await self._series(loop, from_us, to_us)
        process, output = self._tag(loop.process), self._tag(loop.output)
        return await asyncio.to_thread(
            loop_report, loop, series, from_us, to_us, unit="" if process is None else process.unit,
            output_unit="" if output is None else output.unit,
        )  # fmt: skip

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        """Stored ones that begin in the window, in order. Raises NotFound."""
        return await self._store.episodes(self.loop(loop_id).id, from_us, to_us)

    async def run(self) -> None:
        """Store finished episodes until cancelled; an outage of the database is waited out."""
        await self._clock.sleep(FIRST_LOOK_S)
        while True:
            for loop in self.loops:
                try:
                    await self.look(loop)
                except (StorageError, OSError) as exc:
                    log.warning("the episodes of loop %s wait: %s", loop.id, exc)
            await self._clock.sleep(LOOK_S)

    async def look(self, loop: ControlLoop) -> Sequence[LoopEpisode]:
        """Find and store what has finished since the last one; the running episode is left for later."""
        now_us = self._clock.now_us()
        last_us = await self._store.last_episode_us(loop.id)
        margin_us = round(2e6 * loop.min_episode_s)
        begin_us = max(now_us - LOOK_BACK_US, (now_us - LOOK_BACK_US if last_us is None else last_us) - margin_us)
        series = await self._series(loop, begin_us, now_us)
        found = await asyncio.to_thread(loop_episodes, loop, series, begin_us)
        newest_us = begin_us + round(float(series.seconds[-1]) * 1e6) if len(series.seconds) else begin_us
        finished = [e for e in found if e.to_us < newest_us and (last_us is None or e.from_us >= last_us)]
        if finished:
            await self._store.save_episodes(finished)
            for episode in finished:
                for listener in self._listeners:
                    listener(loop, episode)
        return finished

    def _tag(self, name: str | None) -> Tag | None:
        return next((tag for tag in self._tags() if tag.name == name), None)

    async def _series(self, loop: ControlLoop, from_us: int, to_us: int) -> LoopSeries:
        """On the instants of the process value; set point and output stand until their next sample.

        Where an alignment names all tags of the loop: on its grid, by its rules.
        """
        alignment = next((one for one in self._plant().alignments if one.names(loop.setpoint, loop.process, loop.output)), None)
        if alignment is not None:
            return await self._aligned(loop, alignment, from_us, to_us)
        times, process = columns_of(await self._raw(loop.process, from_us, to_us))
        if len(times) >= MOST_SAMPLES:
            raise ConfigError(f"the window has more than {MOST_SAMPLES} samples; expected a shorter one")
        setpoint = await self._held(loop.setpoint, times, from_us, to_us)
        output = None if loop.output is None else await self._held(loop.output, times, from_us, to_us)
        return LoopSeries((times - from_us) / 1e6, setpoint, process, output)

    async def _aligned(self, loop: ControlLoop, alignment: Alignment, from_us: int, to_us: int) -> LoopSeries:
        if (to_us - from_us) // alignment.grid_us >= MOST_SAMPLES:
            raise ConfigError(f"the window has more than {MOST_SAMPLES} samples; expected a shorter one")
        grid = grid_between(from_us, to_us, alignment.grid_us)
        series = {one.tag: one for one in alignment.series}

        async def column(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
            one = series[name]
            raw = columns_of(await self._raw(name, from_us - one.tolerance_us, to_us + one.tolerance_us + 1))
            return await asyncio.to_thread(aligned, one, *raw, grid)

        output = None if loop.output is None else await column(loop.output)
        return LoopSeries((grid - from_us) / 1e6, await column(loop.setpoint), await column(loop.process), output)

    async def _held(
        self, name: str, times_us: np.ndarray[tuple[int, ...], np.dtype[np.int64]], from_us: int, to_us: int
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        tag = self._tag(name)
        age_us = round(HELD_FOR * 1e6 * (1.0 if tag is None else tag.interval_s))
        return held(times_us, await self._raw(name, from_us - age_us, to_us), age_us)

    async def _raw(self, name: str, from_us: int, to_us: int) -> RawSeries:
        tag = self._tag(name)
        if tag is None:
            raise NotFound("tag", name, ())
        return await self._history.raw(tag.id, from_us, to_us, limit=MOST_SAMPLES)
