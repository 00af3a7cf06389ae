"""Reports that make themselves: each period once, over stops, failures and both changes of summer time."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

import pytest

from analysis.calendar import Calendar
from database import Database, open_database
from domain.access import Actor, Role
from domain.errors import Conflict, Forbidden, MonitorError, NotFound
from domain.report import PeriodKind, ReportRun, ReportSchedule, ReportTemplate, RunState
from domain.stores import ReportInputs, StoredReport
from domain.work_calendar import ShiftPattern
from reports.scheduler import MOST_TRIES, ReportScheduler, due
from reports.templates import BY_ID
from tests.conftest import FakeClock

EVERY = frozenset(range(7))
CALENDAR = Calendar("Europe/Berlin", [ShiftPattern("N", time(22), time(6), EVERY), ShiftPattern("D", time(6), time(22), EVERY)])
ENGINEER, ADMIN = Actor("egor", Role.ENGINEER, "test"), Actor("root", Role.ADMIN, "test")
MIN = 60_000_000
HOUR = 60 * MIN


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e6)


class Reports:
    """Issues a few bytes into the real store; can be told to fail before or after keeping."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.fails, self.dies = 0, False

    async def template(self, template_id: str) -> ReportTemplate:
        if template_id not in BY_ID:
            raise NotFound("report template", template_id)
        return BY_ID[template_id]

    async def issue(
        self, template: str, form: str, from_us: int, to_us: int, language: str | None, actor: Actor, *, run: ReportRun
    ) -> StoredReport:
        if self.fails:
            self.fails -= 1
            raise MonitorError("the worker ended")
        stored = await self._database.reports.save(
            StoredReport(0, template, form, from_us, to_us, to_us, actor.name, f"{template}-{from_us}.pdf", b"x",
                         inputs=ReportInputs(1, "ru")), run
        )  # fmt: skip
        if self.dies:
            raise KeyboardInterrupt
        return stored

    async def file(self, report_id: int) -> tuple[StoredReport, bytes]:
        stored = await self._database.reports.get(report_id)
        assert stored is not None
        return stored, stored.content


class Places:
    def __init__(self) -> None:
        self.files: list[str] = []
        self.mails: list[tuple[str, str]] = []
        self.deaf: set[str] = set()

    async def check(self, schedule: ReportSchedule) -> None: ...

    async def to_folder(self, folder: str, name: str, content: bytes) -> None:
        self.files.append(name)

    async def to_mailbox(self, channel_id: int, address: str, report: StoredReport, content: bytes, message_id: str) -> None:
        if address in self.deaf:
            raise OSError("the mailbox is full")
        self.mails.append((address, message_id))


class Part:
    """One life of the product: a scheduler over the same database."""

    def __init__(self, database: Database, clock: FakeClock, places: Places) -> None:
        self.reports = Reports(database)
        self.scheduler = ReportScheduler(
            self.reports, database.report_plans, database.audit, clock, calendar=lambda: CALENDAR, places=places  # type: ignore[arg-type]
        )


@asynccontextmanager
async def kept(tmp_path: Path, at: str) -> AsyncIterator[tuple[Database, FakeClock, Places]]:
    clock = FakeClock(us(at))
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'r.db'}", tmp_path, clock) as database:
        yield database, clock, Places()


async def spans(database: Database) -> Sequence[tuple[int, int]]:
    return sorted((r.from_us, r.to_us) for r in await database.reports.list(100))


async def test_a_day_is_reported_once_after_its_delay_however_often_the_product_starts(tmp_path: Path) -> None:
    async with kept(tmp_path, "2026-11-18T12:00") as (database, clock, places):
        draft = {"template": "day", "delay_min": 30, "folder": "out", "mail_to": ["a@example.org", "b@example.org"], "channel_id": 1}
        first = Part(database, clock, places)
        await first.scheduler.save(draft, ADMIN, schedule_id=0, known_version=0)
        await clock.advance((11 * 60 + 15) * 60)  # 23:15 UTC, a quarter of an hour after midnight of the site
        await first.scheduler.round()
        assert await spans(database) == []
        await clock.advance(20 * 60)
        for _ in range(3):
            await Part(database, clock, places).scheduler.round()
        assert await spans(database) == [(us("2026-11-17T23:00"), us("2026-11-18T23:00"))]
        assert len(places.files) == 1
        assert [address for address, _ in places.mails] == ["a@example.org", "b@example.org"]


