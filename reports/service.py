"""ReportService: issues a report, keeps it, hands it out. Drawing happens in a thread, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from domain.access import Actor, Role
from domain.energy import ShiftWindow
from domain.errors import ConfigError, Forbidden, NotFound
from domain.ports import Clock
from domain.stores import AuditStore, ReportStore, StoredReport
from reports.excel import shift_xlsx
from reports.model import ShiftReport
from reports.pdf import shift_pdf
from reports.shift import ShiftReportBuilder
from reports.wording import Wording

TEMPLATES = {"shift": ("pdf", "xlsx")}
WRITERS: dict[str, Callable[[ShiftReport, Wording], bytes]] = {"pdf": shift_pdf, "xlsx": shift_xlsx}
LONGEST_US = 366 * 86400 * 1_000_000


class Reports:
    """`windows` gives the shifts of a window; `wording` the language's writer. One report is drawn at a time."""

    def __init__(
        self, builder: ShiftReportBuilder, store: ReportStore, audit: AuditStore, clock: Clock,
        *, windows: Callable[[int, int], Sequence[ShiftWindow]], wording: Callable[[str], Wording],
    ) -> None:
        self._builder, self._store, self._audit, self._clock = builder, store, audit, clock
        self._windows, self._wording = windows, wording
        self._drawing = asyncio.Semaphore(1)

    def templates(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        """(id, formats) of every template."""
        return tuple(TEMPLATES.items())

    async def issued(self, limit: int = 100) -> Sequence[StoredReport]:
        """Newest first, without content."""
        return await self._store.list(limit)

    async def render(self, template: str, format: str, from_us: int, to_us: int, language: str) -> tuple[str, bytes]:
        """(file name, bytes) without keeping it. Raises NotFound (template), ConfigError (format, window)."""
        if template not in TEMPLATES:
            raise NotFound("report template", template, tuple(TEMPLATES))
        if format not in TEMPLATES[template]:
            raise ConfigError(f"format {format!r}: expected one of {', '.join(TEMPLATES[template])}")
        window = self._window(from_us, to_us)
        report = await self._builder.build(window, self._windows(from_us, to_us))
        async with self._drawing:
            content = await asyncio.to_thread(WRITERS[format], report, self._wording(language))
        name = f"shift-{window.day.isoformat()}-{_file_part(window.name)}.{format}"
        return name, content

    async def issue(self, template: str, format: str, from_us: int, to_us: int, language: str, actor: Actor) -> StoredReport:
        """Draw, keep, audit. Needs viewer; what is asked for twice is issued twice."""
        if not actor.role.allows(Role.VIEWER):
            raise Forbidden("issuing a report needs a role")
        name, content = await self.render(template, format, from_us, to_us, language)
        stored = await self._store.save(
            StoredReport(0, template, format, from_us, to_us, self._clock.now_us(), actor.name, name, content, len(content))
        )
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, "report_issue", f"{template} {name}")
        return stored

    async def file(self, report_id: int) -> tuple[StoredReport, bytes]:
        """Raises NotFound."""
        stored = await self._store.get(report_id)
        if stored is None:
            raise NotFound("report", str(report_id))
        return stored, stored.content

    def _window(self, from_us: int, to_us: int) -> ShiftWindow:
        """The shift the window names, or a window of its own when no shift lies exactly there."""
        if not from_us < to_us:
            raise ConfigError("from must lie before to")
        if to_us - from_us > LONGEST_US:
            raise ConfigError("the window is longer than 366 days")
        if from_us >= self._clock.now_us():
            raise ConfigError("the window lies in the future: there is nothing to report yet")
        shifts = self._windows(from_us, to_us)
        for shift in shifts:
            if shift.from_us == from_us and shift.to_us == to_us:
                return shift
        touched = [s for s in shifts if s.from_us < to_us and s.to_us > from_us]
        best = max(touched, key=lambda s: min(s.to_us, to_us) - max(s.from_us, from_us), default=None)
        if best is None:
            raise ConfigError("no shift lies in this window; see the shifts of the plant")
        return ShiftWindow(best.name, best.day, from_us, to_us)


def _file_part(name: str) -> str:
    """A shift's name as part of a file name: letters, digits and dashes only."""
    return "".join(c if c.isalnum() else "-" for c in name)[:30] or "x"
