"""Live and history give the same rows; what is late, missing or changed is computed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.virtual.again import COMPUTED, VirtualHistory
from analysis.virtual.live import VirtualEngine
from analysis.virtual.plan import device_plans
from domain.plant import Device, Plant, Site, Tag, tags_of
from domain.ports import RawSeries
from domain.profile import OtherPoint, Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.registry import tags_of_plant
from domain.sample import Batch, Sample, TagEvent, TagId
from domain.virtual import VirtualTag
from tests.conftest import FakeClock

S = 1_000_000
BEGIN = 1_763_548_800 * S
POINTS = (Point("p", Quantity.ACTIVE_POWER, "kW", OtherPoint()), Point("e", Quantity.ENERGY_IMPORT, "kWh", OtherPoint()))
FORMULAS = {"v.sum": "m1.p + m2.p", "v.mean": "avg(m1.p; 10 s) - m2.p", "v.rate": "rate(m1.e; 5 s)"}


def profile() -> Profile:
    return Profile(name="test", title={"en": "Test"}, vendor="", protocol="modbus", source="", confidence="H", points=POINTS)


def plant(formulas: dict[str, str], *, scan_s: float = 1.0) -> Plant:
    devices = (Device("m1", "l", profile(), scan_s=scan_s), Device("m2", "l", profile(), scan_s=2 * scan_s))
    virtual = tuple(VirtualTag(name, text, Quantity.ACTIVE_POWER, "kW") for name, text in formulas.items())
    return Plant(Site("Shop"), devices=devices, virtual_tags=virtual)


def registered(shop: Plant) -> list[Tag]:
    found = []
    for number, tag in enumerate(tags_of_plant(shop), 1):
        found.append(
            Tag(TagId(number), tag.name, tag.device_id, tag.point, tag.quantity, tag.unit, interval_s=tag.interval_s)
        )
    return found


@dataclass
class Shop:
    """An engine and a history over samples in memory."""

    clock: FakeClock
    published: list[Batch] = field(default_factory=list)
    stored: dict[tuple[int, int], tuple[float | None, int]] = field(default_factory=dict)
    saved: list[TagEvent] = field(default_factory=list)
    told: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = VirtualHistory(self.clock, self, self, self.keep, lambda a, b, c: self.told.append((a, b, c)))
        self.engine = VirtualEngine(self.clock, self.published.append, self.history.changed)

    async def keep(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.store(batch)

    def store(self, batch: Batch) -> None:
        for tag_id, value, quality in zip(batch.tag_ids, batch.values, batch.qualities, strict=True):
            self.stored[(tag_id, batch.time_us)] = value, quality

    async def raw(self, tag_id: int, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        rows = sorted((us, *found) for (tag, us), found in self.stored.items() if tag == tag_id and from_us <= us < to_us)
        return RawSeries(TagId(tag_id), [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])

    async def latest(self, tag_ids: Sequence[int] | None = None) -> Sequence[Sample]:
        newest: dict[int, int] = {}
        for tag, us in self.stored:
            if tag_ids is None or tag in tag_ids:
                newest[tag] = max(us, newest.get(tag, 0))
        return [Sample(TagId(tag), us, *_typed(self.stored[(tag, us)])) for tag, us in newest.items()]

    async def span(self) -> tuple[int, int] | None:
        times = [us for _, us in self.stored]
        return (min(times), max(times)) if times else None

    async def save_events(self, events: Sequence[TagEvent]) -> None:
        self.saved += events

    async def events(self, tag_ids: Sequence[int], from_us: int, to_us: int) -> Sequence[TagEvent]:
        return [event for event in self.saved if event.tag_id in tag_ids and from_us <= event.time_us < to_us]

    async def save_texts(self, texts: object) -> None: ...
    async def latest_texts(self) -> Sequence[object]:
        return []


def _typed(found: tuple[float | None, int]) -> tuple[float | None, Quality]:
    return found[0], Quality(found[1])


def batch_of(device: str, tags: Sequence[Tag], time_us: int, p: float | None, e: float | None) -> Batch:
    mine = {tag.point: tag.id for tag in tags if tag.device_id == device}
    bad = int(Quality.TIMEOUT)
    return Batch(device, time_us, (mine["p"], mine["e"]), [p, e], [bad if p is None else 0, bad if e is None else 0])


readings = st.lists(
    st.tuples(
        st.sampled_from(["m1", "m1", "m2"]), st.integers(50_000, 1_900_000), st.one_of(st.none(), st.floats(-50, 50)),
        st.floats(0, 0.01), st.booleans(),
    ),
    min_size=1, max_size=60,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(readings)
async def test_live_rows_equal_those_from_history(script: list[tuple[str, int, float | None, float, bool]]) -> None:
    clock = FakeClock(BEGIN)
    shop, here = Shop(clock), plant(FORMULAS)
    tags = registered(here)
    shop.engine.apply(here, tags)
    now, counter = BEGIN, 100.0
    for device, pause_us, power, growth, lost in script:
        now += pause_us
        await clock.advance((now - clock.now_us()) / 1e6)
        counter += growth
        shop.engine.tick()
        if not lost:
            batch = batch_of(device, tags, clock.now_us(), power, counter)
            shop.store(batch)
            shop.engine.on_batch(batch)
        shop.engine.tick()
    await clock.advance(3.0)
    shop.engine.tick()
    assert shop.engine.take_late() == []
    (plan,) = shop.engine.plans.values()
    last = shop.published[-1].time_us if shop.published else BEGIN
    again = [b async for found, _ in shop.history.batches(plan, BEGIN, last + 1) for b in found]
    assert [(b.time_us, b.values, b.qualities) for b in again] == [(b.time_us, b.values, b.qualities) for b in shop.published]


async def test_rows_lie_on_the_grid_of_the_fastest_input_one_batch_each(fake_clock: FakeClock) -> None:
    shop, here = Shop(fake_clock), plant(FORMULAS)
    tags = registered(here)
    shop.engine.apply(here, tags)
    begin = fake_clock.now_us()
    for step in range(5):
        shop.engine.on_batch(batch_of("m1", tags, begin + step * S + 300_000, 2.0, 10.0))
        shop.engine.on_batch(batch_of("m2", tags, begin + step * S + 400_000, 3.0, 10.0))
        await fake_clock.advance(1.0)
        shop.engine.tick()
    assert [batch.time_us - begin for batch in shop.published] == [S, 2 * S, 3 * S, 4 * S]
    assert {batch.device_id for batch in shop.published} == {"v"}
    assert shop.published[0].values[0] == 5.0
    assert shop.engine.computed == 12


async def test_a_silent_input_is_held_then_bad_and_a_silent_shop_gives_no_rows(fake_clock: FakeClock) -> None:
    shop, here = Shop(fake_clock), plant({"v.twice": "2 * m1.p"})
    tags = registered(here)
    shop.engine.apply(here, tags)
    shop.engine.on_batch(batch_of("m1", tags, fake_clock.now_us(), 2.0, 1.0))
    for _ in range(20):
        await fake_clock.advance(1.0)
        shop.engine.tick()
    qualities = [batch.qualities[0] for batch in shop.published]
    assert qualities == [0, 0, int(Quality.HELD), int(Quality.HELD)]


async def test_a_late_sample_is_computed_again_from_history(fake_clock: FakeClock) -> None:
    shop, here = Shop(fake_clock), plant({"v.twice": "2 * m1.p"})
    tags = registered(here)
    shop.engine.apply(here, tags)
    begin = fake_clock.now_us()
    for step, power in enumerate((1.0, None, 3.0, 4.0, 5.0)):
        batch = batch_of("m1", tags, begin + step * S, power, 1.0)
        shop.store(batch)
        shop.engine.on_batch(batch)
        await fake_clock.advance(1.0)
        shop.engine.tick()
    for batch in shop.published:
        shop.store(batch)
    await shop.history.work(shop.engine)
    tag_id = next(tag.id for tag in tags if tag.name == "v.twice")
    assert shop.stored[(tag_id, begin + S)][0] is None
    late = batch_of("m1", tags, begin + S, 2.0, 1.0)
    shop.store(late)
    shop.engine.on_batch(late)
    await shop.history.work(shop.engine)
    await fake_clock.advance(15.0)
    await shop.history.work(shop.engine)
    assert shop.stored[(tag_id, begin + S)] == (4.0, 0)


async def test_a_new_or_changed_formula_is_computed_over_all_history_once(fake_clock: FakeClock) -> None:
    shop, here = Shop(fake_clock), plant({"v.twice": "2 * m1.p"})
    tags = registered(here)
    begin = fake_clock.now_us() - 600 * S
    for step in range(600):
        shop.store(batch_of("m1", tags, begin + step * S, float(step), 1.0))
    shop.engine.apply(here, tags)
    await shop.history.work(shop.engine)
    tag_id = next(tag.id for tag in tags if tag.name == "v.twice")
    assert shop.stored[(tag_id, begin + 100 * S)] == (200.0, 0)
    assert [event.kind for event in shop.saved] == [COMPUTED]
    counted = shop.history.computed
    assert counted >= 600
    assert shop.told[0][2] == "v"

    changed = plant({"v.twice": "3 * m1.p"})
    shop.engine.apply(changed, tags)
    await shop.history.work(shop.engine)
    assert shop.stored[(tag_id, begin + 100 * S)] == (300.0, 0)
    assert len(shop.saved) == 2

    restarted = Shop(fake_clock, stored=shop.stored, saved=shop.saved)  # same rule: only what came since the last row
    restarted.engine.apply(changed, tags)
    await restarted.history.work(restarted.engine)
    assert restarted.history.computed <= 5
    assert len(restarted.saved) == 2


async def test_a_changed_formula_stops_the_computation_of_the_old_one(fake_clock: FakeClock) -> None:
    shop, here = Shop(fake_clock), plant({"v.twice": "2 * m1.p"})
    tags = registered(here)
    for step in range(600):
        shop.store(batch_of("m1", tags, fake_clock.now_us() - (600 - step) * S, 1.0, 1.0))
    shop.engine.apply(here, tags)
    (old,) = shop.engine.plans.values()
    shop.engine.apply(plant({"v.twice": "3 * m1.p"}), tags)
    assert not await shop.history.compute(old, fake_clock.now_us() - 600 * S, fake_clock.now_us(), shop.engine)
    assert shop.history.computed == 0


def test_only_points_that_the_plant_has_are_summed_up() -> None:
    here = plant({"v.all": "sum(*.p)"})
    tags = [*registered(here), Tag(TagId(99), "m1.old.p", "m1", "old.p", Quantity.ACTIVE_POWER, "kW")]
    (found,) = device_plans(here, tags).values()
    assert [tag.name for tag in found.inputs] == ["m1.p", "m2.p"]
    assert {tag.name for tag in tags_of(here.devices[0])} == {"m1.p", "m1.e"}


@pytest.mark.parametrize("ahead_s", [5.0, 3600.0])
async def test_a_clock_that_is_put_back_does_not_silence_virtual_tags(fake_clock: FakeClock, ahead_s: float) -> None:
    shop, here = Shop(fake_clock), plant({"v.twice": "2 * m1.p"})
    tags = registered(here)
    shop.engine.apply(here, tags)
    fake_clock.step_wall(ahead_s)
    shop.engine.on_batch(batch_of("m1", tags, fake_clock.now_us(), 1.0, 1.0))
    shop.engine.tick()
    fake_clock.step_wall(-ahead_s)
    for _ in range(5):
        shop.engine.on_batch(batch_of("m1", tags, fake_clock.now_us(), 7.0, 1.0))
        await fake_clock.advance(1.0)
        shop.engine.tick()
    assert shop.published[-1].values == [14.0]
