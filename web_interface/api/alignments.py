"""/api/alignments: tags on one time grid, how well it goes, the newest frame."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.alignment import AlignmentStatus, SeriesError
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

Viewer = Annotated[Actor, Need(Role.VIEWER)]


class AlignedSeriesItem(BaseModel):
    tag: str
    mode: Literal["hold", "interpolate", "wait", "nearest"]
    tolerance_ms: int
    value: float | None = Field(description="in the newest frame")
    reason: str | None = Field(description="why it has none there: none, stale, bad or late")
    error_mean_ms: float | None = Field(description="of the samples used from the grid times, over the last 1 000 frames")
    error_p95_ms: float | None
    error_max_ms: float | None
    used: int = Field(description="frames with a value, since the start")
    missing: dict[str, int] = Field(description="frames without one, by reason")
    late: int = Field(description="samples whose frame was already out")
    ahead: int = Field(description="samples of a clock too far ahead")


class AlignmentItem(BaseModel):
    id: str
    name: str
    grid_ms: int
    deadline_ms: int
    frames: int
    complete: int = Field(description="frames in which every series has a value")
    skipped: int = Field(description="grid times left out when a clock jumped")
    clock_jumps: int
    delay_p99_ms: float | None = Field(description="from the grid time to the frame")
    time: str | None = Field(description="of the newest frame")
    series: list[AlignedSeriesItem]


class AlignmentList(BaseModel):
    items: list[AlignmentItem]


def alignment_routes(services: Services) -> APIRouter:
    """GET all."""
    router = APIRouter(prefix="/api/alignments", tags=["loops"])

    @router.get("", response_model=None, responses=described(AlignmentList, 422), summary="Tags aligned in time")
    async def alignments(actor: Viewer, _: Annotated[NoParameters, Query()]) -> Response:
        return Json({"items": [alignment_item(status) for status in services.alignments.statuses()]})

    return router


def alignment_item(status: AlignmentStatus) -> dict[str, Any]:
    one, last = status.alignment, status.last
    return {
        "id": one.id, "name": one.name, "grid_ms": one.grid_ms, "deadline_ms": one.deadline_ms, "frames": status.frames,
        "complete": status.complete, "skipped": status.skipped, "clock_jumps": status.clock_jumps,
        "delay_p99_ms": status.delay_p99_ms, "time": None if last is None else rfc3339(last.time_us),
        "series": [_series_item(error, status, index) for index, error in enumerate(status.series)],
    }  # fmt: skip


def _series_item(error: SeriesError, status: AlignmentStatus, index: int) -> dict[str, Any]:
    value = status.last.values[index] if status.last is not None else None
    return {
        "tag": error.series.tag, "mode": error.series.mode.value, "tolerance_ms": error.series.tolerance_ms,
        "value": value.value if value is not None else None, "reason": value.reason if value is not None else None,
        "error_mean_ms": error.mean_ms, "error_p95_ms": error.p95_ms, "error_max_ms": error.max_ms, "used": error.used,
        "missing": dict(error.missing), "late": error.late, "ahead": error.ahead,
    }  # fmt: skip
