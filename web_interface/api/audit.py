"""/api/audit: who did what, when and from where; searched, paged, or taken away as a file."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from domain.access import Actor, AuditEntry, AuditQuery, Role
from web_interface.api.alerts import MOST_NUMBER
from web_interface.api.answers import Json, described
from web_interface.api.problems import BadParameter
from web_interface.api.roles import Need
from web_interface.api.tables import safe_cell
from web_interface.api.times import Time, rfc3339
from web_interface.format import Format
from web_interface.locale import t
from web_interface.services import Services

MOST_ROWS = 50_000
COLUMNS = ("number", "time", "actor", "source", "action", "subject", "old", "new", "result")
FILE_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LONGEST_CELL = 32_000  # a cell of a workbook holds 32 767 characters


class AuditIn(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    text: str = Field("", max_length=200, description="looked for in actor, source, action, subject and in what was changed")
    from_: Time | None = Field(None, alias="from")
    to: Time | None = None
    failed: bool = Field(False, description="only what was refused or went wrong")
    before: int | None = Field(None, ge=1, le=MOST_NUMBER, description="only entries with a smaller number: the next page")
    limit: int = Field(200, ge=1, le=1000, description="of one answer in JSON")
    format: Literal["json", "csv", "xlsx"] = "json"
    language: Literal["ru", "en"] | None = Field(None, description="of the heads of the workbook; the site's without it")


class AuditItem(BaseModel):
    number: int
    time: str
    actor: str
    source: str = Field(description="address it came from; console for commands")
    action: str
    subject: str
    old: str | None = Field(description="JSON, secrets masked")
    new: str | None
    result: str = Field(description="ok or failed")


class AuditPageOut(BaseModel):
    items: list[AuditItem]
    next_before: int | None = Field(description="`before` of the next page; null on the last")


def audit_routes(services: Services) -> APIRouter:
    """GET /api/audit."""
    router = APIRouter(prefix="/api", tags=["configuration"])

    @router.get(
        "/audit",
        response_model=None,
        responses=described(AuditPageOut, 422, 503, content={kind: {} for kind in FILE_TYPES.values()}),
        summary="The audit",
    )
    async def entries(actor: Annotated[Actor, Need(Role.ADMIN)], query: Annotated[AuditIn, Query()]) -> Response:
        """Newest first. A file holds up to 50 000 entries, pages aside; that it was taken is an entry too."""
        if query.from_ is not None and query.to is not None and query.to <= query.from_:
            raise BadParameter("to", "expected a time after `from`")
        asked = AuditQuery(query.text.strip(), (), query.from_, query.to, query.failed)
        if query.format == "json":
            found = await services.access.audit(query.limit, query.before, asked)
            more = found[-1].number if len(found) == query.limit else None
            return Json({"items": [item(entry) for entry in found], "next_before": more})
        found = await services.access.export_audit(actor, asked, MOST_ROWS)
        content = await file_content(services, found, query.format, query.language)
        headers = {"content-disposition": f'attachment; filename="audit.{query.format}"'}
        return Response(content, media_type=FILE_TYPES[query.format], headers=headers)

    return router


def item(entry: AuditEntry) -> dict[str, Any]:
    """One entry."""
    return {
        "number": entry.number, "time": rfc3339(entry.time_us), "actor": entry.actor, "source": entry.source,
        "action": entry.action, "subject": entry.subject, "old": entry.old, "new": entry.new, "result": entry.result,
    }  # fmt: skip


async def file_content(services: Services, found: Sequence[AuditEntry], kind: str, language: str | None) -> bytes:
    """The entries as a file of `kind` (csv, xlsx); made off the event loop."""
    return await asyncio.to_thread(lambda: as_csv(found) if kind == "csv" else as_workbook(services, found, language))


def as_csv(found: Sequence[AuditEntry]) -> bytes:
    """UTF-8 with a mark at the front, times RFC 3339 UTC. What came from outside stays text in a spreadsheet (S18)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for entry in found:
        writer.writerow([safe_cell(value) if isinstance(value, str) else value for value in item(entry).values()])
    return out.getvalue().encode("utf-8-sig")


def as_workbook(services: Services, found: Sequence[AuditEntry], language: str | None) -> bytes:
    """Real dates on the site's clock, heads in `language`. CPU-bound."""
    site = services.plant.plant.site
    fmt = Format(language or site.language, ZoneInfo(site.timezone), site.currency)
    heads = [t(f"audit.column.{name}", fmt.lang, zone=site.timezone) for name in COLUMNS]
    columns: list[list[Any]] = [
        [entry.number for entry in found],
        [fmt.local(entry.time_us).replace(tzinfo=None) for entry in found],
        *([getattr(entry, name) for entry in found] for name in ("actor", "source", "action", "subject")),
        *([(getattr(entry, name) or "")[:_LONGEST_CELL] for entry in found] for name in ("old", "new")),
        [entry.result for entry in found],
    ]
    title = f"{t('admin.audit', fmt.lang)} · {site.name}"
    return services.trends.workbook(title, t("admin.audit.count", fmt.lang, n=len(found)), heads, columns)
