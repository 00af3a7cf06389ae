"""The demonstration shop: its plant file, its plausibility, and every device of it read by the product's own drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from data_collection.collector import Collector
from domain.plant import Plant, Tag, tags_of
from domain.quality import Quality
from domain.quantity import Kind
from domain.sample import Batch, TagId
from runtime.clock import SystemClock
from simulator.demo import DEMO_OUTAGES, demo_plant_text
from simulator.history import history, since_yesterday
from simulator.models import models_of
from simulator.serve import simulate

NOW_US = 1_795_084_920_000_000  # Thu 19 Nov 2026 13:42 in Moscow
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def plant() -> Plant:
    parsed = parse_plant(demo_plant_text(), catalog=ProfileCatalog.shipped(), environ={})
    assert parsed.warnings == ()
    return parsed.plant


def registered(plant: Plant) -> list[Tag]:
    found = [tag for device in plant.devices for tag in tags_of(device)]
    return [replace(tag, id=TagId(number)) for number, tag in enumerate(found, 1)]


def test_the_shop_is_the_one_of_the_pictures(plant: Plant) -> None:
    assert len(plant.machines) == 12
    assert len(plant.devices) == 17
    assert [m.name for m in plant.machines if m.board == "ЩР-2"] == ["ГФ2171", "6Р13", "HAAS VF-2", "DMU 50"]
    assert {line.transport for line in plant.lines} == {"modbus-tcp", "rtu-over-tcp"}
    assert plant.site.main_meter == "main"
    assert {outage.device_id for outage in DEMO_OUTAGES} <= {d.id for d in plant.devices}


def test_powers_are_plausible_against_rating_contract_and_states(plant: Plant) -> None:
    shop = models_of(plant)
    times = NOW_US + np.arange(0, DAY_US, 60_000_000, dtype=np.int64)
    shares = []
    for machine in plant.machines:
        values = shop.machines[machine.id].series(times)
        assert machine.rated_kw is not None
        assert values["active_power"].max() < 1.1 * machine.rated_kw
        working = values["mode"] == 3
        shares.append(float(values["active_power"][working].sum() / values["active_power"].sum()))
        assert (0.5 if machine.shifts else 0.75) < shares[-1] < 0.99, machine.id  # some of the former are left on at night
    assert 0.78 < float(np.mean(shares)) < 0.95  # the shop's target is 0.82
    feed = shop.meters["main"].series(times)["active_power"]
    assert 60 < feed.mean() < 140
    assert feed.max() < 185
    assert 0.0 < (feed > 150).mean() < 0.2  # the limit is passed now and then


@pytest.mark.parametrize("days", range(4))
def test_each_night_two_machines_are_left_on_after_their_last_shift(plant: Plant, days: int) -> None:
    night = NOW_US + days * DAY_US + np.array([12, 14, 16], dtype=np.int64) * 3_600_000_000  # 01:42, 03:42, 05:42 in Moscow
    shop = models_of(plant)
    left = [m.id for m in plant.machines if m.shifts and (shop.machines[m.id].series(night)["mode"] == 2).all()]
    off = [m.id for m in plant.machines if m.shifts and (shop.machines[m.id].series(night)["mode"] == 0).all()]
    assert (len(left), len(off)) == (2, 1)


def test_the_furnace_passes_its_limit_now_and_then(plant: Plant) -> None:
    (limit,) = [x for x in plant.limits if x.tag == "m11.current_l2"]
    times = NOW_US + np.arange(0, DAY_US, 10_000_000, dtype=np.int64)
    amperes = models_of(plant).meters["m11"].series(times)["current_l2"]
    assert limit.critical_high is not None
    assert 0.05 < (amperes > limit.critical_high).mean() < 0.35


def test_some_machines_work_and_some_stand_at_any_hour(plant: Plant) -> None:
    shop = models_of(plant)
    times = NOW_US + np.arange(0, DAY_US, 900_000_000, dtype=np.int64)
    working = sum((shop.machines[m.id].series(times)["mode"] == 3).astype(int) for m in plant.machines)
    assert isinstance(working, np.ndarray)
    assert working.min() >= 1  # the furnace and what runs through, in a break
    assert np.median(working) >= 5
    assert working.max() <= 12


@pytest.mark.parametrize(("machine", "control"), [("ctx-1250", "c4"), ("dmu-50", "c8")])
def test_a_control_tells_what_its_machine_does(plant: Plant, machine: str, control: str) -> None:
    shop = models_of(plant)
    times = NOW_US + np.arange(0, DAY_US, 5_000_000, dtype=np.int64)
    truth, told = shop.machines[machine].series(times), shop.source(plant.device(control)).series(times)
    execution = told["execution_state"]
    assert ((execution == 3) == (truth["mode"] == 3)).all()
    assert ((execution == 0) == (truth["mode"] == 0)).all()
    assert (truth["mode"][execution == 4] == 2).all()  # a fault stops it under power
    assert (told["part_count"] == truth["part_count"]).all()
    assert (told["spindle_speed"] > 0).sum() == (execution == 3).sum()


def test_faults_of_the_controls_come_but_seldom(plant: Plant) -> None:
    times = NOW_US - 14 * DAY_US + np.arange(0, 14 * DAY_US, 30_000_000, dtype=np.int64)
    shop = models_of(plant)
    for control in ("c4", "c8"):
        execution = shop.source(plant.device(control)).series(times)["execution_state"]
        assert 0.0005 < (execution == 4).mean() < 0.03, control


def test_programs_change_with_the_parts_and_are_read_as_they_were_written_to_the_past(plant: Plant) -> None:
    source = models_of(plant).source(plant.device("c4"))
    times = NOW_US + np.arange(0, DAY_US, 60_000_000, dtype=np.int64)
    changes = source.text_changes(times)
    assert min(changes) == NOW_US
    assert 3 <= len(changes) <= 12
    for time_us, texts in changes.items():
        assert source.values(time_us)["program"] == texts["program"]
    told = [t for t in registered(plant) if t.name in {"c4.program", "c4.execution_state"}]
    kept = {text.time_us: text.text for batch in history(plant, told, NOW_US, NOW_US + DAY_US, step_s=60.0) for text in batch.texts}
    assert all(kept[time_us] == texts["program"] for time_us, texts in changes.items())


def test_the_shop_keeps_its_breaks_holidays_and_rotation(plant: Plant) -> None:
    shop = models_of(plant)
    working = ["lathe-1", "lathe-2", "mill-2", "grinder"]  # none of them runs without a person

    def share(moscow: str, minutes: int) -> float:
        begin = round(datetime.fromisoformat(f"{moscow}+03:00").timestamp()) * 1_000_000
        times = begin + np.arange(0, minutes * 60_000_000, 10_000_000, dtype=np.int64)
        return float(np.mean([(shop.machines[m].series(times)["mode"] == 3).mean() for m in working]))

    assert share("2026-11-19T11:03", 26) == 0.0  # the first shift's break
    assert share("2026-11-19T09:00", 60) > 0.5
    assert share("2026-11-04T09:00", 60) > 0.5  # a public holiday: the first shift works, the second does not
    assert share("2026-11-04T16:00", 300) == 0.0
    night = [float((shop.machines["furnace"].series(_times(day))["mode"] == 3).mean()) for day in range(8)]
    assert sum(share == 0.0 for share in night) == 2  # six nights of work, two without


def _times(day: int) -> np.ndarray:
    begin = round(datetime(2026, 11, 12 + day, 0, 30, tzinfo=ZoneInfo("Europe/Moscow")).timestamp()) * 1_000_000
    return begin + np.arange(0, 5 * 3600 * 1_000_000, 60_000_000, dtype=np.int64)


def test_its_past_is_complete_and_never_counts_down(plant: Plant) -> None:
    tags = registered(plant)
    batches = list(since_yesterday(plant, tags, NOW_US, outages=DEMO_OUTAGES))
    kinds = {tag.id: tag for tag in tags}
    last: dict[TagId, float] = {}
    fallen = []
    for batch in batches:
        for tag_id, value in zip(batch.tag_ids, batch.values, strict=True):
            if value is not None and kinds[tag_id].kind is Kind.COUNTER:
                if value < last.get(tag_id, 0.0) and kinds[tag_id].wrap_at is None:
                    fallen.append(kinds[tag_id].name)
                last[tag_id] = value
    assert fallen == []
    assert _outages(batches, "m7") > 5
    assert _outages(batches, "m6") == 0


def _outages(batches: Sequence[Batch], device: str) -> int:
    return sum(1 for b in batches if b.device_id == device and int(Quality.TIMEOUT) in b.qualities)


class StillClock(SystemClock):
    """Timers run, the wall clock stands: what is read later is still what was shown."""

    def now_us(self) -> int:
        return NOW_US


async def test_every_device_is_read_by_the_products_own_drivers(plant: Plant) -> None:
    async with simulate(plant, clock=StillClock(), free_ports=True) as simulation:
        collector = Collector(SystemClock(), lambda reading: None)
        served = simulation.plant
        for device in served.devices:
            readings = await collector.read_once(device, served.line(device.line))
            found = {p: v for r in readings for p, v in zip(r.points, r.values, strict=True)}
            numbers = {p.tag for p in device.profile.points if p.kind is not Kind.TEXT and p.plausible is not None}
            assert {tag for tag in numbers if found.get(tag) is None} == set(), device.id
            shown = simulation.values(device.id)
            for tag in ("active_power", "voltage_l2", "energy_import", "reactive_energy_import"):
                if tag in found:
                    assert found[tag] == pytest.approx(shown[tag], rel=1e-4), (device.id, tag)


async def test_the_past_joins_what_the_drivers_read(plant: Plant) -> None:
    clock = SystemClock()
    tags = registered(plant)
    names = {tag.id: tag.name for tag in tags if tag.kind is Kind.COUNTER and tag.wrap_at is None}
    last: dict[str, float] = {}
    async with simulate(plant, clock=clock, free_ports=True) as simulation:
        for batch in since_yesterday(plant, tags, clock.now_us(), shop=simulation.shop):
            last |= {names[t]: v for t, v in zip(batch.tag_ids, batch.values, strict=True) if t in names and v is not None}
        collector = Collector(clock, lambda reading: None)
        for device in simulation.plant.devices:
            readings = await collector.read_once(device, simulation.plant.line(device.line))
            for reading in readings:
                for point, value in zip(reading.points, reading.values, strict=True):
                    before = last.get(f"{device.id}.{point}")
                    if before is not None and value is not None:
                        assert 0 <= value - before < 200 * 90 / 3600, (device.id, point)
