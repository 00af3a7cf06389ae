"""ReportService of the pages and the API, over the reports room's service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import domain.report
from domain.access import Actor, Role
from domain.energy import ShiftWindow
from domain.errors import Forbidden
from domain.report import (
    Draft,
    PeriodKind,
    ReportJob,
    ReportOutline,
    ReportRun,
    ReportSchedule,
    ReportWorkbook,
    ScheduleNow,
    WorkbookFile,
    WorkbookName,
)
from domain.stores import StoredReport
from web_interface.locale import LANGUAGES, t
from web_interface.services.reports import IssuedReport, ReportTemplate

FORMATS = ("pdf", "xlsx")


class ReportIssuer(Protocol):
    """What keeps templates, issues, keeps and finds reports."""

    async def templates(self) -> Sequence[domain.report.ReportTemplate]: ...
    async def template(self, template_id: str) -> domain.report.ReportTemplate: ...
    async def draft(self, draft: Draft) -> domain.report.ReportTemplate: ...
    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True,
        workbook: WorkbookFile | None = None, keep_workbook: bool = True,
    ) -> domain.report.ReportTemplate: ...
    async def delete_template(self, template_id: str, actor: Actor) -> None: ...
    async def save_workbook(
        self, template_id: str, workbook: WorkbookFile | None, actor: Actor, *, known_version: int
    ) -> domain.report.ReportTemplate: ...
    async def check_workbook(self, workbook: WorkbookFile, actor: Actor) -> ReportWorkbook: ...
    async def workbook(self, template_id: str) -> WorkbookFile: ...
    def workbook_names(self, language: str) -> Sequence[WorkbookName]: ...
    async def example_workbook(self, language: str) -> bytes: ...
    async def preview(
        self, template: domain.report.ReportTemplate, from_us: int, to_us: int, language: str | None,
        workbook: WorkbookFile | None = None,
    ) -> bytes: ...
    async def outline(
        self, template: domain.report.ReportTemplate, from_us: int, to_us: int, language: str | None
    ) -> ReportOutline: ...
    async def issued(self, limit: int = 100, text: str = "", template: str = "") -> Sequence[StoredReport]: ...
    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> StoredReport: ...
    async def file(self, report_id: int) -> tuple[StoredReport, bytes]: ...
    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None: ...


class Jobs(Protocol):
    """What issues in the background."""

    async def start(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> ReportJob: ...
    def job(self, job_id: str) -> ReportJob: ...
    def cancel(self, job_id: str, actor: Actor) -> ReportJob: ...
    async def wait(self, job_id: str, seconds: float) -> ReportJob: ...


class Schedules(Protocol):
    """What makes reports by itself."""

    async def schedules(self) -> Sequence[ScheduleNow]: ...
    async def save(self, draft: Draft, actor: Actor, *, schedule_id: int, known_version: int) -> ReportSchedule: ...
    async def delete(self, schedule_id: int, actor: Actor) -> None: ...
    async def again(self, schedule_id: int, from_us: int, actor: Actor) -> ReportRun: ...


class ReportFace:
    """Implements services.ReportService."""

    def __init__(self, issuer: ReportIssuer, jobs: Jobs, schedules: Schedules) -> None:
        self._issuer, self._jobs, self._schedules = issuer, jobs, schedules

    async def templates(self) -> Sequence[ReportTemplate]:
        return [shown(template) for template in await self._issuer.templates()]

    async def template(self, template_id: str) -> ReportTemplate:
        return shown(await self._issuer.template(template_id))

    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True,
        workbook: WorkbookFile | None = None, keep_workbook: bool = True,
    ) -> ReportTemplate:
        return shown(await self._issuer.save_template(
            draft, actor, known_version=known_version, logo=logo, keep_logo=keep_logo, workbook=workbook,
            keep_workbook=keep_workbook,
        ))  # fmt: skip

    async def save_workbook(
        self, template_id: str, workbook: WorkbookFile | None, actor: Actor, *, known_version: int
    ) -> ReportTemplate:
        return shown(await self._issuer.save_workbook(template_id, workbook, actor, known_version=known_version))

    async def check_workbook(self, workbook: WorkbookFile, actor: Actor) -> ReportWorkbook:
        return await self._issuer.check_workbook(workbook, actor)

    async def workbook(self, template_id: str) -> WorkbookFile:
        return await self._issuer.workbook(template_id)

    def workbook_names(self, language: str) -> Sequence[WorkbookName]:
        return self._issuer.workbook_names(language)

    async def example_workbook(self, language: str) -> bytes:
        return await self._issuer.example_workbook(language)

    async def delete_template(self, template_id: str, actor: Actor) -> None:
        await self._issuer.delete_template(template_id, actor)

    async def preview(
        self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor, workbook: WorkbookFile | None = None
    ) -> bytes:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("a preview needs the role engineer")
        return await self._issuer.preview(await self._issuer.draft(draft), from_us, to_us, language, workbook)

    async def outline(self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor) -> ReportOutline:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("a preview needs the role engineer")
        return await self._issuer.outline(await self._issuer.draft(draft), from_us, to_us, language)

    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None:
        return self._issuer.period(kind, back)

    async def start(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> ReportJob:
        return await self._jobs.start(template, format, from_us, to_us, language, actor)

    def job(self, job_id: str) -> ReportJob:
        return self._jobs.job(job_id)

    def cancel(self, job_id: str, actor: Actor) -> ReportJob:
        return self._jobs.cancel(job_id, actor)

    async def wait(self, job_id: str, seconds: float) -> ReportJob:
        return await self._jobs.wait(job_id, seconds)

    async def schedules(self) -> Sequence[ScheduleNow]:
        return await self._schedules.schedules()

    async def save_schedule(self, draft: Draft, actor: Actor, *, schedule_id: int, known_version: int) -> ReportSchedule:
        return await self._schedules.save(draft, actor, schedule_id=schedule_id, known_version=known_version)

    async def delete_schedule(self, schedule_id: int, actor: Actor) -> None:
        await self._schedules.delete(schedule_id, actor)

    async def try_again(self, schedule_id: int, from_us: int, actor: Actor) -> ReportRun:
        return await self._schedules.again(schedule_id, from_us, actor)

    async def issued(self, limit: int = 100, text: str = "", template: str = "") -> Sequence[IssuedReport]:
        return [_issued(stored) for stored in await self._issuer.issued(limit, text, template)]

    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> IssuedReport:
        return _issued(await self._issuer.issue(template, format, from_us, to_us, language, actor))

    async def file(self, report_id: int) -> tuple[IssuedReport, bytes]:
        stored, content = await self._issuer.file(report_id)
        return _issued(stored), content


def shown(template: domain.report.ReportTemplate) -> ReportTemplate:
    """With its titles: the catalogues' for a shipped one without a name of its own."""
    title = {lang: template.name or t(f"report.{template.id}.title", lang) for lang in LANGUAGES}
    return ReportTemplate(template.id, title, FORMATS, template)


def _issued(stored: StoredReport) -> IssuedReport:
    inputs = stored.inputs
    return IssuedReport(
        stored.id, stored.template, stored.format, stored.from_us, stored.to_us, stored.issued_us, stored.issued_by,
        stored.file_name, stored.size_bytes, inputs.template_version if inputs else None, inputs.language if inputs else None,
        inputs is not None and inputs.schedule_id is not None,
    )  # fmt: skip
