"""A week of twelve machines whose truth is known, twice cut off from their meters, played through processing, storage and analysis.

The simulator's day profiles give each machine's modes and the exact integral of its power. Its meters show whole watt-hours each
minute and power each half minute (the compressor's each 10 s); nothing is told to the product but those readings, at the pace of a clock that the test moves.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml

from analysis.calendar import to_us
from application.build import Application, open_application
from config.plant_file import dump_plant
from config.settings import Settings
from domain.cube import CubeFilter, Dimension
from domain.energy import EnergyAccount
from domain.sample import Batch, Reading
from domain.state import MachineState, StateInterval
from simulator.day_profile import Mode
from simulator.history import history
from simulator.models import ShopModels, models_of
from tests.conftest import ROOT
from tests.e2e.play_clock import PlayClock
from tests.e2e.running import ADMIN, at_work

S, MIN, H = 1_000_000, 60_000_000, 3_600_000_000
DIGIT_KWH = 0.001
STEP_US = 6 * H
SCANS_S = {"compressor": 10}  # it loads and unloads within minutes
SPLIT = 0.005  # farthest share of a machine's energy that counts to another state
STATE_OF = {
    Mode.OFF: MachineState.OFF, Mode.WARM_UP: MachineState.IDLE, Mode.IDLE: MachineState.IDLE, Mode.PRODUCTION: MachineState.PRODUCTION,
}  # fmt: skip
SHIFTS = [
    {"name": "1", "start": "07:00", "end": "15:00", "breaks": [{"name": "lunch", "start": "11:00", "end": "11:40"}]},
    {"name": "2", "start": "15:00", "end": "23:00", "breaks": [{"name": "supper", "start": "19:00", "end": "19:30"}]},
    {"name": "3", "start": "23:00", "end": "07:00", "breaks": [{"name": "meal", "start": "02:30", "end": "03:10"}]},
]
POINTS = [
    {"tag": "active_power", "quantity": "active_power", "unit": "W", "table": "holding", "address": 0, "type": "float32"},
    {"tag": "energy_import", "quantity": "energy_import", "unit": "Wh", "table": "holding", "address": 2, "type": "uint32",
     "group": "slow"},
]  # fmt: skip


def plant_text(zone: str) -> str:
    """The machines of the demo shop, each with a plain meter of two points."""
    demo = yaml.safe_load((ROOT / "simulator" / "demo_plant.yaml").read_text(encoding="utf-8"))
    machines = [
        {name: machine[name] for name in ("id", "name", "section", "meter", "rated_kw", "states") if name in machine}
        for machine in demo["machines"]
    ]
    assert len(machines) == 12
    devices = [
        {"id": m["meter"], "line": "l", "address": n + 1, "scan_s": SCANS_S.get(m["id"], 30), "points": POINTS}
        for n, m in enumerate(machines)
    ]
    return dump_plant({
        "site": {"name": "Truth", "timezone": zone}, "shifts": SHIFTS,
        "lines": [{"id": "l", "transport": "modbus-tcp", "host": "127.0.0.1"}], "devices": devices, "machines": machines,
    })


@dataclass(frozen=True)
class Cut:
    """A device that does not answer for a while."""

    device_id: str
    from_us: int
    to_us: int

    def at(self, time_us: int) -> bool:
        return self.from_us <= time_us < self.to_us


@dataclass(frozen=True)
class Week:
    """The product after the week; `cuts` by machine."""

    app: Application
    shop: ShopModels
    from_us: int
    to_us: int
    cuts: Sequence[Cut]

    def energy_kwh(self, machine: str, moments_us: Sequence[int]) -> np.ndarray:
        """The exact count at each moment."""
        return self.shop.machines[machine].load(np.array(moments_us, dtype=np.int64)).energy[:3].sum(axis=0)

    def truth(self, machine: str, unseen: Sequence[tuple[int, int]]) -> dict[MachineState, tuple[float, float]]:
        """Seconds and kWh of each state outside of `unseen`."""
        found: dict[MachineState, tuple[float, float]] = {}
        for begin, end, state in self._seen(machine, unseen):
            first, last = self.energy_kwh(machine, [begin, end])
            seconds, kwh = found.get(state, (0.0, 0.0))
            found[state] = seconds + (end - begin) / S, kwh + float(last - first)
        return found

    def _seen(self, machine: str, unseen: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, MachineState]]:
        at_us = self.from_us
        while at_us < self.to_us:
            segments = self.shop.machines[machine].mode_segments(at_us)
            for segment_begin, segment_end, mode in segments:
                begin, end = max(segment_begin, self.from_us), min(segment_end, self.to_us)
                for hidden_begin, hidden_end in unseen:
                    if begin < hidden_end and hidden_begin < end:
                        if begin < hidden_begin:
                            yield begin, hidden_begin, STATE_OF[mode]
                        begin = min(hidden_end, end)
                if begin < end:
                    yield begin, end, STATE_OF[mode]
            at_us = segments[-1][1]


def readings(batches: Iterator[Batch], points: dict[tuple[int, ...], tuple[str, ...]]) -> Iterator[Reading]:
    """What the drivers would have handed over."""
    for batch in batches:
        yield Reading(batch.device_id, batch.time_us, points[batch.tag_ids], batch.values, batch.qualities)


async def play(app: Application, clock: PlayClock, shop: ShopModels, until_us: int, cuts: Sequence[Cut]) -> None:
    """Feed what the meters show, six hours at a time, and let every job look at it."""
    tags = app.live.tags()
    by_device = {device.id: [tag for tag in tags if tag.device_id == device.id] for device in shop.plant.devices}
    points = {(tag.id,): (tag.point,) for own in by_device.values() for tag in own}
    while clock.now_us() < until_us:
        end_us = min(clock.now_us() + STEP_US, until_us)
        for reading in readings(history(shop.plant, tags, clock.now_us(), end_us, shop=shop, outages=cuts), points):  # type: ignore[arg-type]
            batch = app.processing.process(reading)
            assert batch is not None
            app.bus.publish(batch)
        await app.analysis.save_states()  # in life that takes a second, and nobody measures six hours within it
        clock.jump_to(end_us)
        await app.database.writer.settled()
        for _ in range(20):
            await asyncio.sleep(0)
        await app.analysis.save_states()


async def kept(app: Application, clock: PlayClock, from_us: int, to_us: int) -> None:
    """Let minutes pass until the keeper has stored the whole cube."""
    machines = [machine.id for machine in app.plant.plant.machines]
    async with asyncio.timeout(300):
        while True:
            days = await app.database.cube.kept(from_us, to_us, machines)
            if sum(min(day.kept_us, to_us) - day.from_us for day in days) >= len(machines) * (to_us - from_us):
                return
            clock.jump(2.0)
            await asyncio.sleep(0.05)


@asynccontextmanager
async def week(folder: Path, zone: str, first: date, days: int) -> AsyncIterator[Week]:
    """The product when the week is over and everything has settled."""
    tz = ZoneInfo(zone)
    begin = to_us(datetime(first.year, first.month, first.day, tzinfo=tz))
    last = first + timedelta(days=days)
    end = to_us(datetime(last.year, last.month, last.day, tzinfo=tz))
    clock = PlayClock(begin - H)
    async with open_application(Settings(data_dir=folder), clock, {}) as app:
        await app.plant.import_yaml(plant_text(zone), ADMIN)
        shop = models_of(app.plant.plant)
        second = to_us(datetime.combine(first + timedelta(days=1), datetime.min.time(), tz))
        stretches = ((second + 9 * H + 20 * MIN, second + 10 * H + 5 * MIN), (end - 21 * H - 30 * MIN, end - 20 * H - 40 * MIN))
        cuts = [Cut(device.id, *stretch) for device in app.plant.plant.devices for stretch in stretches]
        async with at_work(app, {"writer", "analysis", "energy-cube"}):
            await play(app, clock, shop, end + H, cuts)
            await kept(app, clock, begin, end)
            yield Week(app, shop, begin, end, cuts)
        failed = [status for status in app.supervisor.statuses() if status.restarts]
        assert not failed, failed


def worst(found: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """The farthest from the truth."""
    return max(found, default=(0.0, ""))


async def check_energy(run: Week, by: str) -> None:
    """Every account of every machine is the truth within the counter's digit."""
    accounts = [a for a in await run.app.energy.energy(by, run.from_us, run.to_us) if a.to_us <= run.to_us]
    assert len({(a.machine_id, a.from_us) for a in accounts}) == len(accounts) >= 12
    off = []
    for account in accounts:
        if by == "hour" and cut_at_border(run, account):
            assert account.estimated_kwh >= 0  # a gap over the hour's border can only be estimated: it says so
            continue
        first, last = run.energy_kwh(account.machine_id, [account.from_us, account.to_us])
        assert account.energy_kwh is not None
        off.append((abs(account.energy_kwh - float(last - first)), f"{account.machine_id} {account.label} {account.from_us}"))
    assert worst(off)[0] <= DIGIT_KWH + 1e-9, worst(off)


