"""/api/alerts: what stands, what was, what people do about it, and how well the alarm system serves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Body, Query
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.responses import Response

from domain.access import Actor, Role
from domain.alert import Alert, Change, Hold
from domain.hygiene import Hygiene, Noisy
from web_interface.api import models
from web_interface.api.answers import Json, Strict, described
from web_interface.api.data import window
from web_interface.api.problems import BadParameter, TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services

DAY_US = 86_400_000_000
MOST_ALERTS = 10_000
MOST_AT_ONCE = 500
MOST_DAYS = 92
MOST_NUMBER = 999_999_999_999_999  # of ids, versions and the like: no database can be asked for more than its 64 bits


def _number(value: object) -> int:
    """A positive number as written in a path: digits only."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and 0 < len(value) <= 15 and int(value) > 0:
        return int(value)
    raise ValueError("expected a positive whole number")


Number = Annotated[
    int, BeforeValidator(_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_NUMBER})
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


class Many(Note):
    ids: list[Annotated[int, Field(ge=1, le=999_999_999_999_999)]] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Shelf(Strict):
    reason: str = Field(min_length=1, max_length=1000)
    minutes: float | None = Field(None, gt=0, le=1440, description="how long; or `until`")
    until: Time | None = Field(None, description="within the next 24 h")


class Comment(Strict):
    text: str = Field(min_length=1, max_length=1000)


class HygieneQuery(Strict):
    from_: Time | None = Field(None, alias="from", description="default: a week before the end")
    to: Time | None = Field(None, description="default: now")
    positions: int = Field(1, ge=1, le=100, description="operator positions the alerts are shared by")


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

    _add_held(router, services, now_us)
    _add_acts(router, services, now_us)
    return router


def _add_held(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get("/held", response_model=None, responses=described(models.Alerts, 422), summary="Alerts kept out of the list")
    async def held(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]) -> Response:
        """Standing, but shelved, suppressed by design or out of service."""
        return Json({"items": [alert_item(alert) for alert in services.alerts.held()]})

    @router.get(
        "/hygiene", response_model=None, responses=described(models.HygieneOut, 400, 422, 503), summary="Figures of alarm hygiene"
    )
    async def hygiene(actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[HygieneQuery, Query()]) -> Response:
        """After ISA-18.2 and EEMUA 191: rates per operator position, floods, top ten, chattering, stale."""
        begin, end = window(query.from_, query.to, now_us(), 7 * DAY_US)
        if end - begin > MOST_DAYS * DAY_US:
            raise TooLarge(f"the window is longer than {MOST_DAYS} days", MOST_DAYS)
        return Json(hygiene_out(await services.alerts.hygiene(begin, end, query.positions)))

    @router.get(
        "/{alert_id}", response_model=None, responses=described(models.AlertWithChanges, 404, 422, 503), summary="One alert"
    )
    async def one(
        alert_id: Number, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """With its transitions, oldest first."""
        alert = await services.alerts.alert(alert_id)
        changes = await services.alerts.changes(alert_id)
        return Json({**alert_item(alert), "transitions": [change_item(change) for change in changes]})


def _add_acts(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    wrong = described(models.AlertItem, 400, 404, 408, 409, 413, 415, 422, 503)

    @router.post("/{alert_id}/shelve", response_model=None, responses=wrong, summary="Out of the list for a time")
    async def shelve(
        alert_id: Number, body: Shelf, actor: Annotated[Actor, Need(Role.OPERATOR)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role operator, a reason, and an end within 24 h; then it is back by itself."""
        if (body.minutes is None) == (body.until is None):
            raise BadParameter("minutes", "expected either minutes or until")
        until_us = body.until if body.until is not None else now_us() + round((body.minutes or 0) * 60e6)
        return Json(alert_item(await services.alerts.shelve(alert_id, until_us, body.reason, actor)))

    @router.post("/{alert_id}/unshelve", response_model=None, responses=wrong, summary="Back into the list")
    async def unshelve(
        alert_id: Number, actor: Annotated[Actor, Need(Role.OPERATOR)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role operator. 409 when it is not shelved."""
        return Json(alert_item(await services.alerts.unshelve(alert_id, actor)))

    @router.post("/{alert_id}/comment", response_model=None, responses=wrong, summary="Write what was found or done")
    async def comment(
        alert_id: Number, body: Comment, actor: Annotated[Actor, Need(Role.OPERATOR)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role operator."""
        return Json(alert_item(await services.alerts.comment(alert_id, body.text, actor)))

    @router.post(
        "/bulk-acknowledge",
        response_model=None,
        responses=described(models.BulkAnswer, 400, 408, 413, 415, 422, 503),
        summary="Take many alerts over",
    )
    async def take_many(
        body: Many, actor: Annotated[Actor, Need(Role.OPERATOR)], query: Annotated[NoParameters, Query()]
    ) -> Response:
        """Needs the role operator. Each by itself: `error` tells why one could not be taken."""
        answers = await services.alerts.acknowledge_all(body.ids, actor, body.note)
        return Json({"items": [{"id": number, "error": error} for number, error in answers.items()]})


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
        "rule_id": alert.rule_id,
        "rule_version": alert.rule_version,
        "message": dict(alert.message),
        "repeats": alert.repeats,
        "last_raised": rfc3339_or_none(alert.last_raised_us),
        "chattering": alert.chattering,
        "hold": hold_item(alert.hold),
        "group": alert.group,
        "escalation": alert.escalation,
    }


def hold_item(hold: Hold | None) -> dict[str, Any] | None:
    """Why an alert is kept out of the list."""
    if hold is None:
        return None
    return {
        "kind": hold.kind.value, "since": rfc3339(hold.since_us), "until": rfc3339_or_none(hold.until_us), "by": hold.by,
        "reason": hold.reason,
    }  # fmt: skip


def change_item(change: Change) -> dict[str, Any]:
    """One transition."""
    return {
        "number": change.number, "action": change.action.value, "state": change.state.value, "time": rfc3339(change.time_us),
        "by": change.actor, "note": change.note, "to": list(change.to),
    }  # fmt: skip


def hygiene_out(found: Hygiene) -> dict[str, Any]:
    """Alarm hygiene with units in the names."""

    def noisy(item: Noisy) -> dict[str, Any]:
        return {"alert": alert_item(item.alert), "raises": item.raises, "share": item.share}

    return {
        "from": rfc3339(found.from_us), "to": rfc3339(found.to_us), "positions": found.positions, "raises": found.raises,
        "per_day": found.per_day, "per_hour": found.per_hour, "per_10_min": found.per_10_min,
        "peak_per_10_min": found.peak_per_10_min, "band": None if found.band is None else found.band.value,
        "flood_share": found.flood_share,
        "floods": [{"from": rfc3339(f.from_us), "to": rfc3339(f.to_us), "raises": f.raises} for f in found.floods],
        "by_hour": [{"hour": rfc3339(hour), "raises": count} for hour, count in found.by_hour],
        "top": [noisy(item) for item in found.top], "top_share": found.top_share, "kinds": found.kinds,
        "chattering": [noisy(item) for item in found.chattering],
        "stale": [alert_item(alert) for alert in found.stale],
        "by_priority": {priority.value: share for priority, share in found.by_priority.items()},
        "truncated": found.truncated,
    }  # fmt: skip
