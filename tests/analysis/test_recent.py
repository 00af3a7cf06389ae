"""Memory in front of the history answers exactly as the history does, and only where it holds everything."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.recent import KEPT_US, RecentHistory
from domain.ports import Step
from domain.sample import Batch, TagId
from tests.analysis.fakes import MemoryHistory, S, meter_device, plant_of
from tests.conftest import FakeClock

IDS = (TagId(1), TagId(2))


def recent() -> tuple[MemoryHistory, RecentHistory]:
    behind = MemoryHistory()
    history = RecentHistory(behind)
    history.apply(*plant_of(meter_device("a")))
    return behind, history


def put(behind: MemoryHistory, history: RecentHistory, time_us: int, value: float | None) -> None:
    quality = 0 if value is not None else 65
    behind.put(1, [(time_us, value, quality)])
    history.on_batch(Batch("a", time_us, IDS, [value, 1.0], [quality, 0]))


ROWS = st.lists(st.tuples(st.sampled_from([1, 1, 1, 5, -3]), st.sampled_from([None, 1.0, 2.0])), max_size=30)


@given(ROWS, st.integers(-2, 40), st.integers(0, 30), st.booleans(), st.integers(1, 50))
@settings(max_examples=200, deadline=None)
async def test_same_answer_as_the_history_behind(
    rows: list[tuple[int, float | None]], begin: int, length: int, edges: bool, limit: int
) -> None:
    behind, history = recent()
    behind.put(1, [(-100 * S, 9.0, 0)])  # older than memory
    now = 0
    for step, value in rows:
        now += step
        if all(row[0] != now * S for row in behind.series[1]):
            put(behind, history, now * S, value)
    window = (begin * S, (begin + length) * S)
    assert await history.raw(TagId(1), *window, limit=limit, edges=edges) == await behind.raw(
        TagId(1), *window, limit=limit, edges=edges
    )


async def test_a_live_window_asks_the_history_nothing_and_memory_is_bounded() -> None:
    behind, history = recent()
    for second in range(0, 3 * KEPT_US // S, 5):
        history.on_batch(Batch("a", second * S, IDS, [1.0, 2.0], [0, 0]))
    now = 3 * KEPT_US
    found = await history.raw(TagId(1), now - 600 * S, now, edges=True)
    assert len(found.times_us) == 121
    assert behind.reads == 0
    await history.raw(TagId(1), now - 3 * KEPT_US, now)
    await history.raw(TagId(7), now - S, now)
    assert behind.reads == 2
    held = sum(len(column.times_us) for column in history._columns.values())
    assert held <= 2 * 2 * (2 * KEPT_US // S // 5)


async def test_a_past_that_was_computed_again_is_asked_from_the_history() -> None:
    behind, history = recent()
    for second in range(10):
        put(behind, history, second * S, 1.0)
    behind.put(1, [(second * S, 2.0, 0) for second in range(10)])  # computed again, past memory
    history.forget([TagId(1)])
    assert list((await history.raw(TagId(1), 3 * S, 6 * S)).values) == [2.0, 2.0, 2.0]


def beginning(rows: dict[int, list[tuple[int, float | None, int]]]) -> tuple[MemoryHistory, RecentHistory, FakeClock, list[Sequence[int]]]:
    """A history that knows where each tag begins; the list takes every question about that."""
    behind, clock, asked = MemoryHistory(), FakeClock(), list[Sequence[int]]()
    for tag_id, samples in rows.items():
        behind.put(tag_id, samples)

    async def begins(tag_ids: Sequence[TagId]) -> dict[TagId, int | None]:
        asked.append(tag_ids)
        return {tag_id: min((row[0] for row in behind.series.get(tag_id, ())), default=None) for tag_id in tag_ids}

    history = RecentHistory(behind, begins, clock)
    history.apply(*plant_of(meter_device("a")))
    return behind, history, clock, asked


@given(st.integers(-50, 60), st.integers(1, 50), st.booleans())
@settings(max_examples=100, deadline=None)
async def test_before_the_oldest_sample_the_answer_is_that_of_the_history(begin: int, length: int, edges: bool) -> None:
    base = FakeClock().now_us()
    behind, history, _, _ = beginning({1: [(base + 20 * S, None, 65), (base + 30 * S, 4.0, 0), (base + 31 * S, 5.0, 0)]})
    window = (base + begin * S, base + (begin + length) * S)
    assert await history.raw(TagId(1), *window, edges=edges) == await behind.raw(TagId(1), *window, edges=edges)


async def test_weeks_before_the_oldest_sample_cost_one_question_for_all_tags() -> None:
    base = FakeClock().now_us()
    behind, history, _, asked = beginning({1: [(base, 4.0, 0)]})
    for day in range(1, 15):
        begin = base - day * 86_400 * S
        assert not (await history.raw(TagId(1), begin, begin + 86_400 * S)).times_us
        assert not (await history.rollup(TagId(1), Step.M1, begin - 60 * S, begin)).rows
        assert await history.begins_after(TagId(2), begin)
    assert (behind.reads, asked) == (0, [[1, 2]])


async def test_older_samples_that_come_late_are_found_at_once() -> None:
    base = FakeClock().now_us()
    behind, history, clock, _ = beginning({1: [(base, 4.0, 0)]})
    history.on_batch(Batch("a", base, IDS, [4.0, 1.0], [0, 0]))
    assert await history.begins_after(TagId(1), base)
    history.on_batch(Batch("a", base - 3600 * S, IDS, [3.0, 1.0], [0, 0]))
    assert not await history.begins_after(TagId(1), base)  # on its way to the tables
    behind.put(1, [(base - 3600 * S, 3.0, 0), (base, 4.0, 0)])
    await clock.advance(20)
    assert await history.begins_after(TagId(1), base - 3600 * S)
    assert not await history.begins_after(TagId(1), base)
    assert list((await history.raw(TagId(1), base - 7200 * S, base)).values) == [3.0]
