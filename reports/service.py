"""Reports: templates edited, reports rendered, issued, kept, handed out. Drawing happens in a worker, off the event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import ParamSpec, Protocol, TypeVar

from domain.access import Actor, Role
from domain.energy import ShiftWindow
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.plant import Plant
from domain.ports import Clock
from domain.report import (
    Draft,
    FigureKind,
    PeriodKind,
    ReportOutline,
    ReportRun,
    ReportTemplate,
    ReportTemplateStore,
    ReportWorkbook,
    WorkbookFile,
    WorkbookName,
    template_document,
)
from domain.stores import AuditStore, ReportInputs, ReportStore, StoredReport
from reports.draw import WRITERS, draw
from reports.gather import ReportBuilder
from reports.model import Report
from reports.outline import outline
from reports.periods import DAY_US, periods, window_of
from reports.templates import BY_ID, FORMATS, SHIPPED, parse_template
from reports.wording import Wording
from reports.workbook import LARGEST_BYTES, LARGEST_MB, bound, check_workbook
from reports.workbook_example import example_workbook, name_words
from reports.workbook_names import BY_NAME, PREFIX, Many, parts_for

LONGEST_US = 400 * DAY_US
_LONGEST = {PeriodKind.SHIFT: 4 * DAY_US, PeriodKind.DAY: DAY_US, PeriodKind.WEEK: 7 * DAY_US, PeriodKind.MONTH: 31 * DAY_US}
P = ParamSpec("P")
R = TypeVar("R")


class Worker(Protocol):
    """Where heavy computing runs."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...


class Calendar(Protocol):
    """What reports ask of the site's calendar."""

    def overlapping(self, by: str, from_us: int, to_us: int) -> Sequence[ShiftWindow]: ...
    def day_of(self, time_us: int) -> date: ...


@dataclass(frozen=True, slots=True)
class Stores:
    """Where reports, templates and the audit are kept."""

    reports: ReportStore
    templates: ReportTemplateStore
    audit: AuditStore


