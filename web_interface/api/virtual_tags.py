"""/api/virtual-tags: tags computed from other tags. All of it needs the role engineer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.errors import NotFound
from domain.quality import Quality
from domain.virtual import FormulaCheck, FormulaProblem, VirtualTag, VirtualTagNow
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

Engineer = Annotated[Actor, Need(Role.ENGINEER)]
TagName = Annotated[str, Path(min_length=1, max_length=200)]


class VirtualTagFields(Strict):
    """What is computed."""

    formula: str = Field(max_length=4000, description="see docs/plant-file.md, virtual_tags")
    quantity: str = Field(max_length=40)
    unit: str = Field("", max_length=20, description="default: the quantity's own")


class NewVirtualTag(VirtualTagFields):
    tag: str = Field(max_length=200, description="<virtual device>.<tag>")


class Draft(Strict):
    formula: str = Field(max_length=4000)
    tag: str | None = Field(None, max_length=200, description="stands in for the virtual tag of this name, if there is one")
    quantity: str | None = Field(None, max_length=40)
    unit: str | None = Field(None, max_length=20)


class VirtualTagItem(BaseModel):
    tag: str
    formula: str
    quantity: str
    unit: str
    stored_unit: str
    version: int
    inputs: list[str]
    interval_s: float
    history_share: float | None = Field(description="0 to 1 while the history is computed, null when it is done")


class VirtualTagsOut(BaseModel):
    items: list[VirtualTagItem]


class SavedVirtualTag(BaseModel):
    tag: str
    formula: str
    quantity: str
    unit: str
    version: int


class DraftProblem(BaseModel):
    field: str
    detail: str
    code: str
    at: int | None = Field(description="place in the formula, counted in characters from 0")
    length: int
    caret: str = Field(description="two lines: the formula and ^ below the place")


class CheckOut(BaseModel):
    ok: bool
    problems: list[DraftProblem]
    formula_unit: str | None
    unit: str | None
    inputs: list[str]
    interval_s: float | None
    time: str | None
    value: float | None
    quality: str | None
    reason: str | None
    columns: list[str]
    points: list[list[Any]]


def virtual_tag_routes(services: Services) -> APIRouter:
    """GET, POST, POST check, PUT, DELETE."""
    router = APIRouter(prefix="/api/virtual-tags", tags=["configuration"])

    @router.get("", response_model=None, responses=described(VirtualTagsOut, 422), summary="Virtual tags")
    async def listed(actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Those that run, with the tags they read."""
        return Json({"items": [item_of(one) for one in services.virtual_tags.list()]})

    @router.post(
        "", response_model=None, status_code=201, summary="Create a virtual tag",
        responses=described(None, 408, 409, 413, 415, 422, 503) | {201: {"model": SavedVirtualTag}},
    )  # fmt: skip
    async def create(
        actor: Engineer, body: Annotated[NewVirtualTag, Body()], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """422 with the place of the error when the formula is wrong. Its history is computed in the background."""
        made = await services.virtual_tags.save(_fields(body.tag, body), actor, new=True)
        return Json(saved_of(made), status_code=201)

    @router.post(
        "/check", response_model=None, responses=described(CheckOut, 408, 413, 415, 422, 503), summary="Look at a formula",
    )  # fmt: skip
    async def check(actor: Engineer, body: Annotated[Draft, Body()], query: Annotated[NoParameters, Query()]) -> Response:
        """What is wrong with a draft, or its unit, inputs, value now and the last hour. Nothing is stored."""
        draft = {name: value for name, value in body.model_dump().items() if value or name == "formula"}
        return Json(check_of(await services.virtual_tags.check(draft, actor)))

    @router.put(
        "/{tag}", response_model=None, responses=described(SavedVirtualTag, 404, 408, 409, 413, 415, 422, 503),
        summary="Change a virtual tag",
    )  # fmt: skip
    async def change(
        tag: TagName, actor: Engineer, body: Annotated[VirtualTagFields, Body()], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Its version grows and its history is computed again."""
        _known(services, tag)
        return Json(saved_of(await services.virtual_tags.save(_fields(tag, body), actor, new=False)))

    @router.delete(
        "/{tag}", response_model=None, status_code=204, summary="Delete a virtual tag",
        responses=described(None, 404, 409, 422, 503),
    )  # fmt: skip
    async def delete(tag: TagName, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Its history stays readable. 409 while a formula or limit uses it."""
        _known(services, tag)
        await services.virtual_tags.delete(tag, actor)
        return Response(status_code=204)

    return router


def _known(services: Services, tag: str) -> None:
    names = [virtual.tag for virtual in services.plant.plant.virtual_tags]
    if tag not in names:
        raise NotFound("virtual tag", tag, tuple(names[:5]))


def _fields(tag: str, body: VirtualTagFields) -> dict[str, object]:
    fields: dict[str, object] = {"tag": tag, "formula": body.formula, "quantity": body.quantity}
    return fields | ({"unit": body.unit} if body.unit else {})


def saved_of(tag: VirtualTag) -> dict[str, Any]:
    """As it is configured."""
    return {"tag": tag.tag, "formula": tag.formula, "quantity": tag.quantity.value, "unit": tag.unit, "version": tag.version}


def item_of(now: VirtualTagNow) -> dict[str, Any]:
    """As it runs."""
    return {
        **saved_of(now.virtual), "stored_unit": now.unit, "inputs": list(now.inputs), "interval_s": now.interval_s,
        "history_share": now.history_share,
    }  # fmt: skip


def check_of(check: FormulaCheck) -> dict[str, Any]:
    """A draft looked at."""
    last = check.preview[-1] if check.preview else None
    quality = Quality(last.quality) if last is not None else None
    return {
        "ok": not check.problems,
        "problems": [problem_of(one) for one in check.problems],
        "formula_unit": check.formula_unit,
        "unit": check.unit,
        "inputs": list(check.inputs),
        "interval_s": check.interval_s,
        "time": rfc3339(last.time_us) if last is not None else None,
        "value": last.value if last is not None else None,
        "quality": quality.grade if quality is not None else None,
        "reason": quality.reason if quality is not None else None,
        "columns": ["time", "value", "quality"],
        "points": [[rfc3339(point.time_us), point.value, Quality(point.quality).grade] for point in check.preview],
    }


def problem_of(one: FormulaProblem) -> dict[str, Any]:
    """With its place in the formula."""
    return {
        "field": one.field, "detail": one.sentence, "code": one.code, "at": one.at, "length": one.length, "caret": one.caret,
    }  # fmt: skip