async def test_cut_off_after_keeping_it_goes_on_with_what_is_left(tmp_path: Path) -> None:
    async with kept(tmp_path, "2026-11-18T12:00") as (database, clock, places):
        first = Part(database, clock, places)
        await first.scheduler.save({"template": "day", "folder": "out"}, ADMIN, schedule_id=0, known_version=0)
        await clock.advance(24 * 3600)
        first.reports.dies = True
        with pytest.raises(KeyboardInterrupt):
            await first.scheduler.round()
        assert places.files == []
        await Part(database, clock, places).scheduler.round()
        assert len(await spans(database)) == 1
        assert len(places.files) == 1


async def test_a_failure_is_told_tried_again_and_given_up_at_last(tmp_path: Path) -> None:
    async with kept(tmp_path, "2026-11-18T12:00") as (database, clock, places):
        part = Part(database, clock, places)
        places.deaf = {"a@example.org"}
        draft = {"template": "day", "mail_to": ["a@example.org", "b@example.org"], "channel_id": 1}
        saved = await part.scheduler.save(draft, ADMIN, schedule_id=0, known_version=0)
        await clock.advance(24 * 3600)
        await part.scheduler.round()
        (told,) = part.scheduler.statuses()
        assert (told.state, told.last_error) == ("restarting", "the mailbox is full")
        for _ in range(MOST_TRIES):
            await clock.advance(3600)
            await part.scheduler.round()
        first = (await database.report_plans.runs(saved.id))[-1]
        assert first.state is RunState.FAILED
        assert part.scheduler.statuses()[0].state == "failed"
        places.deaf = set()
        await part.scheduler.again(saved.id, first.from_us, ENGINEER)
        for _ in range(2):
            await clock.advance(3600)
            await part.scheduler.round()
        assert part.scheduler.statuses() == []
        assert len(await spans(database)) == len({m for m in places.mails if m[0] == "a@example.org"})
        assert len(places.mails) == len(set(places.mails))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
async def test_over_the_changes_of_summer_time_no_shift_is_missing_or_doubled(tmp_path: Path, day: str, hours: int) -> None:
    begin = us(f"{day}T00:00") - 12 * HOUR
    async with kept(tmp_path, datetime.fromtimestamp(begin / 1e6, UTC).replace(tzinfo=None).isoformat()) as (database, clock, places):
        part = Part(database, clock, places)
        for template in ("shift", "day"):
            await part.scheduler.save({"template": template, "delay_min": 0}, ENGINEER, schedule_id=0, known_version=0)
        for _ in range(3 * 48):
            await clock.advance(1800)
            await part.scheduler.round()
        reports = await database.reports.list(100)
        shifts = sorted((r.from_us, r.to_us) for r in reports if r.template == "shift")
        days = sorted((r.from_us, r.to_us) for r in reports if r.template == "day")
    for found in (shifts, days):
        assert all(one[1] == other[0] for one, other in itertools.pairwise(found))
    assert hours in {(end - start) / HOUR for start, end in days}
    assert {(end - start) / HOUR for start, end in shifts} >= {8, 16, 7 if hours == 23 else 9}


async def test_what_a_long_stop_left_out_is_made_up_for_but_not_what_was_before_the_schedule(tmp_path: Path) -> None:
    schedule = ReportSchedule(1, "day", delay_min=0, since_us=us("2026-11-01T12:00"))
    found = due(CALENDAR, PeriodKind.DAY, schedule, us("2026-11-06T12:00"))
    assert [p.name for p in found] == [f"2026-11-0{n}" for n in range(1, 6)]
    assert due(CALENDAR, PeriodKind.DAY, replace(schedule, since_us=us("2026-11-06T11:00")), us("2026-11-06T12:00")) == []
    assert len(due(CALENDAR, PeriodKind.DAY, replace(schedule, since_us=0), us("2026-11-06T12:00"))) == 31


async def test_only_administrators_say_where_reports_go_and_one_after_the_other(tmp_path: Path) -> None:
    async with kept(tmp_path, "2026-11-18T12:00") as (database, clock, places):
        scheduler = Part(database, clock, places).scheduler
        with pytest.raises(Forbidden):
            await scheduler.save({"template": "day", "folder": "/srv"}, ENGINEER, schedule_id=0, known_version=0)
        with pytest.raises(Forbidden):
            await scheduler.save({"template": "day"}, Actor("v", Role.VIEWER, "test"), schedule_id=0, known_version=0)
        with pytest.raises(NotFound):
            await scheduler.save({"template": "gone"}, ENGINEER, schedule_id=0, known_version=0)
        saved = await scheduler.save({"template": "day"}, ENGINEER, schedule_id=0, known_version=0)
        await scheduler.save({"template": "month"}, ENGINEER, schedule_id=saved.id, known_version=1)
        with pytest.raises(Conflict):
            await scheduler.save({"template": "day"}, ENGINEER, schedule_id=saved.id, known_version=1)
        actions = [entry.action for entry in await database.audit.entries(20)]
        assert actions.count("refused") == 2
