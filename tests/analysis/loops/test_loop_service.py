"""Loops of a plant: judged over windows of what was kept, their finished episodes stored once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from analysis.loops.service import ControlLoops
from domain.errors import ConfigError, NotFound
from domain.loop import MAX_TRACE, ControlLoop, LoopEpisode
from domain.plant import Plant, Site, Tag
from domain.quantity import Quantity
from domain.sample import TagId
from simulator.process_loop import closed_loop
from tests.analysis.fakes import MemoryHistory
from tests.conftest import FakeClock

S = 1_000_000
START = 1_763_548_800_000_000
LOOP = ControlLoop("oven", "Печь", "plc.w", "plc.y", "plc.u", dead_time_s=1.0, period_s=60.0, amplitude=2.0, min_step=10.0)
TAGS = [
    Tag(TagId(n), f"plc.{name}", "plc", name, Quantity.TEMPERATURE if name != "u" else Quantity.LOAD, "°C" if name != "u" else "%")
    for n, name in enumerate("wyu", 1)
]


class MemoryLoops:
    """LoopStore."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int], LoopEpisode] = {}
        self.saved = 0

    async def save_episodes(self, episodes: Sequence[LoopEpisode]) -> None:
        self.saved += len(episodes)
        self.kept |= {(e.loop_id, e.from_us): e for e in episodes}

    async def episodes(self, loop_id: str, from_us: int, to_us: int) -> Sequence[LoopEpisode]:
        return [e for (loop, at), e in sorted(self.kept.items()) if loop == loop_id and from_us <= at < to_us]

    async def last_episode_us(self, loop_id: str) -> int | None:
        return max((e.to_us for e in self.kept.values() if e.loop_id == loop_id), default=None)


def build(rows: Sequence[tuple[int, float | None, float | None, float | None]], now_s: int) -> tuple[ControlLoops, MemoryLoops, FakeClock]:
    history, store, clock = MemoryHistory(), MemoryLoops(), FakeClock(START + now_s * S)
    for column, tag in enumerate(TAGS, 1):
        history.put(tag.id, [(START + row[0] * S, row[column], 0 if row[column] is not None else 64) for row in rows])  # type: ignore[misc]
    plant = Plant(Site("S"), loops=(LOOP,))
    return ControlLoops(lambda: plant, lambda: TAGS, history, store, clock), store, clock


def steps(second: int) -> float:
    """100 °C, at 600 s 150 °C, at 1 200 s 120 °C."""
    return 100.0 if second < 600 else 150.0 if second < 1200 else 120.0


async def test_a_window_is_judged_with_its_episodes_and_a_trace() -> None:
    loops, _, _ = build(closed_loop(1800, steps), 1800)
    report = await loops.report("oven", START, START + 1800 * S)
    assert [(e.from_us, e.before, e.after) for e in report.episodes] == [
        (START + 600 * S, 100.0, 150.0), (START + 1200 * S, 150.0, 120.0)
    ]  # fmt: skip
    assert report.errors.completeness == pytest.approx(1.0, abs=0.001)
    assert (report.unit, report.output_unit, report.oscillates) == ("°C", "%", False)
    assert report.errors.iae == pytest.approx(sum(abs(w - y) for _, w, y, _ in closed_loop(1800, steps)), rel=0.05)
    assert MAX_TRACE // 2 < len(report.trace) <= MAX_TRACE + 1
    first = report.episodes[0]
    assert first.rise_s is not None
    assert first.settling_s is not None
    assert first.rise_s < first.settling_s < 600
    assert abs(first.steady_error or 0.0) < 0.5


async def test_a_loop_tuned_too_hot_swings_and_overshoots_more() -> None:
    calm, _, _ = build(closed_loop(1800, steps), 1800)
    wild, _, _ = build(closed_loop(1800, steps, gain=1.25, integral_s=20.0), 1800)
    good, bad = [await loops.report("oven", START, START + 1800 * S) for loops in (calm, wild)]
    assert bad.oscillates
    assert not good.oscillates
    assert (bad.episodes[0].overshoot or 0.0) > (good.episodes[0].overshoot or 0.0) + 0.05
    assert (bad.errors.output_variation or 0.0) > 3 * (good.errors.output_variation or 0.0)


async def test_a_lost_hour_is_a_gap_and_not_an_error_of_the_loop() -> None:
    rows = [(s, w, y, u) if not 300 <= s < 500 else (s, w, None, u) for s, w, y, u in closed_loop(1800, steps)]
    whole, _, _ = build(closed_loop(1800, steps), 1800)
    holed, _, _ = build(rows, 1800)
    a, b = [await loops.report("oven", START, START + 1800 * S) for loops in (whole, holed)]
    assert b.errors.completeness == pytest.approx(1 - 201 / 1800, abs=0.002)
    assert (b.errors.iae or 0.0) <= (a.errors.iae or 0.0)
    assert len(b.episodes) == 2


async def test_finished_episodes_are_stored_once_and_the_running_one_waits() -> None:
    loops, store, clock = build(closed_loop(1800, steps), 1800)
    assert [e.after for e in await loops.look(LOOP)] == [150.0]  # the step to 120 °C is still being answered
    assert await loops.look(LOOP) == []
    assert store.saved == 1
    kept = await loops.episodes("oven", START, clock.now_us())
    report = await loops.report("oven", START, START + 1800 * S)
    assert kept[0] == dataclasses.replace(report.episodes[0])
    again, _, _ = build(closed_loop(2400, lambda s: steps(s) if s < 1800 else 90.0), 2400)
    again._store = store
    assert [(e.before, e.after) for e in await again.look(LOOP)] == [(150.0, 120.0)]


async def test_an_empty_window_says_that_nothing_is_known() -> None:
    loops, _, _ = build([], 100)
    report = await loops.report("oven", START, START + 100 * S)
    assert (report.errors.iae, report.errors.completeness, report.harris, list(report.episodes), list(report.trace)) == (None, 0.0, None, [], [])


async def test_unknown_loops_and_endless_windows_are_refused_in_words() -> None:
    loops, _, _ = build([], 100)
    with pytest.raises(NotFound, match="nearest: oven"):
        await loops.report("ofen", START, START + S)
    with pytest.raises(ConfigError, match="longer than 7 days"):
        await loops.report("oven", START, START + 8 * 86_400 * S)
