"""Control loops of the invented shop: the real service over a simulated oven, read over two channels."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

from analysis.loops.service import ControlLoops
from domain.loop import ControlLoop, LoopEpisode
from domain.plant import Plant, Tag
from domain.ports import RawSeries
from domain.quantity import Quantity
from domain.sample import TagId
from simulator.process_loop import closed_loop
from tests.analysis.fakes import MemoryHistory
from tests.web_interface import fake_shop as shop

S = 1_000_000
BEFORE_S, AFTER_S = 3 * 3600, 1800
OVEN = ControlLoop(
    "oven-opcua", "Печь отпуска, OPC UA", "oven.setpoint", "oven.temperature", "oven.output", dead_time_s=8.0, period_s=60.0,
    amplitude=2.0, min_step=10.0,
)  # fmt: skip
SECOND = replace(
    OVEN, id="oven-s7", name="Печь отпуска, S7", setpoint="oven2.setpoint", process="oven2.temperature", output="oven2.output"
)


class MemoryLoops:
    """LoopStore."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], LoopEpisode] = {}

    async def save_episodes(self, episodes: Sequence[LoopEpisode]) -> None:
        self.kept |= {(e.loop_id, e.from_us): e for e in episodes}

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        return [e for (loop, at), e in sorted(self.kept.items()) if loop == loop_id and from_us <= at < to_us]

    async def last_episode_us(self, loop_id: str) -> int | None:
        return max((e.to_us for e in self.kept.values() if e.loop_id == loop_id), default=None)


@functools.cache
def recorded() -> tuple[list[Tag], MemoryHistory]:
    """From time 0 on: steps of the set point each 15 minutes; the second channel swings. Made once, when first asked for."""
    history, tags = MemoryHistory(), list[Tag]()
    for device, (gain, integral_s) in (("oven", (0.375, 30.0)), ("oven2", (1.25, 20.0))):
        rows = closed_loop(BEFORE_S + AFTER_S, lambda s: 180.0 if s // 900 % 2 else 150.0, gain=gain, integral_s=integral_s)
        for column, name in enumerate(("setpoint", "temperature", "output"), 1):
            quantity, unit = (Quantity.LOAD, "%") if name == "output" else (Quantity.TEMPERATURE, "°C")
            tags.append(Tag(TagId(90_000 + len(tags)), f"{device}.{name}", device, name, quantity, unit))
            history.put(tags[-1].id, [(row[0] * S, row[column], 0) for row in rows])
    return tags, history


class Shifted(MemoryHistory):
    """The recording as if it had begun at `begin_us`."""

    def __init__(self, begin_us: int) -> None:
        super().__init__()
        self._begin_us = begin_us

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        found = await recorded()[1].raw(tag_id, from_us - self._begin_us, to_us - self._begin_us, limit=limit, edges=edges)
        return replace(found, times_us=[time_us + self._begin_us for time_us in found.times_us])


def fake_loops(clock: shop.ShopClock) -> ControlLoops:
    """Three hours are over when the shop opens."""
    plant = Plant(shop.plant().site, loops=(OVEN, SECOND))
    history = Shifted(clock.now_us() - BEFORE_S * S)
    return ControlLoops(lambda: plant, lambda: recorded()[0], history, MemoryLoops(), clock)
