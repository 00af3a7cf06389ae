"""The stored cube follows the clock, late samples and the calendar; answers join what is stored with what is measured at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time

import pytest

from analysis.cube import rows_of
from analysis.cube_keeper import CubeKeeper
from analysis.cube_query import DayRules, EnergyCube
from domain.cube import CubeCell, CubeFilter, CubeRow, Dimension, KeptDay
from domain.errors import NotFound, StorageError
from domain.plant import ShiftPattern
from domain.work_calendar import Break
from tests.analysis.fakes import DAILY, H, S
from tests.analysis.test_accounting import Shop

DAY = date(2026, 6, 10)
MACHINE = "d1-m"


class MemoryCube:
    """CubeStore; `down` makes every call fail; `writes` what was replaced: (machine, day, number of cells)."""

    def __init__(self) -> None:
        self.days: dict[tuple[str, date], KeptDay] = {}
        self.cells: dict[tuple[str, int, str], CubeCell] = {}
        self.writes: list[tuple[str, date, int]] = []
        self.down = False

    async def replace(self, kept: KeptDay, cells: Sequence[CubeCell], since_us: int | None = None) -> None:
        if self.down:
            raise StorageError("database away")
        since_us = kept.from_us if since_us is None else since_us
        for key in [k for k in self.cells if k[0] == kept.machine_id and since_us <= k[1] < kept.to_us]:
            del self.cells[key]
        self.cells.update({(c.machine_id, c.slot.from_us, c.state.value): c for c in cells})
        self.days[kept.machine_id, kept.day] = kept
        self.writes.append((kept.machine_id, kept.day, len(cells)))

    async def kept(self, from_us: int, to_us: int, machines: Sequence[str]) -> Sequence[KeptDay]:
        found = [k for k in self.days.values() if k.machine_id in machines and k.from_us < to_us and k.to_us > from_us]
        return sorted(found, key=lambda k: k.from_us)

    async def sums(self, where: CubeFilter, by: Sequence[Dimension]) -> Sequence[CubeRow]:
        cells = [
            c for c in self.cells.values()
            if where.from_us <= c.slot.from_us < where.to_us and (not where.machines or c.machine_id in where.machines)
        ]  # fmt: skip
        return rows_of(cells, by, lambda _m: "")


class Kept(Shop):
    """A shop with its cube; the load runs from midnight of `DAY` on: 6 kW and 2 kW by turns."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryCube()
        self.rules = DayRules(self.accounting)
        self.waiting: int | None = None
        self.keeper = CubeKeeper(lambda: [MACHINE], self.accounting, self.store, self.clock, self.rules, lambda: self.waiting)
        self.cube = EnergyCube(self.plant_now, self.accounting, self.store, self.clock, self.rules)
        self.midnight = self.calendar.day_window(DAY).from_us
        self.load(self.midnight, [(6.0, 1800), (2.0, 1800)] * 30, step_s=4)

    async def energy(self, from_us: int, to_us: int) -> float:
        return (await self.cube.ask(from_us, to_us, [])).total.energy_kwh or 0.0


async def test_slots_are_kept_as_they_settle_and_only_new_ones_are_measured() -> None:
    shop = Kept()
    shop.now(shop.midnight + 3 * H + 20 * 60 * S)
    await shop.keeper.keep()
    kept = shop.store.days[MACHINE, DAY]
    assert kept.kept_us == shop.midnight + 3 * H
    shop.store.writes.clear()
    shop.now(shop.midnight + 4 * H + 16 * 60 * S)
    await shop.keeper.keep()
    assert [day for _, day, _ in shop.store.writes] == [DAY]
    assert shop.store.writes[0][2] == 2  # one hour, two states
    assert shop.store.days[MACHINE, DAY].kept_us == shop.midnight + 4 * H


@pytest.mark.parametrize("offset_s", [0, 1234, 3600])
async def test_an_answer_joins_stored_slots_with_the_edges_and_the_running_hour(offset_s: int) -> None:
    shop = Kept()
    shop.now(shop.midnight + 9 * H + 1500 * S)
    before = await shop.energy(shop.midnight + offset_s * S, shop.midnight + 24 * H)
    await shop.keeper.keep()
    assert shop.store.cells
    after = await shop.cube.ask(shop.midnight + offset_s * S, shop.midnight + 24 * H, [Dimension.STATE])
    assert after.total.energy_kwh == pytest.approx(before, abs=1e-6)
    assert after.to_us == shop.clock.now_us()
    assert after.total.duration_us == after.to_us - after.from_us
    expected = 4.0 * 9 + 6 * 1500 / 3600 - {0: 0.0, 1234: 6 * 1234 / 3600, 3600: 4.0}[offset_s]
    assert after.total.energy_kwh == pytest.approx(expected, abs=0.12)
    assert after.pending_us == 0


