"""/api/trends/views: saved views of trends, one's own and those shared with all."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.trend_view import TrendView
from web_interface.api.alerts import MOST_NUMBER, NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

Viewer = Annotated[Actor, Need(Role.VIEWER)]
Id = Annotated[int, Path(ge=1, le=2_147_483_647)]


class TrendViewIn(Strict):
    name: str = Field(min_length=1, max_length=200)
    address: str = Field(min_length=1, max_length=4000, examples=["tag=m1.active_power&period=today&compare=day"],
                         description="what stands behind \"?\" in the address of /trends")
    shared: bool = Field(False, description="seen by everybody")


class TrendViewChange(TrendViewIn):
    version: int = Field(ge=1, le=MOST_NUMBER, description="the version that was read")


class TrendViewOut(BaseModel):
    id: int
    name: str
    owner: str
    shared: bool
    address: str
    href: str = Field(description="the page that shows it")
    version: int
    changed: str
    changed_by: str


class TrendViewsOut(BaseModel):
    items: list[TrendViewOut]


def trend_view_routes(services: Services) -> APIRouter:
    """GET, POST, PUT, DELETE."""
    router = APIRouter(prefix="/api/trends/views", tags=["trends"])
    views = services.trend_views

    @router.get("", response_model=None, responses=described(TrendViewsOut, 422, 503), summary="Saved views")
    async def listed(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Own ones and those shared with all, by name."""
        return Json({"items": [view_item(view) for view in await views.visible(actor)]})

    @router.get("/{view_id}", response_model=None, responses=described(TrendViewOut, 404, 422, 503), summary="One saved view")
    async def one(view_id: Id, actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        return Json(view_item(await views.get(view_id, actor)))

    @router.post(
        "", response_model=None, status_code=201, summary="Save a view",
        responses={201: {"model": TrendViewOut}, **described(None, 408, 409, 413, 415, 422, 503)},
    )  # fmt: skip
    async def create(actor: Viewer, query: Annotated[NoParameters, Query()], body: Annotated[TrendViewIn, Body()]) -> Response:
        """409 when the caller has one of that name."""
        saved = await views.create(body.name, body.address, actor, shared=body.shared)
        return Json(view_item(saved), 201, {"location": f"/api/trends/views/{saved.id}"})

    @router.put(
        "/{view_id}", response_model=None, summary="Save over a view",
        responses=described(TrendViewOut, 404, 408, 409, 413, 415, 422, 503),
    )  # fmt: skip
    async def save(
        view_id: Id, actor: Viewer, query: Annotated[NoParameters, Query()], body: Annotated[TrendViewChange, Body()]
    ) -> Response:
        """The owner; of a shared one also an engineer. 409 when `version` is no longer the stored one."""
        seen = replace(await views.get(view_id, actor), version=body.version)
        return Json(view_item(await views.save(seen, actor, name=body.name, address=body.address, shared=body.shared)))

    @router.delete("/{view_id}", response_model=None, status_code=204, responses=described(None, 404, 422, 503), summary="Delete")
    async def delete(view_id: Id, actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        await views.delete(view_id, actor)
        return Response(status_code=204)

    return router


def view_item(view: TrendView) -> dict[str, Any]:
    return {
        "id": view.id, "name": view.name, "owner": view.owner, "shared": view.shared, "address": view.address,
        "href": f"/trends?view={view.id}", "version": view.version, "changed": rfc3339(view.changed_us),
        "changed_by": view.changed_by,
    }  # fmt: skip
