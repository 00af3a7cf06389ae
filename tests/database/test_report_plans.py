"""Templates, schedules and runs of reports on every database."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from database.open import open_database
from domain.errors import Conflict, NotFound
from domain.report import (
    FigureKind,
    NamedCells,
    Part,
    PeriodKind,
    ReportRun,
    ReportSchedule,
    ReportTemplate,
    ReportWorkbook,
    RunState,
)
from domain.stores import ReportInputs, StoredReport
from tests.conftest import FakeClock

TEMPLATE = ReportTemplate(
    "цех-2", "Мой <b>отчёт</b>", PeriodKind.MONTH, (Part.SUMMARY, Part.DAYS), (FigureKind.ENERGY,), ("m1",), ("Литейка",), "ru",
    logo=b"\x00\xffpng",
)  # fmt: skip


async def test_two_people_cannot_overwrite_each_other(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path, fake_clock) as database:
        plans = database.report_plans
        await plans.save_template(TEMPLATE, 0)
        with pytest.raises(Conflict):
            await plans.save_template(TEMPLATE, 0)
        mine = dataclasses.replace(TEMPLATE, name="первый", version=2)
        await plans.save_template(mine, 1)
        with pytest.raises(Conflict):
            await plans.save_template(dataclasses.replace(TEMPLATE, name="второй", version=2), 1)
        assert await plans.templates() == [mine]
        await plans.delete_template("цех-2")
        with pytest.raises(NotFound):
            await plans.delete_template("цех-2")


async def test_an_own_workbook_stays_until_it_is_replaced_or_taken_away(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    facts = ReportWorkbook("форма.xlsx", 5_000_000, "ab" * 32, (NamedCells("energy_kwh", "Лист 1", "B3", 1),))
    content = bytes(range(250)) * 20_000
    async with open_database(database_url, tmp_path, fake_clock) as database:
        plans = database.report_plans
        mine = dataclasses.replace(TEMPLATE, workbook=facts)
        await plans.save_template(mine, 0, content)
        assert await plans.templates() == [mine]
        assert await plans.workbook(mine.id) == content
        renamed = dataclasses.replace(mine, name="иначе", version=2)
        await plans.save_template(renamed, 1)
        assert (await plans.templates(), await plans.workbook(mine.id)) == ([renamed], content)
        await plans.save_template(dataclasses.replace(renamed, version=3), 2, b"other")
        assert await plans.workbook(mine.id) == b"other"
        with pytest.raises(Conflict):
            await plans.save_template(mine, 1, content)
        await plans.save_template(dataclasses.replace(TEMPLATE, version=4), 3)
        assert await plans.workbook(mine.id) is None
        await plans.save_template(dataclasses.replace(mine, version=5), 4, content)
        await plans.delete_template(mine.id)
        assert await plans.workbook(mine.id) is None


async def test_a_period_of_a_schedule_has_one_run_and_one_report(database_url: str, tmp_path: Path, fake_clock: FakeClock) -> None:
    async with open_database(database_url, tmp_path, fake_clock) as database:
        plans = database.report_plans
        schedule = await plans.save_schedule(ReportSchedule(0, "day", mail_to=("a@example.org",), folder="/срв"), 0)
        assert await plans.schedules() == [schedule]
        with pytest.raises(Conflict):
            await plans.save_schedule(dataclasses.replace(schedule, version=9), 8)
        run = ReportRun(schedule.id, 10, 20)
        assert await plans.add_run(run)
        assert not await plans.add_run(dataclasses.replace(run, tries=5))
        inputs = ReportInputs(3, "ru", '{"a": 1}', schedule.id)
        saved = await database.reports.save(StoredReport(0, "day", "pdf", 10, 20, 30, "x", "Сутки.pdf", b"1", inputs=inputs), run)
        assert (await plans.unfinished())[0].report_id == saved.id
        assert (await database.reports.get(saved.id)) == saved
        assert [r.id for r in await database.reports.list(5, text="сут")] == [saved.id]
        assert await database.reports.list(5, text="100%") == []
        await plans.save_run(dataclasses.replace(run, state=RunState.DONE, report_id=saved.id, delivered=("folder",)))
        assert await plans.unfinished() == []
        assert (await plans.runs(schedule.id))[0].delivered == ("folder",)
        await plans.delete_schedule(schedule.id)
        assert await plans.runs(schedule.id) == []
        assert await database.reports.get(saved.id) is not None
