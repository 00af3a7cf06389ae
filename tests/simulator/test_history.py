"""A made-up past: complete, in order, and joined to the live meters without a step."""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import replace

import pytest
from pymodbus.client import AsyncModbusTcpClient

from domain.plant import Plant, Tag, tags_of
from domain.quality import Quality
from domain.quantity import Kind
from domain.sample import TagId
from simulator.faults import Outage
from simulator.history import history, since_yesterday, weeks_before
from simulator.serve import simulate
from tests.conftest import FakeClock
from tests.simulator.plants import meter, shop

MINUTE_US = 60_000_000


def registered(plant: Plant) -> list[Tag]:
    found = [tag for device in plant.devices for tag in tags_of(device)]
    return [replace(tag, id=TagId(number)) for number, tag in enumerate(found, 1)]


def test_each_tag_comes_at_its_interval_in_order() -> None:
    plant = shop(meter(scan_s=2.0))
    tags = registered(plant)
    now = FakeClock().now_us() // MINUTE_US * MINUTE_US
    times = defaultdict(list)
    for batch in history(plant, tags, now - 10 * MINUTE_US, now):
        assert len(batch.values) == len(batch.qualities) == len(batch)
        for tag_id in batch.tag_ids:
            times[tag_id].append(batch.time_us)
    by_name = {tag.name: times[tag.id] for tag in tags if tag.kind is not Kind.TEXT}
    assert len(by_name["m1.active_power"]) == 300
    assert by_name["m1.energy_import"] == [now - n * MINUTE_US for n in range(10, 0, -1)]
    assert all(column == sorted(set(column)) for column in by_name.values())


def test_a_coarser_step_serves_all_groups_at_once() -> None:
    plant = shop(meter())
    tags = registered(plant)
    now = FakeClock().now_us() // MINUTE_US * MINUTE_US
    batches = [b for b in history(plant, tags, now - 60 * MINUTE_US, now, step_s=60.0) if len(b) > 1]
    assert len(batches) == 60
    numbers = [tag.id for tag in tags if tag.kind is not Kind.TEXT]
    assert all(sorted(b.tag_ids) == numbers for b in batches)


def test_texts_come_once() -> None:
    plant = shop(meter())
    tags = registered(plant)
    now = FakeClock().now_us()
    texts = [t for b in history(plant, tags, now - 30 * MINUTE_US, now) for t in b.texts]
    assert [t.tag_id for t in texts] == [tag.id for tag in tags if tag.kind is Kind.TEXT]


def test_what_the_clock_silences_is_bad_in_the_past_too() -> None:
    plant = shop(meter())
    tags = registered(plant)
    now = FakeClock().now_us() // MINUTE_US * MINUTE_US
    outage = Outage("m1", every_s=86_400, lasts_s=300, after_s=(now / 1e6 - 1200) % 86_400)
    past = list(history(plant, tags, now - 30 * MINUTE_US, now, step_s=60.0, outages=[outage]))
    lost = [b for b in past if len(b) and set(b.qualities) != {0}]
    assert [b.time_us for b in lost] == [now - n * MINUTE_US for n in (20, 19, 18, 17, 16)]
    assert all(set(b.qualities) == {int(Quality.TIMEOUT)} and set(b.values) == {None} for b in lost)


async def test_the_past_joins_the_live_meter_without_a_step(fake_clock: FakeClock) -> None:
    plant = shop(meter())
    tags = {tag.id: tag for tag in registered(plant)}
    last: dict[str, float] = {}
    for batch in since_yesterday(plant, list(tags.values()), fake_clock.now_us()):
        for tag_id, value in zip(batch.tag_ids, batch.values, strict=True):
            assert value is not None
            if tags[tag_id].kind is Kind.COUNTER:
                assert value >= last.get(tags[tag_id].point, 0.0)
            last[tags[tag_id].point] = value
    async with simulate(plant, clock=fake_clock, free_ports=True) as simulation:
        port = simulation.plant.lines[0].options["port"]
        assert isinstance(port, int)
        async with AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, timeout=1) as client:
            energy = await client.read_holding_registers(40, count=4, device_id=1)
            volts = await client.read_holding_registers(0, count=2, device_id=1)
    live_kwh = int.from_bytes(b"".join(word.to_bytes(2) for word in energy.registers)) / 1000
    assert 0 <= live_kwh - last["energy_import"] < 13.5 * 65 / 3600  # at most what the lathe can draw in a minute
    (live_v,) = struct.unpack(">f", b"".join(word.to_bytes(2) for word in volts.registers))
    assert live_v == pytest.approx(last["voltage_l1"], abs=1.0)


def test_the_weeks_before_join_yesterday_and_hold_only_what_was_asked() -> None:
    plant = shop(meter())
    tags = registered(plant)
    now = FakeClock().now_us()
    ids = {tag.id for tag in tags if tag.point in {"active_power", "energy_import"}}
    before = list(weeks_before(plant, tags, now, 3, only={"active_power", "energy_import"}))
    after = next(b for b in since_yesterday(plant, tags, now) if ids <= set(b.tag_ids))
    assert {tag_id for b in before for tag_id in b.tag_ids} == ids
    assert len(before) == 2 * 1440
    assert after.time_us - before[-1].time_us == MINUTE_US
    energy = next(tag.id for tag in tags if tag.point == "energy_import")
    counts = [b.values[b.tag_ids.index(energy)] for b in (*before, after)]
    assert counts == sorted(counts)  # type: ignore[type-var]


def test_a_past_begins_yesterday_at_midnight_and_is_denser_in_the_last_hour() -> None:
    plant = shop(meter())
    tags = registered(plant)
    now = FakeClock().now_us()
    power = next(tag.id for tag in tags if tag.name == "m1.active_power")
    times = [b.time_us for b in since_yesterday(plant, tags, now) if power in b.tag_ids]
    midnight = (now // 1_000_000 + 3 * 3600) // 86_400 * 86_400 - 86_400 - 3 * 3600  # Moscow is UTC+3
    assert times[0] == midnight * 1_000_000
    assert times[1] - times[0] == MINUTE_US
    assert times[-1] - times[-2] == 5_000_000
    assert 0 < now - times[-1] <= 5_000_000
    assert times == sorted(set(times))
