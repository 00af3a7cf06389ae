"""Reports: templates, schedules and what was issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import domain.report
from domain.access import Actor
from domain.energy import ShiftWindow
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


@dataclass(frozen=True, slots=True)
class ReportTemplate:
    """`id` "shift"; titles ru and en; formats pdf and xlsx; `content`: what it consists of."""

    id: str
    title: Mapping[str, str]
    formats: tuple[str, ...]
    content: domain.report.ReportTemplate


@dataclass(frozen=True, slots=True)
class IssuedReport:
    id: int
    template: str
    format: str
    from_us: int
    to_us: int
    issued_us: int
    issued_by: str
    file_name: str
    size_bytes: int
    template_version: int | None = None
    language: str | None = None
    scheduled: bool = False


class ReportService(Protocol):
    """Templates edited, reports issued, kept and found again. Each change raises Forbidden (below engineer)."""

    async def templates(self) -> Sequence[ReportTemplate]: ...
    async def template(self, template_id: str) -> ReportTemplate:
        """Raises NotFound."""
        ...

    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True,
        workbook: WorkbookFile | None = None, keep_workbook: bool = True,
    ) -> ReportTemplate:
        """`known_version` 0: a new one. Raises ConfigError that names the place, Conflict (changed meanwhile)."""
        ...

    async def save_workbook(
        self, template_id: str, workbook: WorkbookFile | None, actor: Actor, *, known_version: int
    ) -> ReportTemplate:
        """The template's own workbook, or none: its next version. Raises NotFound, ConfigError, Conflict."""
        ...

    async def check_workbook(self, workbook: WorkbookFile, actor: Actor) -> ReportWorkbook:
        """What it would fill; nothing is stored. Raises ConfigError that says what is wrong with it."""
        ...

    async def workbook(self, template_id: str) -> WorkbookFile:
        """As it was sent. Raises NotFound."""
        ...

    def workbook_names(self, language: str) -> Sequence[WorkbookName]:
        """Every name that cells of a workbook may have."""
        ...

    async def example_workbook(self, language: str) -> bytes:
        """An XLSX with every name on a cell."""
        ...

    async def delete_template(self, template_id: str, actor: Actor) -> None:
        """A user's own, or the changes of a shipped one. Raises NotFound."""
        ...

    async def preview(
        self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor, workbook: WorkbookFile | None = None
    ) -> bytes:
        """The PDF of a draft, or the `workbook` filled; nothing is stored. Raises ConfigError."""
        ...

    async def outline(self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor) -> ReportOutline:
        """The same in words. Raises ConfigError."""
        ...

    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None:
        """The period of that kind that runs now (`back` 0) or was so many before; None where the calendar has none."""
        ...

    async def start(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> ReportJob:
        """Issue in the background. Raises NotFound, ConfigError, Forbidden, Conflict (too many run)."""
        ...

    def job(self, job_id: str) -> ReportJob:
        """Raises NotFound."""
        ...

    def cancel(self, job_id: str, actor: Actor) -> ReportJob: ...
    async def wait(self, job_id: str, seconds: float) -> ReportJob:
        """The job when it is over, or as it is after so long."""
        ...

    async def schedules(self) -> Sequence[ScheduleNow]: ...
    async def save_schedule(self, draft: Draft, actor: Actor, *, schedule_id: int, known_version: int) -> ReportSchedule:
        """A new one with id 0. Raises ConfigError that names the field, Conflict, NotFound."""
        ...

    async def delete_schedule(self, schedule_id: int, actor: Actor) -> None: ...
    async def try_again(self, schedule_id: int, from_us: int, actor: Actor) -> ReportRun:
        """A failed period, now. Raises NotFound."""
        ...

    async def issued(self, limit: int = 100, text: str = "", template: str = "") -> Sequence[IssuedReport]: ...
    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> IssuedReport: ...
    async def file(self, report_id: int) -> tuple[IssuedReport, bytes]: ...
