"""/api/floor: the picture of the shop and where on it the machines stand."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Actor, Role
from domain.errors import NotFound
from domain.floor import FloorPlan, Place
from web_interface.api.alerts import MOST_NUMBER, NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.problems import problem
from web_interface.api.roles import Need
from web_interface.services import Services

PICTURE = "/api/floor/picture"
MOST_PLACES = 2000
_TYPES = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Engineer = Annotated[Actor, Need(Role.ENGINEER)]


class PlaceIn(Strict):
    machine: str = Field(min_length=1, max_length=64)
    x_percent: float = Field(ge=0, le=100, allow_inf_nan=False, description="of the picture's width, from the left")
    y_percent: float = Field(ge=0, le=100, allow_inf_nan=False, description="of the picture's height, from the top")


class PlacesIn(Strict):
    version: int = Field(ge=0, le=MOST_NUMBER, description="of the plan that was looked at")
    places: list[PlaceIn] = Field(max_length=MOST_PLACES)


class PictureQuery(Strict):
    v: str | None = Field(
        None, max_length=64,
        description="makes the address of a new picture a new one; which one is not looked at. With it 204 while there is none",
    )  # fmt: skip


class PlaceOut(BaseModel):
    machine: str
    x_percent: float
    y_percent: float


class PictureOut(BaseModel):
    media_type: str
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    sha256: str
    href: str


class Floor(BaseModel):
    version: int
    picture: PictureOut | None
    places: list[PlaceOut]
    not_placed: list[str] = Field(description="machines without a place")


def floor_routes(services: Services) -> APIRouter:
    """The plan for viewers; changing it needs the role engineer."""
    router = APIRouter(prefix="/api", tags=["machines"])

    @router.get("/floor", response_model=None, responses=described(Floor, 422, 503), summary="Machines on the floor plan")
    async def plan(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Places in percent of the picture; the picture itself is at `picture.href`."""
        return Json(floor_item(await services.floor.plan(), services))

    @router.put("/floor/places", response_model=None, responses=described(Floor, 404, 409, 422, 503), summary="Place machines")
    async def places(body: PlacesIn, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """All places anew. Needs the role engineer; 409 when `version` is no longer the plan's."""
        wanted = {place.machine: Place(place.x_percent, place.y_percent) for place in body.places}
        return Json(floor_item(await services.floor.save_places(wanted, body.version, actor), services))

    _picture_routes(router, services)
    return router


def _picture_routes(router: APIRouter, services: Services) -> None:
    @router.get(
        "/floor/picture", response_model=None, summary="Picture of the floor plan",
        responses={
            **described(None, 404, 422, 503, content=dict.fromkeys(_TYPES[:3], _BINARY)),
            204: {"description": "Taken away meanwhile"},
        },
    )  # fmt: skip
    async def picture(request: Request, actor: Viewer, query: Annotated[PictureQuery, Query()]) -> Response:
        """With an ETag: 304 while it is the one the caller has.

        A page that shows the plan of a second ago asks for a picture that may be gone: no fault of it, and no 404."""
        facts = (await services.floor.plan()).picture
        headers = {"cache-control": "private, no-cache", "content-security-policy": "default-src 'none'; sandbox"}
        if facts is not None:
            headers["etag"] = f'"{facts.digest}"'
            if headers["etag"] in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
        try:
            found, content = await services.floor.picture()
        except NotFound:
            if query.v is None:
                raise
            return Response(status_code=204, headers={"cache-control": headers["cache-control"]})
        headers["etag"] = f'"{found.digest}"'
        return Response(content, media_type=found.media_type, headers=headers)

    @router.put(
        "/floor/picture", response_model=None, responses=described(Floor, 408, 413, 415, 422, 503), summary="Replace the picture",
        openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(_TYPES, _BINARY)}},
    )  # fmt: skip
    async def replace(request: Request, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """PNG, JPEG or WebP, at most 5 MB and 4096 pixels a side; told from its bytes. Places stay. Needs the role engineer."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _TYPES:
            return problem(415, f"send the picture as {', '.join(_TYPES[:3])}")
        return Json(floor_item(await services.floor.save_picture(await request.body(), None, actor), services))

    @router.delete("/floor/picture", response_model=None, responses=described(Floor, 422, 503), summary="Take the picture away")
    async def remove(actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """The places stay. Needs the role engineer."""
        return Json(floor_item(await services.floor.save_picture(None, None, actor), services))


def floor_item(plan: FloorPlan, services: Services) -> dict[str, Any]:
    """The plan with the machines that have no place yet, in the plant's order."""
    picture = plan.picture
    return {
        "version": plan.version,
        "picture": None if picture is None else {
            "media_type": picture.media_type, "width": picture.width, "height": picture.height, "sha256": picture.digest,
            "href": PICTURE,
        },
        "places": [{"machine": m, "x_percent": p.x_percent, "y_percent": p.y_percent} for m, p in sorted(plan.places.items())],
        "not_placed": [machine.id for machine in services.plant.plant.machines if machine.id not in plan.places],
    }  # fmt: skip