def cut_at_border(run: Week, account: EnergyAccount) -> bool:
    """Does a gap reach over the begin or the end of the account? Readings lie a minute around it."""
    return any(
        cut.from_us - MIN < border < cut.to_us + MIN for cut in run.cuts for border in (account.from_us, account.to_us)
    )


async def check_states(run: Week) -> None:
    """Outside of what is said to be no data: time of each state within 1 % of it, its energy within half of one."""
    off: list[tuple[float, str]] = []
    shares: list[tuple[float, str]] = []
    for machine in run.shop.machines:
        intervals: Sequence[StateInterval] = await run.app.energy.states(machine, run.from_us, run.to_us)
        unseen = [(i.from_us, i.to_us or run.to_us) for i in intervals if i.state is MachineState.NO_DATA]
        silent_us = sum(cut.to_us - cut.from_us for cut in run.cuts[:2])
        assert sum(end - begin for begin, end in unseen) == pytest.approx(silent_us, abs=4 * MIN)
        truth = run.truth(machine, unseen)
        for state, (seconds, kwh) in truth.items():
            mine = [i for i in intervals if i.state is state]
            told_s = sum(((i.to_us or run.to_us) - i.from_us) / S for i in mine)
            told_kwh = math.fsum(i.energy_kwh or 0.0 for i in mine)
            off.append((abs(told_s - seconds) / max(seconds, 3600.0), f"{machine} {state.value} {told_s} s, truth {seconds}"))
            used = run.energy_kwh(machine, [run.from_us, run.to_us])
            share = abs(told_kwh - kwh) / float(used[1] - used[0])
            shares.append((share, f"{machine} {state.value} {told_kwh} kWh, truth {kwh}"))
    print("farthest from the truth:", worst(off), worst(shares))
    assert worst(off)[0] <= 0.01, worst(off)
    assert worst(shares)[0] <= SPLIT, worst(shares)


