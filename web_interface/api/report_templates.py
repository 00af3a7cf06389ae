"""/api/reports/templates: what a report consists of, changed by engineers; previews of drafts."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Actor, Role
from domain.report import ReportWorkbook, WorkbookFile, template_document
from web_interface.api import models
from web_interface.api.alerts import MOST_NUMBER, NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.problems import BadParameter, problem
from web_interface.api.roles import Need
from web_interface.api.times import Time
from web_interface.services import Services
from web_interface.services.reports import ReportTemplate

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
Engineer = Annotated[Actor, Need(Role.ENGINEER)]
Id = Annotated[str, Path(min_length=1, max_length=60)]
Words = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=2000)]


class TemplateIn(Strict):
    name: str = Field("", max_length=1000, description="empty only for a shipped template")
    period: Literal["shift", "day", "week", "month"] | None = None
    blocks: Words | None = Field(None, examples=[["summary", "days", "machines"]])
    figures: Words | None = Field(None, examples=[["energy", "cost", "kef"]])
    machines: Words = Field([], description="ids; empty together with areas: all")
    areas: Words = Field([], description="names of sections")
    language: Literal["ru", "en"] | None = None
    page: Literal["a4", "a4_landscape", "a3", "letter"] = "a4"


class TemplateChange(TemplateIn):
    version: int = Field(0, ge=0, le=MOST_NUMBER, description="the version that was read; 0 for a new one")
    logo: str | None = Field(None, description="PNG or JPEG in base64; null keeps the old one, empty removes it")


class PreviewOrder(Strict):
    template: TemplateIn
    id: str = Field("preview", min_length=1, max_length=60)
    from_: Time = Field(alias="from")
    to: Time
    language: Literal["ru", "en"] | None = None


class WorkbookQuery(Strict):
    version: int = Field(0, ge=0, le=MOST_NUMBER, description="the template's version that was read")
    file_name: str = Field("workbook.xlsx", min_length=1, max_length=200, description="what it is called when it is fetched")


class VersionQuery(Strict):
    version: int = Field(0, ge=0, le=MOST_NUMBER, description="the template's version that was read")


class LanguageQuery(Strict):
    language: Literal["ru", "en"] = "ru"


def report_template_routes(services: Services) -> APIRouter:
    """GET, PUT, DELETE of templates and their workbooks, POST of a preview."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])
    reports = services.reports

    @router.get(
        "/templates", response_model=None, responses=described(models.ReportTemplates, 422, 503), summary="Templates of reports"
    )
    async def listed(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]) -> Response:
        """Shipped ones first."""
        return Json({"items": [whole_template(template) for template in await reports.templates()]})

    @router.get(
        "/templates/{template_id}", response_model=None, responses=described(models.ReportTemplateOut, 404, 422, 503),
        summary="One template",
    )  # fmt: skip
    async def one(
        template_id: Id, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        return Json(whole_template(await reports.template(template_id)))

    @router.put(
        "/templates/{template_id}", response_model=None, summary="Make or change a template",
        responses=described(models.ReportTemplateOut, 404, 408, 409, 413, 415, 422, 503),
    )  # fmt: skip
    async def save(
        template_id: Id, actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[TemplateChange, Body()]
    ) -> Response:
        """409 when `version` is not the stored one: somebody else changed it meanwhile."""
        saved = await reports.save_template(
            _draft(template_id, body), actor, known_version=body.version, logo=_logo(body.logo), keep_logo=body.logo is None
        )
        return Json(whole_template(saved))

    @router.delete(
        "/templates/{template_id}", response_model=None, status_code=204, responses=described(None, 404, 422, 503),
        summary="Remove an own template, or the changes of a shipped one",
    )  # fmt: skip
    async def delete(template_id: Id, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Reports that were issued stay."""
        await reports.delete_template(template_id, actor)
        return Response(status_code=204)

    @router.post(
        "/preview", response_model=None, summary="The PDF of a draft; nothing is stored",
        responses=described(None, 400, 404, 408, 413, 415, 422, 503, content={"application/pdf": {}}),
    )  # fmt: skip
    async def preview(
        actor: Engineer, query: Annotated[NoParameters, Query()], order: Annotated[PreviewOrder, Body()]
    ) -> Response:
        if order.from_ >= order.to:
            raise BadParameter("from", "must lie before to")
        draft = _draft(order.id, order.template)
        content = await reports.preview(draft, order.from_, order.to, order.language, actor)
        return Response(content, media_type="application/pdf")

    _workbook_routes(router, services)
    return router


def _workbook_routes(router: APIRouter, services: Services) -> None:
    reports = services.reports

    @router.get(
        "/workbook/names", response_model=None, responses=described(models.WorkbookNames, 422, 503),
        summary="Names that cells of an own workbook may have",
    )  # fmt: skip
    async def names(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[LanguageQuery, Query()]) -> Response:
        """A list fills a column or a row of cells, another name one cell."""
        found = reports.workbook_names(query.language)
        return Json({"items": [{"name": n.name, "words": n.words, "listed": n.listed} for n in found]})

    @router.get(
        "/workbook/example", response_model=None, summary="A workbook with every name on a cell",
        responses=described(None, 422, 503, content={XLSX: BINARY}),
    )  # fmt: skip
    async def example(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[LanguageQuery, Query()]) -> Response:
        return workbook_answer("example.xlsx", await reports.example_workbook(query.language))

    @router.get(
        "/templates/{template_id}/workbook", response_model=None, summary="The template's own workbook, as it was sent",
        responses=described(None, 404, 422, 503, content={XLSX: BINARY}),
    )  # fmt: skip
    async def workbook(
        template_id: Id, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        file = await reports.workbook(template_id)
        return workbook_answer(file.file_name, file.content)

    @router.put(
        "/templates/{template_id}/workbook", response_model=None, summary="Give the template an own workbook",
        responses=described(models.ReportTemplateOut, 404, 408, 409, 413, 415, 422, 503),
        openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": BINARY}}},
    )  # fmt: skip
    async def send(request: Request, template_id: Id, actor: Engineer, query: Annotated[WorkbookQuery, Query()]) -> Response:
        """XLSX without macros, at most 5 MB, with cells of the names that `/api/reports/workbook/names` lists."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in {XLSX, "application/octet-stream"}:
            return problem(415, f"send the workbook as {XLSX}")
        file = WorkbookFile(query.file_name, await request.body())
        return Json(whole_template(await reports.save_workbook(template_id, file, actor, known_version=query.version)))

    @router.delete(
        "/templates/{template_id}/workbook", response_model=None, summary="Take the template's own workbook away",
        responses=described(models.ReportTemplateOut, 404, 409, 422, 503),
    )  # fmt: skip
    async def remove(template_id: Id, actor: Engineer, query: Annotated[VersionQuery, Query()]) -> Response:
        """Reports that were issued stay."""
        return Json(whole_template(await reports.save_workbook(template_id, None, actor, known_version=query.version)))


def workbook_answer(name: str, content: bytes) -> Response:
    """An XLSX to be saved under that name."""
    whole = quote(name.replace("/", "_"), safe="")
    headers = {"content-disposition": f"attachment; filename=\"workbook.xlsx\"; filename*=UTF-8''{whole}"}
    return Response(content, media_type=XLSX, headers=headers)


def template_item(template: ReportTemplate) -> dict[str, Any]:
    content = template.content
    return {
        "id": template.id, "title": dict(template.title), "formats": list(template.formats), "period": content.period.value,
        "version": content.version, "shipped": content.shipped,
    }  # fmt: skip


def whole_template(template: ReportTemplate) -> dict[str, Any]:
    content = template.content
    return {
        **template_item(template), **template_document(content), "has_logo": content.logo is not None,
        "workbook": None if content.workbook is None else workbook_item(content.workbook),
    }  # fmt: skip


def workbook_item(workbook: ReportWorkbook) -> dict[str, Any]:
    """Which cells are filled."""
    cells = [{"name": f"EM_{c.name}", "sheet": c.sheet, "first": c.first, "count": c.count} for c in workbook.cells]
    return {"file_name": workbook.file_name, "size_bytes": workbook.size_bytes, "sha256": workbook.digest, "cells": cells}


def _draft(template_id: str, body: TemplateIn) -> dict[str, object]:
    draft: dict[str, object] = {
        "id": template_id, "name": body.name, "machines": body.machines, "areas": body.areas, "language": body.language,
        "page": body.page,
    }  # fmt: skip
    for name, value in (("period", body.period), ("blocks", body.blocks), ("figures", body.figures)):
        if value is not None:
            draft[name] = value
    return draft


def _logo(text: str | None) -> bytes | None:
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as exc:  # letters outside ASCII are one that is not a binascii.Error
        raise BadParameter("logo", "is no base64") from exc