async def test_late_samples_change_what_is_stored_from_their_hour_on() -> None:
    shop = Kept()
    tag = shop.id_of("d1.active_power")
    whole = shop.history.series[tag]
    shop.history.series[tag] = [row for row in whole if not shop.midnight + 2 * H <= row[0] < shop.midnight + 3 * H]
    shop.now(shop.midnight + 5 * H)
    await shop.keeper.keep()
    holed = (await shop.cube.ask(shop.midnight, shop.midnight + 4 * H, [])).total
    assert holed.completeness == pytest.approx(0.75, abs=0.01)
    shop.history.series[tag] = whole
    shop.accounting.invalidate(shop.midnight + 2 * H, shop.midnight + 3 * H)
    shop.keeper.mark(shop.midnight + 2 * H, shop.midnight + 3 * H, MACHINE)
    shop.store.writes.clear()
    await shop.keeper.keep()
    assert [(m, d) for m, d, _ in shop.store.writes] == [(MACHINE, DAY)]
    assert shop.store.writes[0][2] == 6  # the hour before and hours 2 and 3, of the four that are kept
    assert (await shop.cube.ask(shop.midnight, shop.midnight + 4 * H, [])).total.completeness == pytest.approx(1.0)


async def test_another_calendar_makes_its_days_again_and_old_cells_are_not_used_meanwhile() -> None:
    shop = Kept()
    shop.now(shop.midnight + 30 * H)
    await shop.keeper.keep()
    total = await shop.energy(shop.midnight, shop.midnight + 24 * H)
    shop.plant = replace(shop.plant, shifts=(ShiftPattern("A", time(6), time(18), DAILY, (Break("lunch", time(12), time(12, 30)),)),))
    answer = await shop.cube.ask(shop.midnight, shop.midnight + 24 * H, [Dimension.SHIFT])
    assert {row.key[Dimension.SHIFT] for row in answer.rows} == {"", "A"}
    assert answer.total.energy_kwh == pytest.approx(total, abs=1e-9)
    shop.store.writes.clear()
    await shop.keeper.keep()
    assert DAY in {day for _, day, _ in shop.store.writes}
    stored = await shop.store.sums(CubeFilter(shop.midnight, shop.midnight + 24 * H), [Dimension.SHIFT, Dimension.BREAK])
    assert {tuple(row.key.values()) for row in stored} == {("", False), ("A", False), ("A", True)}
    assert math.fsum(row.energy_kwh or 0 for row in stored) == pytest.approx(total, abs=1e-9)


async def test_the_past_is_filled_day_by_day_until_nothing_is_found() -> None:
    shop = Kept()
    shop.now(shop.midnight + 6 * 24 * H)
    for _ in range(30):
        await shop.keeper.keep()
    assert {DAY, date(2026, 6, 11)} <= {day for _, day in shop.store.days}
    assert min(day for _, day in shop.store.days) == DAY  # the empty days before are not stored
    reads = shop.history.reads
    await shop.keeper.keep()
    assert shop.history.reads - reads < 10  # the search has ended


async def test_days_that_passed_while_the_keeper_stood_still_are_completed() -> None:
    """In one life of the program, and over a stop of it."""
    for restarted in (False, True):
        shop = Kept()
        shop.now(shop.midnight + 5 * H)
        await shop.keeper.keep()
        shop.now(shop.midnight + 5 * 24 * H)
        if restarted:
            shop.keeper = CubeKeeper(lambda: [MACHINE], shop.accounting, shop.store, shop.clock, shop.rules)  # noqa: B023
        await shop.keeper.keep()
        kept = shop.store.days[MACHINE, DAY]
        assert kept.kept_us == kept.to_us


async def test_what_is_not_in_the_tables_yet_is_not_kept_and_a_store_that_is_away_loses_nothing() -> None:
    shop = Kept()
    shop.now(shop.midnight + 5 * H)
    shop.waiting = shop.midnight + 2 * H
    await shop.keeper.keep()
    assert shop.store.days[MACHINE, DAY].kept_us <= shop.waiting
    shop.waiting, shop.store.down = None, True
    shop.keeper.mark(shop.midnight, shop.midnight + H)
    with pytest.raises(StorageError):
        await shop.keeper.keep()
    shop.store.down = False
    await shop.keeper.keep()
    assert shop.store.days[MACHINE, DAY].kept_us == shop.midnight + 4 * H
    assert shop.keeper.waiting == 0


async def test_unknown_machines_and_sections_are_named() -> None:
    shop = Kept()
    for wrong in ({"machines": ["d9"]}, {"sections": ["nowhere"]}):
        with pytest.raises(NotFound):
            await shop.cube.ask(shop.midnight, shop.midnight + H, [], **wrong)


async def test_much_that_is_not_kept_yet_is_told_as_pending() -> None:
    shop = Kept()
    shop.now(shop.midnight + 60 * 24 * H)
    answer = await shop.cube.ask(shop.midnight, shop.midnight + 60 * 24 * H, [])
    assert answer.pending_us == 60 * 24 * H
