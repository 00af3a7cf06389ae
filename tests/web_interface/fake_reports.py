"""What the report pages show for the invented shop: real templates, files that are small but valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import xlsxwriter

from analysis.calendar import Calendar
from domain.access import Actor, Role
from domain.energy import ShiftWindow
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.report import (
    Draft,
    PeriodKind,
    ReportJob,
    ReportOutline,
    ReportRun,
    ReportSchedule,
    ReportWorkbook,
    RunState,
    ScheduleNow,
    WorkbookFile,
    WorkbookName,
    template_document,
)
from reports.periods import periods
from reports.schedules import with_changes
from reports.templates import BY_ID, parse_template
from reports.workbook import check_workbook
from reports.workbook_example import example_workbook, name_words
from reports.workbook_names import BY_NAME, PREFIX, Many
from tests.web_interface import fake_shop as shop
from web_interface.report_service import shown
from web_interface.services.reports import IssuedReport, ReportTemplate
from web_interface.wording import wording


def small_workbook() -> bytes:
    """One named cell."""
    out = BytesIO()
    with xlsxwriter.Workbook(out) as book:
        book.add_worksheet("Форма")
        book.define_name("EM_energy_kwh", "=Форма!$B$3")
    return out.getvalue()


WORKBOOK = small_workbook()


class FakeReports:
    """ReportService; the file is a small but valid PDF."""

    PDF = b"%PDF-1.4\n1 0 obj<</Pages 2 0 R>>endobj 2 0 obj<</Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.reports: list[IssuedReport] = []
        self.kept = dict(BY_ID)
        self.books: dict[str, WorkbookFile] = {}
        self.jobs: dict[str, ReportJob] = {}
        self.planned = {1: ReportSchedule(1, "day"), 2: ReportSchedule(2, "month", "xlsx", folder="/srv/reports")}
        self.runs = [ReportRun(1, shop.START_US - 2 * shop.DAY_US, shop.START_US - shop.DAY_US, RunState.DONE, 1, report_id=1),
                     ReportRun(2, shop.START_US - 40 * shop.DAY_US, shop.START_US - 10 * shop.DAY_US, RunState.FAILED, 24, error="full")]

    async def templates(self) -> Sequence[ReportTemplate]:
        return [shown(template) for template in self.kept.values()]

    async def template(self, template_id: str) -> ReportTemplate:
        if template_id not in self.kept:
            raise NotFound("report template", template_id, tuple(self.kept))
        return shown(self.kept[template_id])

    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True,
        workbook: WorkbookFile | None = None, keep_workbook: bool = True,
    ) -> ReportTemplate:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("a report template needs the role engineer")
        wanted = parse_template(draft, shop.plant(), logo)
        old = self.kept.get(wanted.id)
        if known_version != (old.version if old else 0):
            raise Conflict(f"report template {wanted.id!r} was changed by somebody else meanwhile: load it again")
        facts = old.workbook if old and keep_workbook else None
        if workbook is not None:
            facts = await self.check_workbook(workbook, actor)
        if facts is None:
            self.books.pop(wanted.id, None)
        elif workbook is not None:
            self.books[wanted.id] = workbook
        self.kept[wanted.id] = replace(wanted, version=known_version + 1, workbook=facts)
        return shown(self.kept[wanted.id])

    async def save_workbook(
        self, template_id: str, workbook: WorkbookFile | None, actor: Actor, *, known_version: int
    ) -> ReportTemplate:
        draft = template_document((await self.template(template_id)).content)
        return await self.save_template(draft, actor, known_version=known_version, workbook=workbook, keep_workbook=False)

    async def check_workbook(self, workbook: WorkbookFile, actor: Actor) -> ReportWorkbook:
        return check_workbook(workbook.content, workbook.file_name)

    async def workbook(self, template_id: str) -> WorkbookFile:
        if template_id not in self.books:
            raise NotFound("workbook", template_id)
        return self.books[template_id]

    def workbook_names(self, language: str) -> Sequence[WorkbookName]:
        words = wording(language, "Europe/Moscow", "₽")
        return [WorkbookName(f"{PREFIX}{name}", name_words(name, words), isinstance(e, Many)) for name, e in BY_NAME.items()]

    async def example_workbook(self, language: str) -> bytes:
        return example_workbook(wording(language, "Europe/Moscow", "₽"))

    async def delete_template(self, template_id: str, actor: Actor) -> None:
        if template_id in BY_ID or template_id not in self.kept:
            raise NotFound("report template", template_id)
        del self.kept[template_id]

    async def preview(
        self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor, workbook: WorkbookFile | None = None
    ) -> bytes:
        parse_template(draft, shop.plant())
        return self.PDF

    async def outline(self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor) -> ReportOutline:
        wanted = parse_template(draft, shop.plant())
        tile = ("Энергия", "867", "кВт·ч", ("план 890",))
        return ReportOutline(wanted.name or wanted.id, "Цех", ("В пределах плана.", "Ниже плана."), (tile,),
                             tuple((part.value, ("…",)) for part in wanted.parts))

    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None:
        now_us = self._clock.now_us()
        found = [p for p in periods(Calendar.of(shop.plant()), kind, now_us - 400 * shop.DAY_US, now_us) if p.from_us <= now_us]
        return found[-1 - back] if back < len(found) else None

    async def start(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> ReportJob:
        report = await self.issue(template, format, from_us, to_us, language, actor)
        job = ReportJob(f"j{report.id}", template, format, from_us, to_us, actor.name, self._clock.now_us(), "done", "keeping", report.id)
        self.jobs[job.id] = job
        return job

    def job(self, job_id: str) -> ReportJob:
        if job_id not in self.jobs:
            raise NotFound("report job", job_id)
        return self.jobs[job_id]

    def cancel(self, job_id: str, actor: Actor) -> ReportJob:
        return self.job(job_id)

    async def wait(self, job_id: str, seconds: float) -> ReportJob:
        return self.job(job_id)

    async def schedules(self) -> Sequence[ScheduleNow]:
        return [ScheduleNow(s, tuple(r for r in self.runs if r.schedule_id == s.id), shop.START_US) for s in self.planned.values()]

    async def save_schedule(self, draft: Draft, actor: Actor, *, schedule_id: int, known_version: int) -> ReportSchedule:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("a report schedule needs the role engineer")
        if schedule_id and schedule_id not in self.planned:
            raise NotFound("report schedule", str(schedule_id))
        wanted = with_changes(self.planned.get(schedule_id, ReportSchedule(0, "", version=0)), draft)
        await self.template(wanted.template)
        if schedule_id and self.planned[schedule_id].version != known_version:
            raise Conflict(f"report schedule {schedule_id} was changed by somebody else meanwhile: load it again")
        number = schedule_id or max(self.planned, default=0) + 1
        self.planned[number] = replace(wanted, id=number, version=known_version + 1)
        return self.planned[number]

    async def delete_schedule(self, schedule_id: int, actor: Actor) -> None:
        if self.planned.pop(schedule_id, None) is None:
            raise NotFound("report schedule", str(schedule_id))

    async def try_again(self, schedule_id: int, from_us: int, actor: Actor) -> ReportRun:
        for run in self.runs:
            if (run.schedule_id, run.from_us) == (schedule_id, from_us):
                return run
        raise NotFound("unfinished report", f"{schedule_id}/{from_us}")

    async def issued(self, limit: int = 100, text: str = "", template: str = "") -> Sequence[IssuedReport]:
        found = [r for r in reversed(self.reports) if text in r.file_name and template in {"", r.template}]
        return found[:limit]

    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> IssuedReport:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("issuing a report needs the role engineer")
        await self.template(template)
        if format not in {"pdf", "xlsx"}:
            raise ConfigError(f"format {format!r}: expected one of pdf, xlsx")
        number = len(self.reports) + 1
        report = IssuedReport(
            number,
            template,
            format,
            from_us,
            to_us,
            self._clock.now_us(),
            actor.name,
            f"shift-{number}-сменный.{format}",
            len(self.PDF),
        )
        self.reports.append(report)
        return report

    async def file(self, report_id: int) -> tuple[IssuedReport, bytes]:
        for report in self.reports:
            if report.id == report_id:
                return report, self.PDF
        raise NotFound("report", str(report_id))
