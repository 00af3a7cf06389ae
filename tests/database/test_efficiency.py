"""Efficiency cards of shifts come back as they were saved, on every database."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from database.open import open_database
from domain.efficiency import CARDS, MachineEfficiency
from domain.energy import Efficiency, ShiftWindow
from tests.conftest import FakeClock

T = 1_763_548_800_000_000
SHIFT = ShiftWindow("1", date(2025, 11, 19), T, T + 8 * 3_600_000_000)


def of(machine: str, value: float | None, reason: str | None = None) -> MachineEfficiency:
    found = Efficiency(
        "K2", 1, CARDS["K2"].formula, value, 10.8 if value else 0.0, 26.55, 0.97, 0.01, value is not None, reason=reason
    )
    return MachineEfficiency(machine, SHIFT.from_us, SHIFT.to_us, "1", found)


async def test_cards_of_a_shift_come_back(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path / "data", fake_clock) as database:
        store = database.efficiency
        await store.save_efficiency(SHIFT, [of("a", 0.407), of("b", None, "kef.reason.no_states")])
        await store.save_efficiency(SHIFT, [of("a", 0.5)])
        await store.save_efficiency(SHIFT, [])
        assert list(await store.efficiency(SHIFT.day, SHIFT.day)) == [
            (SHIFT, of("a", 0.5)), (SHIFT, of("b", None, "kef.reason.no_states")),
        ]  # fmt: skip
        assert await store.efficiency(date(2025, 11, 20), date(2025, 11, 30)) == []
