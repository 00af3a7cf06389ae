"""/api/reports: issue one, find and fetch it. Templates stand in report_templates.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from domain.access import Actor, Role
from web_interface.api import models
from web_interface.api.alerts import DAY_US, NoParameters, Number
from web_interface.api.answers import Json, Strict, described
from web_interface.api.data import Name
from web_interface.api.problems import BadParameter, TooLarge
from web_interface.api.report_templates import template_item
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339
from web_interface.services import Services
from web_interface.services.reports import IssuedReport

LONGEST_US = 400 * DAY_US
_KINDS = {"pdf": "application/pdf", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


class ReportOrder(Strict):
    template: Name = Field(examples=["shift"])
    format: Literal["pdf", "xlsx"] = "pdf"
    from_: Time = Field(alias="from")
    to: Time
    language: Literal["ru", "en"] | None = Field(None, description="default: the template's, else the site's")


class ReportsQuery(Strict):
    limit: int = Field(100, ge=1, le=1000, description="most items of one answer")
    text: str = Field("", max_length=200, description="part of the file's name or of who issued it")
    template: str = Field("", max_length=60, description="only of this template")
    skip: int = Field(0, ge=0, le=1_000_000, description="items passed over: see `next`")


def report_routes(services: Services) -> APIRouter:
    """GET and POST /api/reports, GET the file."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])

    @router.get("", response_model=None, responses=described(models.Reports, 422, 503), summary="Templates and issued reports")
    async def listed(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[ReportsQuery, Query()]) -> Response:
        """Newest first."""
        templates = [template_item(template) for template in await services.reports.templates()]
        end = query.skip + query.limit
        issued = await services.reports.issued(end + 1, query.text, query.template)
        asked = {name: value for name, value in (("text", query.text), ("template", query.template)) if value}
        rest = "/api/reports?" + urlencode({"limit": query.limit, "skip": end, **asked}) if len(issued) > end else None
        items = [report_item(report) for report in issued[query.skip : end]]
        return Json({"templates": templates, "items": items, "next": rest})

    @router.post(
        "",
        response_model=None,
        status_code=201,
        summary="Issue a report",
        responses={201: {"model": models.ReportItem}, **described(None, 400, 404, 408, 413, 415, 422, 503)},
    )
    async def issue(
        actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[NoParameters, Query()], order: ReportOrder
    ) -> Response:
        """Needs the role engineer. The report is made before the answer comes and is kept."""
        if order.from_ >= order.to:
            raise BadParameter("from", "must lie before to")
        if order.to - order.from_ > LONGEST_US:
            raise TooLarge("a report covers at most 400 days", 400)
        report = await services.reports.issue(order.template, order.format, order.from_, order.to, order.language, actor)
        item = report_item(report)
        return Json(item, 201, {"location": item["file"]})

    @router.get(
        "/{report_id}/file",
        response_model=None,
        summary="The file of a report",
        responses=described(None, 404, 422, 503, content={kind: {} for kind in _KINDS.values()}),
    )
    async def file(
        report_id: Number, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        report, content = await services.reports.file(report_id)
        plain = f"report-{report.id}.{report.format}"  # for clients that read no RFC 5987
        name = quote(report.file_name.replace("/", "_"), safe="")
        headers = {"content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{name}"}
        return Response(content, media_type=_KINDS.get(report.format, "application/octet-stream"), headers=headers)

    return router


def report_item(report: IssuedReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "template": report.template,
        "format": report.format,
        "from": rfc3339(report.from_us),
        "to": rfc3339(report.to_us),
        "issued": rfc3339(report.issued_us),
        "issued_by": report.issued_by,
        "file_name": report.file_name,
        "size_bytes": report.size_bytes,
        "file": f"/api/reports/{report.id}/file",
        "template_version": report.template_version,
        "language": report.language,
        "scheduled": report.scheduled,
    }
