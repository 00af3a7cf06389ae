"""How the process does: readings of the time between, errors by hour, words and advice for every kind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from data_collection.error_kinds import error_kinds
from data_collection.figures import Lateness
from domain.health import DeviceStatus, StorageStatus, Vitals
from runtime.process_use import cpu_seconds, memory_bytes
from tests.conftest import FakeClock
from tests.web_interface import fake_shop as shop
from web_interface.format import Format
from web_interface.locale import LANGUAGES, has
from web_interface.pages import status_vitals_view as view
from web_interface.vitals import HOURS, VitalSigns, VitalSources

HOUR_US = 3_600_000_000
RU = Format("ru", ZoneInfo("Europe/Moscow"), "₽")
READING = Vitals(0, 0.2, 200_000_000, 3.0, 4.0, 0, 10, 100.0, 5.0)


class Source:
    """What the keeper is told."""

    def __init__(self) -> None:
        self.cpu_s = self.skipped = self.kept = 0
        self.errors: dict[str, int] = {}
        self.late: float | None = 7.0

    def devices(self) -> list[DeviceStatus]:
        return [DeviceStatus("m1", "gw1", "p", "online", 0, None, None, 9, 0, dict(self.errors), None, None)]

    def signs(self, clock: FakeClock) -> VitalSigns:
        storage = StorageStatus("ok", None, 12, None, 0, 1, 4.5, 1, "sqlite")
        return VitalSigns(clock, VitalSources(
            lambda: self.cpu_s, lambda: 100, lambda: 2.5, lambda: self.late, lambda: self.skipped, lambda: self.kept,
            lambda: storage, self.devices,
        ))  # fmt: skip


async def test_a_reading_is_of_the_time_since_the_last_one() -> None:
    clock, source = FakeClock(1_000_000), Source()
    signs = source.signs(clock)
    for cpu, skipped, kept in ((15, 2, 3000), (15, 2, 3600)):
        source.cpu_s, source.skipped, source.kept = cpu, skipped, kept
        await clock.advance(30)
        signs.read()
    first, second = signs.readings()
    assert (first.cpu, first.polls_skipped, first.written_per_s) == (0.5, 2, 100.0)
    assert (second.cpu, second.polls_skipped, second.written_per_s) == (0.0, 0, 20.0)
    assert (second.poll_late_ms, second.waiting_samples, second.write_ms, second.memory_bytes) == (7.0, 12, 4.5, 100)


async def test_errors_are_counted_by_hour_for_a_day_and_begin_anew_with_their_line() -> None:
    clock, source = FakeClock(100 * HOUR_US), Source()
    source.errors = {"timeout": 5}  # before the start of the keeper
    signs = source.signs(clock)
    assert signs.errors()[0].by_hour == (0,) * HOURS
    source.errors = {"timeout": 8, "decode": 1}
    signs.read()
    await clock.advance(3600)
    source.errors = {"timeout": 2}  # the line was started again
    signs.read()
    (timeout,) = signs.errors()
    assert (timeout.total, timeout.by_hour[-2:], sum(timeout.by_hour)) == (2, (3, 2), 5)
    await clock.advance(3600 * HOURS)
    assert signs.errors()[0].by_hour == (0,) * HOURS


async def test_it_reads_by_itself_until_it_is_cancelled() -> None:
    clock, source = FakeClock(0), Source()
    signs = source.signs(clock)
    task = asyncio.create_task(signs.run())
    await clock.advance(95)
    assert len(signs.readings()) == 3
    task.cancel()


def test_lateness_of_a_stretch_is_what_came_in_it() -> None:
    histogram = Lateness()
    for _ in range(100):
        histogram.add(2.0)
    before = Lateness()
    before.merge(histogram)
    for _ in range(50):
        histogram.add(0.010)
    recent = histogram.since(before)
    assert recent.count == 50
    assert recent.quantile(0.99) == pytest.approx(0.010, rel=0.2)
    assert histogram.since(histogram).count == 0


def test_the_process_knows_what_it_takes() -> None:
    assert cpu_seconds() > 0
    assert 10_000_000 < memory_bytes() < 10**11


CONTROLS = ("put_get", "no_such_bytes", "cpu_stop", "login_refused", "damaged", "cut", "foreign_telegram", "unasked_telegram")
COUNTED = (  # what drivers count in a plan's faults
    "foreign_transaction_id", "foreign_unit", "foreign_function", "foreign_length", "foreign_exception", "foreign_frame",
    "length", "noise", "stray", "unmatched", "late", "resynchronised", "subscription", "clock", "duplicate", "too_long",
    "too_short", "encoding", "number", "json", "plugin", "type", "tag", "time", "topic", "id", "alias", "sparkplug",
)  # fmt: skip


@pytest.mark.parametrize("kind", [*sorted(error_kinds()), *CONTROLS, *COUNTED])
def test_every_kind_of_error_has_words_and_advice(kind: str) -> None:
    for lang in LANGUAGES:
        assert has(f"comm.{kind}", lang)
        assert has(f"comm.{kind}.advice", lang)


def test_tiles_say_what_is_well_and_what_to_do_when_it_is_not() -> None:
    well = view.tiles([READING, replace(READING, loop_lag_ms=64.0), READING], RU)
    assert (well["cpu"]["value"], well["cpu"]["unit"]) == ("20", "%")
    assert (well["lag"]["value"], well["lag"]["note"][0]) == ("3,0", ["наибольшее за сутки 64,0", "em-quiet"])
    busy = replace(READING, cpu=0.95, loop_lag_ms=400.0, polls_skipped=3, waiting_samples=90_000, write_ms=2500.0)
    ill = view.tiles([READING, busy], RU)
    assert [name for name, tile in ill.items() if tile["note"][0][1] == "em-alarm"] == ["cpu", "lag", "late", "waiting", "write"]
    assert "пропущено опросов: 3" in ill["late"]["note"][0][0]
    assert view.tiles([], RU)["cpu"]["value"] == "—"


def test_no_peak_of_a_day_vanishes_from_its_course_and_gaps_stay_gaps() -> None:
    values: list[float | None] = [1.0] * 2880
    values[1501] = 50.0
    values[:24] = [None] * 24
    points = view.course(values)
    assert len(points) == view.POINTS
    assert max(y for _, y in points if y is not None) == 95.0
    assert (points[0], points[-1][0]) == ([0.0, None], 100.0)


def test_rows_name_machine_line_kind_and_advice() -> None:
    clock, source = FakeClock(0), Source()
    signs = source.signs(clock)
    source.errors = {"timeout": 3}
    (row,) = view.rows(signs.errors(), shop.plant(), RU)
    assert row["cells"]["device"]["sub"] == "m1, линия gw1"
    assert (row["cells"]["kind"]["text"], row["cells"]["hour"]["text"], row["cells"]["total"]["text"]) == ("Не отвечает в срок", "3", "3")
    assert row["cells"]["kind"]["sub"].startswith("Питание прибора")