class Threads:
    """Where there is no worker: commands and tests."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(function, *args, **kwargs)


class Reports:
    """`calendar` gives the site's shifts and days; `wording` the language's writer; `worker` draws. One is drawn at a time."""

    def __init__(
        self, builder: ReportBuilder, stores: Stores, clock: Clock, *, plant: Callable[[], Plant],
        calendar: Callable[[], Calendar], wording: Callable[[str], Wording], worker: Worker | None = None,
    ) -> None:
        self._builder, self._stores, self._clock = builder, stores, clock
        self._plant, self._calendar, self._wording = plant, calendar, wording
        self._worker = worker or Threads()
        self._drawing = asyncio.Semaphore(1)

    # -- templates -------------------------------------------------------------------------------------------------

    async def templates(self) -> Sequence[ReportTemplate]:
        """Shipped ones first (as changed by users), then the users' own by name."""
        stored = {template.id: template for template in await self._stores.templates.templates()}
        shipped = [replace(stored.pop(t.id), shipped=True) if t.id in stored else t for t in SHIPPED]
        return [*shipped, *sorted(stored.values(), key=lambda t: t.name.casefold())]

    async def template(self, template_id: str) -> ReportTemplate:
        """Raises NotFound."""
        known = {template.id: template for template in await self.templates()}
        if template_id not in known:
            raise NotFound("report template", template_id[:60], tuple(known)[:8])
        return known[template_id]

    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True,
        workbook: WorkbookFile | None = None, keep_workbook: bool = True,
    ) -> ReportTemplate:
        """A new one with `known_version` 0, else the next version of that one. `logo` and `workbook` replace the old ones, which
        stay with `keep_logo` and `keep_workbook`. Raises ConfigError (the place and what was expected), Conflict (changed
        meanwhile), Forbidden."""
        await self._allow(actor, Role.ENGINEER, f"report template {str(draft.get('id'))[:60]}")
        wanted = parse_template(draft, self._plant(), logo)
        stored = {template.id: template for template in await self._stores.templates.templates()}
        old = stored.get(wanted.id)
        shipped = BY_ID.get(wanted.id)
        version = old.version if old is not None else (shipped.version if shipped is not None else 0)
        if known_version != version:
            if known_version == 0:
                raise Conflict(f"report template {wanted.id!r} exists already")
            raise Conflict(f"report template {wanted.id!r} was changed by somebody else meanwhile: load it again")
        kept_logo = old.logo if logo is None and keep_logo and old is not None else wanted.logo
        kept_workbook = old.workbook if keep_workbook and old is not None else None
        if workbook is not None:
            kept_workbook = await self.check_workbook(workbook, actor)
        saved = replace(wanted, version=version + 1, logo=kept_logo, workbook=kept_workbook)
        before = old or shipped
        await self._stores.audit.append(
            self._clock.now_us(), actor.name, actor.source, "report_template", saved.id,
            old=None if before is None else _said(before), new=_said(saved),
        )
        content = workbook.content if workbook is not None else None
        await self._stores.templates.save_template(saved, old.version if old is not None else 0, content)
        return saved

    async def delete_template(self, template_id: str, actor: Actor) -> None:
        """A user's own; of a shipped one the changes. Issued reports stay. Raises NotFound, Forbidden."""
        await self._allow(actor, Role.ENGINEER, f"report template {template_id[:60]}")
        old = await self.template(template_id)
        await self._stores.templates.delete_template(template_id)
        await self._stores.audit.append(
            self._clock.now_us(), actor.name, actor.source, "report_template_delete", template_id, old=_said(old)
        )

    async def draft(self, draft: Draft) -> ReportTemplate:
        """As it would be saved; nothing is stored. Raises ConfigError."""
        return parse_template(draft, self._plant())

    # -- workbooks -------------------------------------------------------------------------------------------------

    async def save_workbook(
        self, template_id: str, workbook: WorkbookFile | None, actor: Actor, *, known_version: int
    ) -> ReportTemplate:
        """The template's own workbook, or none. Raises NotFound, ConfigError, Conflict, Forbidden."""
        draft = template_document(await self.template(template_id))
        return await self.save_template(draft, actor, known_version=known_version, workbook=workbook, keep_workbook=False)

    async def check_workbook(self, workbook: WorkbookFile, actor: Actor) -> ReportWorkbook:
        """What it would fill; nothing is stored. Raises ConfigError, Forbidden."""
        await self._allow(actor, Role.ENGINEER, "a report template")
        if len(workbook.content) > LARGEST_BYTES:  # before it travels to the worker
            raise ConfigError(f"workbook: has {len(workbook.content) / 1e6:.1f} MB; expected at most {LARGEST_MB} MB")
        return await self._worker.run(check_workbook, workbook.content, workbook.file_name)

    async def workbook(self, template_id: str) -> WorkbookFile:
        """As it was sent. Raises NotFound."""
        facts = (await self.template(template_id)).workbook
        content = await self._stores.templates.workbook(template_id) if facts is not None else None
        if facts is None or content is None:
            raise NotFound("workbook", template_id)
        return WorkbookFile(facts.file_name, content)

    def workbook_names(self, language: str) -> Sequence[WorkbookName]:
        """Every name that cells may have."""
        words = self._wording(language)
        return [WorkbookName(f"{PREFIX}{name}", name_words(name, words), isinstance(e, Many)) for name, e in BY_NAME.items()]

    async def example_workbook(self, language: str) -> bytes:
        """With every name on a cell."""
        return await self._worker.run(example_workbook, self._wording(language))

    # -- reports ---------------------------------------------------------------------------------------------------

    async def issued(self, limit: int = 100, text: str = "", template: str = "") -> Sequence[StoredReport]:
        """Newest first, without content."""
        return await self._stores.reports.list(limit, text, template)

    async def figures(self, template: ReportTemplate, from_us: int, to_us: int) -> Report:
        """The finished figures. Raises ConfigError (window)."""
        window = self.window(template, from_us, to_us)
        return await self._builder.build(window, self._calendar().overlapping("shift", from_us, to_us), template)

    async def render(self, template: str, format: str, from_us: int, to_us: int, language: str | None) -> tuple[str, bytes]:
        """(file name, bytes) without keeping it. Raises NotFound (template), ConfigError (format, window)."""
        found = await self.template(template)
        name, content, _ = await self._rendered(found, format, from_us, to_us, language, await self._own(found, format))
        return name, content

    async def preview(
        self, template: ReportTemplate, from_us: int, to_us: int, language: str | None, workbook: WorkbookFile | None = None
    ) -> bytes:
        """The PDF of a template that need not be saved; with a `workbook` that one filled."""
        content = workbook.content if workbook is not None else None
        if workbook is not None:
            facts = await self._worker.run(check_workbook, workbook.content, workbook.file_name)
            template = replace(template, workbook=facts)
        return (await self._rendered(template, "pdf" if content is None else "xlsx", from_us, to_us, language, content))[1]

    async def outline(self, template: ReportTemplate, from_us: int, to_us: int, language: str | None) -> ReportOutline:
        """In words, of a template that need not be saved."""
        report = await self.figures(template, from_us, to_us)
        return outline(report, self._wording(language or template.language or self._plant().site.language))

    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor,
        *, run: ReportRun | None = None, told: Callable[[str], None] = lambda _step: None,
    ) -> StoredReport:
        """Draw, keep, audit. Needs viewer; what is asked for twice is issued twice. `run`: the period of a schedule it is for.
        `told` hears the step: figures, drawing, keeping."""
        await self._allow(actor, Role.VIEWER, "issuing a report")
        found = await self.template(template)
        own = await self._own(found, format)
        name, content, spoken = await self._rendered(
            found, format, from_us, to_us, language, own, told, whole=run is not None
        )
        told("keeping")
        inputs = ReportInputs(found.version, spoken, _said(found), run.schedule_id if run is not None else None)
        stored = await self._stores.reports.save(
            StoredReport(
                0, template, format, from_us, to_us, self._clock.now_us(), actor.name, name, content, len(content), inputs
            ),
            run,
        )
        subject = f"{template} {name}"[:300]
        await self._stores.audit.append(self._clock.now_us(), actor.name, actor.source, "report_issue", subject)
        return stored

    async def file(self, report_id: int) -> tuple[StoredReport, bytes]:
        """Raises NotFound."""
        stored = await self._stores.reports.get(report_id)
        if stored is None:
            raise NotFound("report", str(report_id))
        return stored, stored.content

    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None:
        """The period of that kind that runs now (`back` 0), or the last that began so many before; None without any."""
        now_us, calendar = self._clock.now_us(), self._calendar()
        reach_us = (back + 2) * _LONGEST[kind]
        begun = [p for p in periods(calendar, kind, now_us - reach_us, now_us + 1) if p.from_us <= now_us]
        return begun[-1 - back] if back < len(begun) else None

    def check(self, template: ReportTemplate, format: str, from_us: int, to_us: int) -> None:
        """Raises ConfigError for a format or window that cannot be."""
        if format not in WRITERS:
            raise ConfigError(f"format {format!r}: expected one of {', '.join(FORMATS)}")
        self.window(template, from_us, to_us)

    def window(self, template: ReportTemplate, from_us: int, to_us: int) -> ShiftWindow:
        """The named interval of the template's kind that lies exactly there, else a window of its own. Raises ConfigError."""
        if not from_us < to_us:
            raise ConfigError("from must lie before to")
        if to_us - from_us > LONGEST_US:
            raise ConfigError("the window is longer than 400 days")
        if from_us >= self._clock.now_us():
            raise ConfigError("the window lies in the future: there is nothing to report yet")
        return window_of(self._calendar(), template.period, from_us, to_us)

    async def _rendered(
        self, template: ReportTemplate, format: str, from_us: int, to_us: int, language: str | None, workbook: bytes | None,
        told: Callable[[str], None] = lambda _step: None, *, whole: bool = False,
    ) -> tuple[str, bytes, str]:
        self.check(template, format, from_us, to_us)
        told("figures")
        if workbook is not None and template.workbook is not None:
            wanted = parts_for(bound(template.workbook))
            template = replace(template, parts=tuple(dict.fromkeys((*template.parts, *wanted))), figures=tuple(FigureKind))
        report = await self.figures(template, from_us, to_us)
        if whole and report.pending_s > 0:  # nobody looks at one that makes itself: it waits until all is there
            raise Conflict(f"figures of {report.pending_s / 3600:.0f} machine hours are still being computed: wait for them")
        spoken = language or template.language or self._plant().site.language
        async with self._drawing:
            told("drawing")
            content = await self._worker.run(draw, format, report, self._wording(spoken), workbook)
        return file_name(report, format), content, spoken

    async def _own(self, template: ReportTemplate, format: str) -> bytes | None:
        """The template's own workbook, where that is what is filled."""
        if format != "xlsx" or template.workbook is None:
            return None
        return (await self.workbook(template.id)).content

    async def _allow(self, actor: Actor, role: Role, subject: str) -> None:
        if actor.role.allows(role):
            return
        await self._stores.audit.append(self._clock.now_us(), actor.name, actor.source, "refused", subject[:300], result="failed")
        raise Forbidden(f"{subject} needs the role {role.value}")


def file_name(report: Report, format: str) -> str:
    """shift-2026-11-18-1.pdf: letters, digits and dashes only."""
    kind = _file_part(report.template.name) if report.template.name else report.template.id
    if report.template.period is PeriodKind.SHIFT:
        return f"{kind}-{report.day.isoformat()}-{_file_part(report.shift)}.{format}"
    return f"{kind}-{_file_part(report.number)}.{format}"


def _file_part(name: str) -> str:
    """A name as part of a file name: letters, digits and dashes only."""
    return "".join(c if c.isalnum() else "-" for c in name)[:60] or "x"


def _said(template: ReportTemplate) -> str:
    logo = {} if template.logo is None else {"logo_bytes": len(template.logo)}
    book = template.workbook
    own = {} if book is None else {"workbook": {"file_name": book.file_name, "bytes": book.size_bytes, "sha256": book.digest}}
    return json.dumps({**template_document(template), "version": template.version, **logo, **own}, ensure_ascii=False)
