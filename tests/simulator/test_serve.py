"""A plant served as a whole: what is asked over the wire is what the models show; ports, faults, recordings."""

from __future__ import annotations

import asyncio
import csv
import gzip
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from domain.errors import ConfigError
from domain.plant import Line, Machine
from domain.quantity import Quantity
from simulator.faults import Outage
from simulator.playback import Column, Playback, Recording, read_recording
from simulator.serve import Simulation, simulate
from tests.conftest import FakeClock
from tests.simulator.plants import METER, meter, point, profile, shop


async def words(simulation: Simulation, address: int, count: int, unit: int = 1) -> bytes:
    """Registers as bytes, read through pymodbus."""
    port = simulation.plant.lines[0].options["port"]
    assert isinstance(port, int)
    async with AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, timeout=0.4, reconnect_delay=0) as client:
        reply = await client.read_holding_registers(address, count=count, device_id=unit)
        assert not reply.isError(), reply
        return b"".join(word.to_bytes(2) for word in reply.registers)


async def floats(simulation: Simulation, address: int, count: int, unit: int = 1) -> Sequence[float]:
    return struct.unpack(f">{count}f", await words(simulation, address, 2 * count, unit))


async def test_a_meter_shows_its_machine_and_counts_its_energy(fake_clock: FakeClock) -> None:
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        lathe = simulation.machine("lathe")
        expected = lathe.at(fake_clock.now_us())
        voltage, _, _, current = await floats(simulation, 0, 4)
        power, reactive, apparent = await floats(simulation, 12, 3)
        assert (voltage, current) == pytest.approx((expected["voltage_l1"], expected["current_l1"]), rel=1e-6)
        assert power == pytest.approx(1000 * expected["active_power"], rel=1e-6)
        assert apparent**2 == pytest.approx(power**2 + reactive**2, rel=1e-5)
        first = int.from_bytes(await words(simulation, 40, 4))
        await fake_clock.advance(600)
        grown = lathe.at(fake_clock.now_us())["energy_import"] - expected["energy_import"]
        assert int.from_bytes(await words(simulation, 40, 4)) - first == pytest.approx(1000 * grown, abs=1)
        shown = simulation.values("m1")
        assert shown["frequency"] == lathe.at(fake_clock.now_us())["frequency"]
        assert isinstance(shown["serial"], str)


async def test_the_feed_carries_all_machines_and_more(fake_clock: FakeClock) -> None:
    machines = (Machine("a", "16К20Ф3", meter="m1", rated_kw=10), Machine("b", "DMU 50", meter="m2", rated_kw=20))
    plant = shop(meter(), meter("m2", 2), meter("main", 3), machines=machines, main_meter="main")
    async with simulate(plant, clock=fake_clock, free_ports=True) as simulation:
        power = [(await floats(simulation, 12, 1, unit))[0] for unit in (1, 2, 3)]
        assert 2000 < power[2] - power[0] - power[1] < 8000  # lighting and offices


async def test_inputs_of_a_counting_module_follow_the_machines(fake_clock: FakeClock) -> None:
    inputs = [point(f"counter_{n}", Quantity.COUNT, "1", 63 + n, "uint16", wrap_at=65536.0) for n in range(1, 17)]
    bits = [point(f"di_{n}", Quantity.STATE, "1", 51, "uint16", bit=n - 1) for n in range(1, 17)]
    plant = shop(meter(), meter("parts", 16, profile(*inputs, *bits)))
    async with simulate(plant, clock=fake_clock, free_ports=True) as simulation:
        sample = simulation.machine("lathe").at(fake_clock.now_us())
        counters = await words(simulation, 64, 16, 16)
        assert int.from_bytes(counters[:2]) == int(sample["part_count"]) % 65536
        assert counters[2:] == bytes(30)
        assert int.from_bytes(await words(simulation, 51, 1, 16)) == (1 if sample["mode"] == 3 else 0)


async def test_a_device_without_a_machine_shows_something_plausible(fake_clock: FakeClock) -> None:
    odd = profile(point("pressure", Quantity.PRESSURE, "bar", 0), point("active_power", Quantity.ACTIVE_POWER, "W", 2))
    async with simulate(shop(meter("air", 7, odd), machines=()), clock=fake_clock, free_ports=True) as simulation:
        pressure, power = await floats(simulation, 0, 2, 7)
        assert 5 < pressure < 8
        assert 500 < power < 10_000


async def test_faults_are_for_one_device_and_end(fake_clock: FakeClock) -> None:
    async with simulate(shop(meter(), meter("m2", 2)), clock=fake_clock, free_ports=True) as simulation:
        simulation.fault("m1", "silence")
        with pytest.raises(Exception, match="No response"):
            await words(simulation, 0, 2, 1)
        await words(simulation, 0, 2, 2)
        simulation.clear("m1")
        simulation.fault("m1", "freeze")
        first = await words(simulation, 0, 2, 1)
        await fake_clock.advance(5)
        assert await words(simulation, 0, 2, 1) == first
        simulation.clear("m1", "freeze")
        assert await words(simulation, 0, 2, 1) != first
        with pytest.raises(KeyError):
            simulation.fault("m9", "silence")


