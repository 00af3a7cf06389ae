"""/api/plant/versions: the kept versions of the configuration, what each changed, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Actor, Role
from domain.plant_version import EntryChange, PlantDiff, PlantVersion
from web_interface.api.admin import YAML, plant_text
from web_interface.api.alerts import NoParameters, Number
from web_interface.api.answers import Json, Strict, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

Engineer = Annotated[Actor, Need(Role.ENGINEER)]
Admin = Annotated[Actor, Need(Role.ADMIN)]


class VersionsQuery(Strict):
    limit: int = Field(25, ge=1, le=50)
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="only versions with lower numbers")


class RollBack(Strict):
    known: int | None = Field(None, ge=0, le=2**63 - 1, description="the version you saw as running; 409 when it no longer is")


class FieldChangeOut(BaseModel):
    field: str = Field(examples=["states.idle_above_kw"])
    old: Any = Field(description="null: there was no such field")
    new: Any = Field(description="null: there is no such field any more")


class EntryChangeOut(BaseModel):
    section: str = Field(examples=["machines"])
    entry: str = Field(description="id, tag or name of the entry; empty for a section as a whole")
    title: str = Field(description="name of the entry, empty without one")
    kind: Literal["added", "removed", "changed"]
    fields: list[FieldChangeOut]


class VersionOut(BaseModel):
    version: int
    time: str
    author: str
    source: str
    action: str = Field(description="as in the audit; before_history: it stood when versions began to be kept")
    subject: str


class VersionItem(VersionOut):
    running: bool
    changes: list[EntryChangeOut] | None = Field(description="against the version before; null when that one is not kept")


class VersionsOut(BaseModel):
    items: list[VersionItem]
    next: str | None


class DiffOut(BaseModel):
    running: int = Field(description="number of the version that runs")
    changes: list[EntryChangeOut]
    yaml: list[str] = Field(description="lines of a unified diff of both plant files")


class RolledBack(BaseModel):
    version: int = Field(description="number of the new version")


def plant_version_routes(services: Services) -> APIRouter:
    """GET /api/plant/versions, …/{number}, …/{number}/changes; POST …/{number}/rollback, /api/plant/preview."""
    router = APIRouter(prefix="/api/plant", tags=["configuration"])
    history = services.plant_history

    @router.get(
        "/versions", response_model=None, responses=described(VersionsOut, 422, 503), summary="Versions of the configuration"
    )
    async def versions(actor: Engineer, query: Annotated[VersionsQuery, Query()]) -> Response:
        """Newest first, each with what it changed. The newest 500 are kept. Needs the role engineer."""
        running = await history.running()
        found = await history.versions(actor, query.limit, query.before)
        items = [
            {
                **version_item(entry.version),
                "running": entry.version.number == running,
                "changes": None if entry.changes is None else change_items(entry.changes),
            }
            for entry in found
        ]
        more = len(found) == query.limit and found[-1].version.number > 1
        rest = urlencode({"limit": query.limit, "before": found[-1].version.number}) if more else ""
        return Json({"items": items, "next": f"/api/plant/versions?{rest}" if more else None})

    @router.get(
        "/versions/{number}", response_model=None, responses=described(None, 404, 422, 503, content={YAML: {}}),
        summary="A version as a plant file",
    )
    async def version(number: Number, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Without secrets. Needs the role engineer."""
        found = await history.version(number, actor)
        return Response(found.yaml, media_type=f"{YAML}; charset=utf-8")

    @router.get(
        "/versions/{number}/changes", response_model=None, responses=described(DiffOut, 404, 422, 503),
        summary="What rolling back to a version would change",
    )
    async def changes(number: Number, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Of what runs now. Needs the role engineer."""
        return Json(diff_item(await history.way_back(number, actor)))

    @router.post(
        "/versions/{number}/rollback", response_model=None, responses=described(RolledBack, 404, 408, 409, 413, 415, 422, 503),
        summary="Run an older version again",
    )
    async def roll_back(
        number: Number, actor: Admin, query: Annotated[NoParameters, Query()],
        body: Annotated[RollBack | None, Body()] = None,
    ) -> Response:
        """It becomes a new version. Needs the role admin. 422 when it does not validate today; then nothing has changed."""
        return Json({"version": await history.roll_back(number, actor, body.known if body else None)})

    @router.post(
        "/preview", response_model=None, responses=described(DiffOut, 408, 413, 415, 422, 503),
        summary="What importing a plant file would change",
        openapi_extra={"requestBody": {"required": True, "content": {YAML: {"schema": {"type": "string"}}}}},
    )
    async def preview(request: Request, actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        """Nothing is stored. Needs the role admin. 422 with every problem, its line and field."""
        text = await plant_text(request)
        return text if isinstance(text, Response) else Json(diff_item(await history.preview(text, actor)))

    return router


def version_item(version: PlantVersion) -> dict[str, Any]:
    by = version.by
    return {
        "version": version.number, "time": rfc3339(by.time_us), "author": by.author, "source": by.source, "action": by.action,
        "subject": by.subject,
    }


def change_items(changes: Sequence[EntryChange]) -> list[dict[str, Any]]:
    """Values as they stand in the plant file."""
    return [
        {
            "section": change.section, "entry": change.entry, "title": change.title, "kind": change.kind.value,
            "fields": [{"field": field.field, "old": field.old, "new": field.new} for field in change.fields],
        }
        for change in changes
    ]


def diff_item(diff: PlantDiff) -> dict[str, Any]:
    return {"running": diff.base, "changes": change_items(diff.changes), "yaml": list(diff.yaml)}
