"""The cube in the store, on every database."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import pytest

from database.open import open_database
from domain.cube import CubeCell, CubeFilter, Dimension, KeptDay, Slot
from domain.state import MachineState
from tests.conftest import FakeClock

H = 3_600_000_000
DAY = date(2026, 6, 10)
T = 1_781_038_800_000_000  # 2026-06-10 00:00 in Moscow
KEPT = KeptDay("lathe", DAY, T, T + 24 * H, T + 3 * H, "1-00000000")


def slot(hour: int, shift: str = "ночь", *, pause: bool = False) -> Slot:
    return Slot(T + hour * H, T + (hour + 1) * H, DAY, hour, shift, DAY if shift == "" else date(2026, 6, 9), "А", pause)


def cell(hour: int, kwh: float | None, state: MachineState = MachineState.IDLE, machine: str = "lathe", **more: bool) -> CubeCell:
    return CubeCell(machine, slot(hour, **more), state, kwh, 0.25, H, H if kwh is not None else 0)


async def test_cells_are_replaced_and_summed_along_any_dimensions(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        cube = database.cube
        await cube.replace(KEPT, [cell(0, 1.5), cell(1, 2.0), cell(1, 0.1, MachineState.OFF), cell(2, None, MachineState.NO_DATA)])
        other = dataclasses.replace(KEPT, machine_id="mill")
        await cube.replace(other, [cell(0, 8.0, machine="mill", pause=True)])
        assert await cube.kept(T - H, T + H, ["lathe", "none"]) == [KEPT]
        assert await cube.kept(T + 24 * H, T + 25 * H, ["lathe"]) == []

        whole = CubeFilter(T, T + 24 * H)
        by_state = {row.key[Dimension.STATE]: row for row in await cube.sums(whole, [Dimension.STATE])}
        assert by_state["idle"].energy_kwh == pytest.approx(11.5)
        assert (by_state["no_data"].energy_kwh, by_state["no_data"].known_us) == (None, 0)
        (row,) = await cube.sums(CubeFilter(T, T + 24 * H, ["lathe"]), [Dimension.SHIFT, Dimension.SHIFT_DAY, Dimension.CREW])
        assert row.key == {Dimension.SHIFT: "ночь", Dimension.SHIFT_DAY: date(2026, 6, 9), Dimension.CREW: "А"}
        assert (row.energy_kwh, row.uncertain_kwh, row.duration_us) == (pytest.approx(3.6), pytest.approx(1.0), 4 * H)
        breaks = {row.key[Dimension.BREAK]: row.energy_kwh for row in await cube.sums(whole, [Dimension.BREAK])}
        assert breaks == {True: pytest.approx(8.0), False: pytest.approx(3.6)}
        assert {row.key[Dimension.HOUR] for row in await cube.sums(whole, [Dimension.HOUR])} == {0, 1, 2}
        assert await cube.sums(CubeFilter(T - 9 * H, T), []) == []


async def test_a_day_grows_and_is_made_again_from_a_moment_on(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        cube = database.cube
        await cube.replace(KEPT, [cell(0, 1.0), cell(1, 2.0)])
        later = dataclasses.replace(KEPT, kept_us=T + 4 * H, rule="1-abcdefab")
        await cube.replace(later, [cell(1, 2.5), cell(2, 4.0)], since_us=T + H)
        rows = await cube.sums(CubeFilter(T, T + 24 * H), [Dimension.DAY, Dimension.MACHINE])
        assert [(r.key[Dimension.DAY], r.key[Dimension.MACHINE], r.energy_kwh) for r in rows] == [(DAY, "lathe", pytest.approx(7.5))]
        assert await cube.kept(T, T + H, ["lathe"]) == [later]