async def check_cube(run: Week) -> None:
    """The cube, as stored, adds up to the truth by shift, break and section; any grouping has one total."""
    cube, zero = run.app.services.cube, (run.from_us, run.to_us)
    total = await cube.ask(*zero, [])
    exact = sum(float(np.diff(run.energy_kwh(machine, zero))[0]) for machine in run.shop.machines)
    assert total.total.energy_kwh == pytest.approx(exact, abs=12 * DIGIT_KWH)
    by = (Dimension.MACHINE, Dimension.SHIFT, Dimension.SHIFT_DAY, Dimension.BREAK)
    answer = await cube.ask(*zero, by)
    assert math.fsum(row.energy_kwh or 0.0 for row in answer.rows) == pytest.approx(total.total.energy_kwh, abs=1e-6)
    off = []
    for machine in run.shop.machines:
        for window in run.app.energy.shifts(*zero):
            if window.from_us < run.from_us or window.to_us > run.to_us:
                continue
            rows = {row.key[Dimension.BREAK]: row.energy_kwh or 0.0 for row in answer.rows
                    if (row.key[Dimension.MACHINE], row.key[Dimension.SHIFT], row.key[Dimension.SHIFT_DAY]) == (machine, window.name, window.day)}
            first, last = run.energy_kwh(machine, [window.from_us, window.to_us])
            off.append((abs(sum(rows.values()) - float(last - first)), f"{machine} {window.name} {window.day}"))
            if any(c.from_us - MIN < b.to_us and b.from_us < c.to_us + MIN for c in run.cuts for b in window.breaks):
                continue
            pause = sum(float(np.diff(run.energy_kwh(machine, [b.from_us, b.to_us]))[0]) for b in window.breaks)
            off.append((abs(rows.get(True, 0.0) - pause), f"{machine} break of {window.name} {window.day}"))
    assert worst(off)[0] <= DIGIT_KWH + 1e-9, worst(off)
    stored = await run.app.database.cube.sums(CubeFilter(*zero), [])
    assert stored[0].energy_kwh == pytest.approx(total.total.energy_kwh, abs=1e-6)  # nothing had to be measured for the answer


@pytest.mark.parametrize(
    ("zone", "first", "days"),
    [("Europe/Moscow", date(2026, 6, 8), 7), ("Europe/Berlin", date(2026, 3, 28), 2), ("Europe/Berlin", date(2026, 10, 24), 2)],
)
@pytest.mark.timeout(600)
async def test_every_figure_of_the_week_is_the_truth(tmp_path: Path, zone: str, first: date, days: int) -> None:
    async with week(tmp_path, zone, first, days) as run:
        for by in ("shift", "day", "hour"):
            await check_energy(run, by)
        await check_states(run)
        await check_cube(run)
