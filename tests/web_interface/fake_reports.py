"""What the report pages show for the invented shop: real templates, files that are small but valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.calendar import Calendar
from domain.access import Actor, Role
from domain.energy import ShiftWindow
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.report import Draft, PeriodKind
from reports.periods import periods
from reports.templates import BY_ID, parse_template
from tests.web_interface import fake_shop as shop
from web_interface.report_service import shown
from web_interface.services import IssuedReport, ReportTemplate


class FakeReports:
    """ReportService; the file is a small but valid PDF."""

    PDF = b"%PDF-1.4\n1 0 obj<</Pages 2 0 R>>endobj 2 0 obj<</Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.reports: list[IssuedReport] = []
        self.kept = dict(BY_ID)

    async def templates(self) -> Sequence[ReportTemplate]:
        return [shown(template) for template in self.kept.values()]

    async def template(self, template_id: str) -> ReportTemplate:
        if template_id not in self.kept:
            raise NotFound("report template", template_id, tuple(self.kept))
        return shown(self.kept[template_id])

    async def save_template(
        self, draft: Draft, actor: Actor, *, known_version: int, logo: bytes | None = None, keep_logo: bool = True
    ) -> ReportTemplate:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("a report template needs the role engineer")
        wanted = parse_template(draft, shop.plant(), logo)
        old = self.kept.get(wanted.id)
        if known_version != (old.version if old else 0):
            raise Conflict(f"report template {wanted.id!r} was changed by somebody else meanwhile: load it again")
        self.kept[wanted.id] = replace(wanted, version=known_version + 1)
        return shown(self.kept[wanted.id])

    async def delete_template(self, template_id: str, actor: Actor) -> None:
        if template_id in BY_ID or template_id not in self.kept:
            raise NotFound("report template", template_id)
        del self.kept[template_id]

    async def preview(self, draft: Draft, from_us: int, to_us: int, language: str | None, actor: Actor) -> bytes:
        parse_template(draft, shop.plant())
        return self.PDF

    def period(self, kind: PeriodKind, back: int) -> ShiftWindow | None:
        now_us = self._clock.now_us()
        found = [p for p in periods(Calendar.of(shop.plant()), kind, now_us - 400 * shop.DAY_US, now_us) if p.from_us <= now_us]
        return found[-1 - back] if back < len(found) else None

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
