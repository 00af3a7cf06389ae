"""Hourly prices, settled days of the idle ledger, notes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from domain.idle import IdleNote, IdlePiece
from domain.tariff import HourPrice
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

HOUR = 3_600_000_000
T = 494_000 * HOUR
DAY, NEXT = date(2026, 11, 18), date(2026, 11, 19)


def piece(machine: str, at: int, reason: str = "waiting") -> IdlePiece:
    return IdlePiece(machine, T + at * HOUR, T + (at + 1) * HOUR, reason, "2", DAY, 1.5, 0.1)


async def test_hourly_prices_are_replaced_and_told_by_table(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        await database.prices.save_prices("supplier", [HourPrice(T, 5.0), HourPrice(T + HOUR, 6.0)])
        await database.prices.save_prices("supplier", [HourPrice(T + HOUR, 6.5), HourPrice(T + 2 * HOUR, 7.0)])
        assert await database.prices.prices("supplier", T + 1, T + 2 * HOUR + 1) == [
            HourPrice(T + HOUR, 6.5),
            HourPrice(T + 2 * HOUR, 7.0),
        ]
        assert await database.prices.price_tables() == [("supplier", T, T + 2 * HOUR, 3)]
        assert await database.prices.prices("other", T, T + HOUR) == []


async def test_a_settled_day_is_replaced_as_a_whole(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        await database.idle.settle("lathe", DAY, "basis-1", 86_000.0, 1, [piece("lathe", 0), piece("lathe", 3, "left_on")])
        await database.idle.settle("mill", DAY, "basis-1", 86_400.0, 1, [piece("mill", 1)])
        await database.idle.settle("lathe", DAY, "basis-1", 86_100.0, 1, [piece("lathe", 5)])
        assert await database.idle.pieces(DAY, DAY) == [piece("lathe", 5), piece("mill", 1)]
        assert sorted(await database.idle.settled(DAY, NEXT, "basis-1")) == [("lathe", DAY, 86_100.0), ("mill", DAY, 86_400.0)]
        assert await database.idle.settled(DAY, NEXT, "basis-2") == []


async def test_an_unsettled_day_is_to_be_computed_again(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        for day in (DAY, NEXT):
            await database.idle.settle("lathe", day, "b", 1.0, 1, [])
        await database.idle.unsettle("lathe", NEXT, NEXT)
        assert await database.idle.settled(DAY, NEXT, "b") == [("lathe", DAY, 1.0)]


async def test_notes_are_found_by_what_they_overlap(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        note = await database.idle.add_note(IdleNote(0, "lathe", T, T + HOUR, "нет заготовок", "anna", T + 2 * HOUR))
        assert note.id > 0
        assert await database.idle.notes(T + HOUR - 1, T + 9 * HOUR) == [note]
        assert await database.idle.notes(T + HOUR, T + 9 * HOUR) == []