async def test_an_outage_comes_by_the_clock(fake_clock: FakeClock) -> None:
    outage = Outage("m1", every_s=3600, lasts_s=60, after_s=(fake_clock.now_us() / 1e6 + 30) % 3600)
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True, outages=[outage]) as simulation:
        await words(simulation, 0, 2)
        await fake_clock.advance(40)
        with pytest.raises(Exception, match="No response"):
            await words(simulation, 0, 2)
        await fake_clock.advance(60)
        await words(simulation, 0, 2)


async def test_put_values_stay_until_released(fake_clock: FakeClock) -> None:
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        simulation.put("m1", {"active_power": 3.25})
        assert await floats(simulation, 12, 1) == (3250.0,)
        await fake_clock.advance(10)
        assert await floats(simulation, 12, 1) == (3250.0,)
        simulation.devices["m1"].release()
        assert await floats(simulation, 12, 1) != (3250.0,)
        with pytest.raises(KeyError):
            simulation.put("m1", {"nonsense": 1.0})


async def test_a_port_in_use_and_a_foreign_address_are_told_plainly(fake_clock: FakeClock) -> None:
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        with pytest.raises(ConfigError, match="in use by another program"):
            async with simulate(simulation.plant, clock=fake_clock):
                pass
        far = replace(simulation.plant, lines=(Line("l1", "modbus-tcp", {"host": "192.0.2.7", "port": 1502}),))
        with pytest.raises(ConfigError, match="no address of this computer"):
            async with simulate(far, clock=fake_clock):
                pass


async def test_ports_are_free_again_afterwards(fake_clock: FakeClock) -> None:
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        plant = simulation.plant
    async with simulate(plant, clock=fake_clock) as again:
        assert len(await words(again, 0, 2)) == 4


async def test_a_recording_sets_the_very_bits(fake_clock: FakeClock, shared_data: Callable[..., Path]) -> None:
    path = shared_data("data", "pq-lab-1hz", "three_main.csv")
    columns = [
        Column("Active (W)", "m1", "active_power"),
        Column("Reactive (W)", "m1", "reactive_power"),
        Column("Apparent (W)", "m1", "apparent_power"),
    ]
    recording = read_recording(path, [c.name for c in columns])
    with path.open() as file:
        rows = list(csv.DictReader(file))
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        playback = Playback(simulation, recording, columns)
        assert len(playback) == len(rows)
        for number in (0, 1, 20, len(rows) - 1):
            playback.step(number)
            expected = struct.pack(">3f", *(float(rows[number][c.name]) for c in columns))
            assert await words(simulation, 12, 6) == expected


async def test_missing_cells_show_no_value_hold_or_silence(fake_clock: FakeClock) -> None:
    recording = Recording({"p": [100.0, None, 300.0]})
    column = [Column("p", "m1", "active_power")]
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        none = Playback(simulation, recording, column)
        none.step(1)
        assert (await words(simulation, 12, 2)).hex() == "7fc00000"
        assert simulation.values("m1")["active_power"] is None
        hold = Playback(simulation, recording, column, missing="hold")
        hold.step(0)
        hold.step(1)
        assert await floats(simulation, 12, 1) == (100.0,)
        silence = Playback(simulation, recording, column, missing="silence")
        silence.step(1)
        with pytest.raises(Exception, match="No response"):
            await words(simulation, 12, 2)
        silence.step(2)
        assert await floats(simulation, 12, 1) == (300.0,)


async def test_a_recording_plays_at_its_speed(fake_clock: FakeClock) -> None:
    recording = Recording({"p": [1.0, 2.0, 3.0, 4.0]})
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        playback = Playback(simulation, recording, [Column("p", "m1", "active_power")])
        task = asyncio.create_task(playback.play(fake_clock, 1.0, speed=2.0))
        await fake_clock.advance(1.1)
        assert simulation.values("m1")["active_power"] == pytest.approx(0.003)
        await fake_clock.advance(1)
        await task
        assert simulation.values("m1")["active_power"] == pytest.approx(0.004)


def test_compressed_recordings_and_wrong_columns(tmp_path: Path) -> None:
    path = tmp_path / "r.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("a;b\n1,5;x\n2.5;7\n")
    assert read_recording(path, ["a", "b"], delimiter=";").columns == {"a": [None, 2.5], "b": [None, 7.0]}
    with pytest.raises(KeyError, match="no column 'c'; it has a, b"):
        read_recording(path, ["c"], delimiter=";")


async def test_a_column_to_nowhere_is_refused_at_once(fake_clock: FakeClock) -> None:
    assert METER.points
    async with simulate(shop(meter()), clock=fake_clock, free_ports=True) as simulation:
        with pytest.raises(KeyError):
            Playback(simulation, Recording({"p": []}), [Column("p", "m1", "nonsense")])
