"""Reading for trends: names that are gone, wrong or text; the bound of points when samples come more often than they are said to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from domain.plant import Tag
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.sample import TagId
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_shop import DAY_US, MIN, START_US, S, ShopClock, plant, tags
from web_interface.format import Format
from web_interface.pages.trends_words import Owners, first_choice, picker_data
from web_interface.trends.reader import MOST_TAGS, TrendReader
from web_interface.trends.tiers import MOST_POINTS

POWER, ENERGY = (next(tag for tag in tags() if tag.name == name) for name in ("m1.active_power", "m1.energy_import"))
GONE = replace(POWER, id=TagId(77), name="old.active_power")


class Dense:
    """domain.ports.History: ten samples a second, a bucket for each step; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        self.asked.append(("raw", from_us, limit))
        times = list(range(from_us, to_us, S // 10))[:limit]
        return RawSeries(tag_id, times, [1.0] * len(times), [0] * len(times))

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        self.asked.append((step.value, from_us, to_us))
        width = step.seconds * S
        begins = range(-(-from_us // width) * width, to_us, width)
        return RollupSeries(tag_id, step, [RollupRow(at, 1, 1, 1.0, 1.0, 1.0, 1.0, 1.0, width, 0.5, 0.0) for at in begins])


def reader(history: Dense | None = None, present: Sequence[Tag] | None = None) -> TrendReader:
    async def kept() -> Sequence[Tag]:
        return [*tags(), GONE]

    return TrendReader(history or Dense(), lambda: tags() if present is None else present, kept, ShopClock(running=False), lambda *_: b"")


async def test_names_present_removed_unknown_and_text() -> None:
    found = await reader().choose(["old.active_power", "m1.active_powr", "ctx.program", "m1.active_power", "m1.active_power"])
    assert [tag.name for tag in found.tags] == ["old.active_power", "m1.active_power"]
    assert found.removed == {"old.active_power"}
    assert list(found.missing) == ["m1.active_powr"]
    assert "m1.active_power" in found.missing["m1.active_powr"]
    assert found.texts == ["ctx.program"]
    many = await reader().choose([tag.name for tag in reader().tags()])
    assert len(many.tags) == MOST_TAGS
    assert len(many.left_off) == len(reader().tags()) - MOST_TAGS


async def test_an_empty_plant_offers_nothing_and_breaks_nothing() -> None:
    empty = reader(present=[])
    assert empty.tags() == []
    assert first_choice(empty.tags(), plant()) == []
    found = await empty.choose(["m1.active_power", "nix"])
    assert (found.removed, list(found.missing)) == ({"m1.active_power"}, ["nix"])


async def test_more_samples_than_said_are_taken_from_the_next_tier() -> None:
    history = Dense()
    (stretch,) = await reader(history).read([POWER], START_US - 1000 * S, START_US)
    assert [step for step, *_ in history.asked] == ["raw", "1m"]
    assert history.asked[0][2] == MOST_POINTS + 1
    assert stretch.step is Step.M1
    (near,) = await reader(history).read([POWER], START_US - 100 * S, START_US)
    assert (near.step, len(near.curve().points)) == (Step.RAW, 1000)


async def test_the_bucket_that_a_window_begins_in_is_drawn_and_the_future_is_not_asked_for() -> None:
    history = Dense()
    begin = START_US - 3 * DAY_US + 5 * MIN
    (stretch,) = await reader(history).read([POWER], begin, START_US + DAY_US)
    assert stretch.step is Step.M15
    assert begin - 15 * MIN < history.asked[0][1] <= begin
    assert history.asked[0][2] <= START_US + 1
    assert stretch.curve().marks == []


async def test_growth_is_of_buckets_even_where_samples_would_fit() -> None:
    power, energy = await reader().read([POWER, ENERGY], START_US - 100 * S, START_US, growth=True)
    assert (power.step, energy.step) == (Step.RAW, Step.M1)
    assert {point.value for point in energy.curve().points} == {0.5}


def test_whose_a_tag_is_and_that_a_machines_tags_stand_together() -> None:
    owners, names = Owners(plant(), "ru"), {tag.name: tag for tag in tags()}
    assert [owners.of(names[n]) for n in ("m1.active_power", "ctx.spindle_load", "main.active_power")] == [
        "16К20 №1", "DMG CTX beta 1250", "Ввод",
    ]  # fmt: skip
    data = picker_data(reader().tags(), [], MOST_TAGS, plant(), Format("ru", shop.ZONE))
    machines = [row[1] for row in data["tags"]]
    assert len([1 for a, b in pairwise(machines) if a != b]) == len(set(machines)) - 1
    assert machines[0] == "Ввод"
    assert set(data["quantities"]) == {row[4] for row in data["tags"]}
