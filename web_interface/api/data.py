"""/api/data: latest values and periods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.ports import Step
from domain.quality import Quality
from domain.quantity import Kind
from web_interface.api import models
from web_interface.api.answers import Json, Strict, described, large_json
from web_interface.api.problems import BadParameter
from web_interface.api.roles import Need
from web_interface.api.series import AUTO_POINTS, MOST_POINTS, as_json, fetch
from web_interface.api.tables import as_csv, as_parquet
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services
from web_interface.services.live import LatestValue

HOUR_US = 3_600_000_000
STALE_INTERVALS, STALE_LEAST_US = 3, 10_000_000
MOST_TAGS = 50
Name = Annotated[str, Field(min_length=1, max_length=200)]
Viewer = Annotated[Actor, Need(Role.VIEWER)]


class LatestQuery(Strict):
    device: Name | None = Field(None, description="id of a device")
    machine: Name | None = Field(None, description="id of a machine: the tags of its meter")
    tag: Name | None = Field(None, description="full name of one tag", examples=["m1.active_power"])


class PeriodQuery(Strict):
    tag: list[Name] = Field(
        min_length=1, max_length=MOST_TAGS, description="full names, one parameter each", examples=[["m1.active_power"]]
    )
    from_: Time | None = Field(None, alias="from", description="begin, included; default: an hour before the end")
    to: Time | None = Field(None, description="end, not included; default: now")
    step: Literal["auto", "raw", "1m", "15m", "1h", "1d"] = Field("auto", description="auto: the finest that fits max_points")
    format: Literal["json", "csv", "parquet"] = "json"
    max_points: int = Field(AUTO_POINTS, ge=1, le=MOST_POINTS, description="auto: most points a tag")


def window(from_us: int | None, to_us: int | None, now_us: int, default_us: int) -> tuple[int, int]:
    """The asked window with its defaults. Raises BadParameter when it is empty or backwards."""
    end = now_us if to_us is None else to_us
    begin = max(0, end - default_us) if from_us is None else from_us
    if begin >= end:
        raise BadParameter("from", "must lie before to")
    return begin, end


def data_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET /data/latest and /data/period."""
    router = APIRouter(prefix="/api/data", tags=["data"])

    @router.get("/latest", response_model=None, responses=described(models.Latest, 404, 422), summary="Last known values")
    async def latest(actor: Viewer, query: Annotated[LatestQuery, Query()]) -> Response:
        """Of all tags, or those of a device or machine, or one. From memory: may be asked each second."""
        now = now_us()
        values = services.live.latest(device=query.device, machine=query.machine, tag=query.tag)
        return await large_json({"time": rfc3339(now), "items": [latest_item(value, now) for value in values]}, len(values))

    @router.get(
        "/period",
        response_model=None,
        summary="Values of a period",
        responses=described(models.Period, 400, 404, 422, 503, content={"text/csv": {}, "application/vnd.apache.parquet": {}}),
    )
    async def period(actor: Viewer, query: Annotated[PeriodQuery, Query()]) -> Response:
        """Raw samples or roll-ups. A bad sample has the value null; a gap has no points."""
        begin, end = window(query.from_, query.to, now_us(), HOUR_US)
        tags = [services.live.tag(name) for name in dict.fromkeys(query.tag)]
        step = None if query.step == "auto" else Step(query.step)
        step, tables = await fetch(services.history, tags, step, begin, end, query.max_points)
        if query.format == "json":
            rows = sum(len(table) for table in tables)
            body = await asyncio.to_thread(as_json, step, tables, begin, end)
            return await large_json(body, rows)
        name = f"period-{rfc3339(begin)[:10]}-{step.value}"
        if query.format == "csv":
            return _file(await asyncio.to_thread(as_csv, tables), "text/csv; charset=utf-8", f"{name}.csv")
        return _file(await asyncio.to_thread(as_parquet, tables), "application/vnd.apache.parquet", f"{name}.parquet")

    return router


def latest_item(found: LatestValue, now_us: int) -> dict[str, Any]:
    """One value. What has not been renewed for three intervals is bad, however good it was: nothing old looks live."""
    tag = found.tag
    value: float | str | None = found.text if found.text is not None else found.value
    grade, reason = _grade(found.quality)
    last_good, last_good_us = found.last_good, found.last_good_us
    old_us = max(STALE_LEAST_US, round(STALE_INTERVALS * tag.interval_s * 1e6))
    if grade != "bad" and tag.kind is not Kind.TEXT and now_us - found.time_us > old_us:
        last_good, last_good_us = found.value, found.time_us
        value, grade, reason = None, "bad", "stale"
    return {
        "device": tag.device_id,
        "machine": found.machine_id,
        "tag": tag.name,
        "quantity": tag.quantity.value,
        "value": value,
        "unit": tag.unit,
        "quality": grade,
        "reason": reason,
        "time": rfc3339(found.time_us),
        "last_good": last_good if grade == "bad" else None,
        "last_good_time": rfc3339_or_none(last_good_us) if grade == "bad" else None,
    }


def _grade(quality: int) -> tuple[str, str | None]:
    try:
        known = Quality(quality)
    except ValueError:
        return "bad", "internal"
    return known.grade, known.reason


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


__all__ = ["Json", "data_routes", "latest_item", "window"]
