"""/api/alerts: what stands, what was, and taking one over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Body, Query
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from domain.access import Actor, Role
from domain.alert import Alert
from web_interface.api import models
from web_interface.api.answers import Json, Strict, described
from web_interface.api.data import window
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services

DAY_US = 86_400_000_000
MOST_ALERTS = 10_000


def _number(value: object) -> int:
    """A positive number as written in a path: digits only."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and 0 < len(value) <= 15 and int(value) > 0:
        return int(value)
    raise ValueError("expected a positive whole number")


Number = Annotated[
    int, BeforeValidator(_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999})
]


class AlertsQuery(Strict):
    from_: Time | None = Field(None, alias="from", description="default: a day before the end")
    to: Time | None = Field(None, description="default: now")
    limit: int = Field(1000, ge=1, le=MOST_ALERTS, description="most items of one answer")
    skip: int = Field(0, ge=0, le=MOST_ALERTS, description="items passed over: see `next`")


class NoParameters(Strict):
    """Takes none."""


class Note(Strict):
    note: str | None = Field(None, max_length=1000, description="what was found or done")


def alert_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET active, GET history, POST acknowledge."""
    router = APIRouter(prefix="/api/alerts", tags=["alerts"])

    @router.get("/active", response_model=None, responses=described(models.Alerts, 422), summary="Alerts that are not over")
    async def active(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]) -> Response:
        """Standing ones and those that returned unacknowledged, most urgent first."""
        return Json({"items": [alert_item(alert) for alert in services.alerts.active()]})

    @router.get("", response_model=None, responses=described(models.AlertHistory, 422, 503), summary="Alerts of a period")
    async def history(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[AlertsQuery, Query()]) -> Response:
        """All that stood at some time in the window, newest first. `next` is the path of the rest, null when there is none."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        found = await services.alerts.history(begin, end, query.skip + query.limit + 1)
        items = [alert_item(alert) for alert in found[query.skip : query.skip + query.limit]]
        rest = None
        if len(found) > query.skip + query.limit:
            asked = {"from": rfc3339(begin), "to": rfc3339(end), "limit": query.limit, "skip": query.skip + query.limit}
            rest = f"/api/alerts?{urlencode(asked)}"
        return Json({"items": items, "next": rest})

    @router.post(
        "/{alert_id}/acknowledge",
        response_model=None,
        summary="Take an alert over",
        responses=described(models.AlertItem, 400, 404, 408, 409, 413, 415, 422, 503),
    )
    async def acknowledge(
        alert_id: Number,
        actor: Annotated[Actor, Need(Role.OPERATOR)],
        query: Annotated[NoParameters, Query()],
        note: Annotated[Note | None, Body()] = None,
    ) -> Response:
        """Needs the role operator. 409 when somebody has it already."""
        return Json(alert_item(await services.alerts.acknowledge(alert_id, actor, note.note if note else None)))

    return router


def alert_item(alert: Alert) -> dict[str, Any]:
    """One alert as the API and the stream show it."""
    return {
        "id": alert.id,
        "state": alert.state.value,
        "priority": alert.priority.value,
        "machine": alert.machine_id,
        "device": alert.device_id,
        "tag": alert.tag,
        "rule": alert.rule,
        "value": alert.value,
        "limit": alert.limit,
        "unit": alert.unit,
        "raised": rfc3339(alert.raised_us),
        "returned": rfc3339_or_none(alert.returned_us),
        "acknowledged": rfc3339_or_none(alert.acknowledged_us),
        "acknowledged_by": alert.acknowledged_by,
        "note": alert.note,
        "detail": alert.detail,
    }
