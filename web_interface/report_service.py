"""ReportService of the pages and the API, over the reports room's service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.access import Actor
from domain.stores import StoredReport
from web_interface.locale import LANGUAGES, t
from web_interface.services import IssuedReport, ReportTemplate


class ReportIssuer(Protocol):
    """What issues, keeps and finds reports."""

    def templates(self) -> Sequence[tuple[str, tuple[str, ...]]]: ...
    async def issued(self, limit: int = 100) -> Sequence[StoredReport]: ...
    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str, actor: Actor
    ) -> StoredReport: ...
    async def file(self, report_id: int) -> tuple[StoredReport, bytes]: ...


class ReportFace:
    """Implements services.ReportService."""

    def __init__(self, issuer: ReportIssuer) -> None:
        self._issuer = issuer

    def templates(self) -> Sequence[ReportTemplate]:
        return [
            ReportTemplate(name, {lang: t(f"report.{name}.title", lang) for lang in LANGUAGES}, formats)
            for name, formats in self._issuer.templates()
        ]

    async def issued(self, limit: int = 100) -> Sequence[IssuedReport]:
        return [_issued(stored) for stored in await self._issuer.issued(limit)]

    async def issue(self, template: str, format: str, from_us: int, to_us: int, language: str, actor: Actor) -> IssuedReport:
        return _issued(await self._issuer.issue(template, format, from_us, to_us, language, actor))

    async def file(self, report_id: int) -> tuple[IssuedReport, bytes]:
        stored, content = await self._issuer.file(report_id)
        return _issued(stored), content


def _issued(stored: StoredReport) -> IssuedReport:
    return IssuedReport(
        stored.id, stored.template, stored.format, stored.from_us, stored.to_us, stored.issued_us, stored.issued_by,
        stored.file_name, stored.size_bytes,
    )
