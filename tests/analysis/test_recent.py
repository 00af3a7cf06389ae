"""Memory in front of the history answers exactly as the history does, and only where it holds everything."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.recent import KEPT_US, RecentHistory
from domain.sample import Batch, TagId
from tests.analysis.fakes import MemoryHistory, S, meter_device, plant_of

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
