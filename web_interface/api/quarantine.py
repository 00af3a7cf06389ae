"""/api/quarantine: what no table of the database can hold, and discarding it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.refused import RefusedRow, RefusedSummary
from web_interface.api.answers import Json, Strict, described
from web_interface.api.destinations import Ids
from web_interface.api.problems import problem
from web_interface.api.roles import Need
from web_interface.api.tables import safe_cell
from web_interface.api.times import rfc3339, rfc3339_or_none
from web_interface.services import Services

Admin = Annotated[Actor, Need(Role.ADMIN)]
MOST_ROWS = 100_000
COLUMNS = ("id", "kind", "tag", "device", "time", "value", "quality", "reason", "noted")
LATEST_US = 253_402_300_799_999_999  # a time beyond is one of the reasons to be refused


class RefusedEntry(BaseModel):
    id: int
    kind: Literal["sample", "text", "event", "message"] = Field(description="message: one of Kafka that nobody could read")
    tag: str | None
    device: str | None
    time: str | None = Field(description="null where it is no time of the calendar: that is why it was refused")
    value: str = Field(description="as text, its beginning")
    quality: int
    reason: str
    noted: str


class RefusedList(BaseModel):
    entries: int
    by_kind: dict[str, int]
    items: list[RefusedEntry] = Field(description="the newest first")


class RefusedIn(Strict):
    limit: int = Field(100, ge=1, le=1000, description="of one answer in JSON")
    offset: int = Field(0, ge=0, le=1_000_000, description="entries passed over")
    format: Literal["json", "csv"] = "json"


class RefusedDiscardIn(Strict):
    ids: Ids | None = None
    confirm: bool = Field(False, description="without it the answer is 409 and says what would be discarded")


class Discarded(BaseModel):
    entries: int


def quarantine_routes(services: Services) -> APIRouter:
    """GET to look, POST to discard."""
    router = APIRouter(prefix="/api/quarantine", tags=["status"])

    @router.get(
        "", response_model=None, responses=described(RefusedList, 422, 503, content={"text/csv": {}}),
        summary="What no table can hold",
    )  # fmt: skip
    async def refused(actor: Admin, query: Annotated[RefusedIn, Query()]) -> Response:
        """As CSV all of it."""
        if query.format == "csv":
            found = await services.refused.rows(actor, MOST_ROWS)
            return Response(
                refused_csv(services, found), media_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": 'attachment; filename="refused.csv"'},
            )  # fmt: skip
        found = await services.refused.rows(actor, query.limit, query.offset)
        summary = services.status.storage().refused or RefusedSummary(len(found))
        items = [refused_entry(services, one) for one in found]
        return Json({"entries": summary.entries, "by_kind": dict(summary.by_kind), "items": items})

    @router.post(
        "/discard", response_model=None, responses=described(Discarded, 404, 409, 422, 503), summary="Discard refused entries"
    )
    async def discard(body: RefusedDiscardIn, actor: Admin) -> Response:
        """All of them, or those of `ids`. The books keep their counts."""
        if not body.confirm:
            summary = services.status.storage().refused
            count = len(body.ids) if body.ids is not None else summary.entries if summary else 0
            return problem(409, f"{count} refused entries would be thrown away; confirm: true does so", items=count)
        return Json({"entries": await services.refused.discard(actor, body.ids)})

    return router


def refused_entry(services: Services, one: RefusedRow) -> dict[str, Any]:
    named = one.kind != "message"
    return {
        "id": one.id, "kind": one.kind, "tag": services.feeds.tag_name(one.tag_id) if named else None,
        "device": (services.feeds.tag_device(one.tag_id) or None) if named else None,
        "time": rfc3339_or_none(one.time_us if 0 <= one.time_us <= LATEST_US else None), "value": one.value,
        "quality": one.quality, "reason": one.reason, "noted": rfc3339(one.noted_us),
    }  # fmt: skip


def refused_csv(services: Services, found: Sequence[RefusedRow]) -> bytes:
    """UTF-8 with a mark at the front, times RFC 3339 UTC. What came from outside stays text in a spreadsheet (S18)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in found:
        item = refused_entry(services, one)
        writer.writerow([safe_cell(item[name]) if isinstance(item[name], str) else item[name] for name in COLUMNS])
    return out.getvalue().encode("utf-8-sig")
