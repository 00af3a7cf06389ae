"""/api/notifications: channels, who gets what, and what is on its way."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.alert import Priority
from domain.notification import Channel, ChannelHealth, ChannelKind, DeliveryState, Event, Notice, QuietHours, Subscription
from web_interface.api import notification_models as models
from web_interface.api.alerts import MOST_NUMBER, NoParameters, Number
from web_interface.api.answers import Json, Strict, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339, rfc3339_or_none
from web_interface.services import Services

Viewer = Annotated[Actor, Need(Role.VIEWER)]
Admin = Annotated[Actor, Need(Role.ADMIN)]
Names = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=200)]
Level = Literal["critical", "high", "medium", "low"]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="site's wall clock, HH:MM")]


class ChannelIn(Strict):
    kind: Literal["email", "telegram", "webhook", "apprise"]
    name: str = Field(min_length=1, max_length=100)
    enabled: bool = True
    settings: dict[str, Any] = Field(default_factory=dict, description="by kind: see docs/operation.md")
    secret: str | None = Field(None, max_length=2000, description="write only; null keeps the old one, empty removes it")


class TestIn(Strict):
    address: str = Field("", max_length=254, description="mailbox or chat, where the channel needs one")
    language: Literal["ru", "en"] = "ru"


class PreviewIn(Strict):
    channel: ChannelIn
    language: Literal["ru", "en"] = "ru"


class QuietIn(Strict):
    start: Clock
    end: Clock
    passes: Level = Field("critical", description="this priority and more urgent ones go out all the same")


class SubscriptionIn(Strict):
    channel_id: int = Field(ge=1, le=2_147_483_647)
    user_id: int = Field(0, ge=0, le=2_147_483_647, description="0: oneself; others need the role admin")
    address: str = Field("", max_length=254)
    enabled: bool = True
    min_priority: Level = "high"
    events: list[Literal["raised", "returned", "acknowledged", "escalated"]] = Field(["raised", "escalated"], max_length=4)
    sections: Names = Field([], max_length=200)
    machines: Names = Field([], max_length=200)
    rules: Names = Field([], max_length=200)
    quiet: QuietIn | None = None
    digest_min: int = Field(0, ge=0, le=1440, description="0: each at once; else together at multiples of so many minutes")


class SubscriptionsQuery(Strict):
    everybody: bool = Field(False, description="of all users; needs the role admin")


class OutboxQuery(Strict):
    state: Literal["waiting", "sent", "failed", "discarded"] | None = None
    limit: int = Field(200, ge=1, le=1000)
    before: int | None = Field(None, ge=1, le=MOST_NUMBER, description="older than this id: see `next`")


class SettleIn(Strict):
    ids: list[Annotated[int, Field(ge=1, le=MOST_NUMBER)]] = Field(min_length=1, max_length=1000)
    action: Literal["retry", "discard"]


def notification_routes(services: Services) -> APIRouter:
    """Channels and outbox for administrators, subscriptions for everybody."""
    router = APIRouter(prefix="/api/notifications", tags=["notifications"])
    _channel_routes(router, services)
    _subscription_routes(router, services)
    _outbox_routes(router, services)
    return router


def _channel_routes(router: APIRouter, services: Services) -> None:
    notifications = services.notifications

    @router.get(
        "/channels", response_model=None, responses=described(models.Channels, 422, 503), summary="Channels and how they do"
    )
    async def channels(actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        """Secrets are never told, only whether there is one."""
        health = {one.channel_id: one for one in notifications.health()}
        return Json({"items": [channel_item(c, health.get(c.id)) for c in await notifications.channels()]})

    @router.post(
        "/channels", response_model=None, status_code=201, responses=described(None, 409, 422, 503), summary="Set up a channel"
    )
    async def create(actor: Admin, query: Annotated[NoParameters, Query()], body: Annotated[ChannelIn, Body()]) -> Response:
        saved = await notifications.save_channel(_channel(0, body), body.secret, actor)
        answer = Json(channel_item(saved, None))
        answer.status_code = 201
        return answer

    @router.put(
        "/channels/{channel_id}", response_model=None, responses=described(models.Channel, 404, 409, 422, 503),
        summary="Change a channel",
    )  # fmt: skip
    async def change(
        channel_id: Number, actor: Admin, query: Annotated[NoParameters, Query()], body: Annotated[ChannelIn, Body()]
    ) -> Response:
        return Json(channel_item(await notifications.save_channel(_channel(channel_id, body), body.secret, actor), None))

    @router.delete(
        "/channels/{channel_id}", response_model=None, status_code=204, responses=described(None, 404, 422, 503),
        summary="Remove a channel",
    )  # fmt: skip
    async def delete(channel_id: Number, actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        """What waits for it stays in the outbox, as discarded."""
        await notifications.delete_channel(channel_id, actor)
        return Response(status_code=204)

    @router.post(
        "/channels/{channel_id}/test", response_model=None, responses=described(models.Delivered, 404, 422, 502, 503),
        summary="Send a test message now",
    )  # fmt: skip
    async def test(
        channel_id: Number, actor: Admin, query: Annotated[NoParameters, Query()], body: Annotated[TestIn, Body()]
    ) -> Response:
        """502 with the reason when the other side did not take it."""
        await notifications.test(channel_id, body.address, body.language, actor)
        return Json({"delivered": True})

    @router.post(
        "/preview", response_model=None, responses=described(models.Preview, 422, 503), summary="How an alert would read"
    )
    async def preview(actor: Admin, query: Annotated[NoParameters, Query()], body: Annotated[PreviewIn, Body()]) -> Response:
        message = await notifications.preview(_channel(0, body.channel), body.language, actor)
        return Json({"subject": message.subject, "text": message.text})


def _subscription_routes(router: APIRouter, services: Services) -> None:
    notifications = services.notifications

    @router.get(
        "/subscriptions", response_model=None, responses=described(models.Subscriptions, 422, 503), summary="What I get, and how"
    )
    async def subscriptions(actor: Viewer, query: Annotated[SubscriptionsQuery, Query()]) -> Response:
        found = await notifications.subscriptions(actor, query.everybody)
        return Json({"items": [subscription_item(s) for s in found]})

    @router.post(
        "/subscriptions", response_model=None, status_code=201, responses=described(None, 422, 503), summary="Subscribe"
    )
    async def subscribe(
        actor: Viewer, query: Annotated[NoParameters, Query()], body: Annotated[SubscriptionIn, Body()]
    ) -> Response:
        answer = Json(subscription_item(await notifications.save_subscription(_subscription(0, body), actor)))
        answer.status_code = 201
        return answer

    @router.put(
        "/subscriptions/{subscription_id}", response_model=None, responses=described(models.Subscription, 404, 422, 503),
        summary="Change a subscription",
    )  # fmt: skip
    async def change(
        subscription_id: Number, actor: Viewer, query: Annotated[NoParameters, Query()], body: Annotated[SubscriptionIn, Body()]
    ) -> Response:
        return Json(subscription_item(await notifications.save_subscription(_subscription(subscription_id, body), actor)))

    @router.delete(
        "/subscriptions/{subscription_id}", response_model=None, status_code=204, responses=described(None, 404, 422, 503),
        summary="End a subscription",
    )  # fmt: skip
    async def end(subscription_id: Number, actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        await notifications.delete_subscription(subscription_id, actor)
        return Response(status_code=204)


def _outbox_routes(router: APIRouter, services: Services) -> None:
    @router.get("/outbox", response_model=None, responses=described(models.Outbox, 422, 503), summary="What is on its way")
    async def outbox(actor: Admin, query: Annotated[OutboxQuery, Query()]) -> Response:
        """Newest first; `next` is the `before` of the next page."""
        state = DeliveryState(query.state) if query.state is not None else None
        found = await services.notifications.outbox(query.limit, actor, state, query.before)
        following = found[-1].id if len(found) == query.limit else None
        return Json({"items": [notice_item(notice) for notice in found], "next": following})

    @router.post(
        "/outbox", response_model=None, status_code=204, responses=described(None, 422, 503), summary="Try again or discard"
    )
    async def settle(actor: Admin, query: Annotated[NoParameters, Query()], body: Annotated[SettleIn, Body()]) -> Response:
        await services.notifications.settle(body.ids, actor, again=body.action == "retry")
        return Response(status_code=204)


def _channel(channel_id: int, body: ChannelIn) -> Channel:
    return Channel(channel_id, ChannelKind(body.kind), body.name, body.enabled, body.settings)


def _subscription(subscription_id: int, body: SubscriptionIn) -> Subscription:
    quiet = None
    if body.quiet is not None:
        begin, end = time.fromisoformat(body.quiet.start), time.fromisoformat(body.quiet.end)
        quiet = QuietHours(begin, end, Priority(body.quiet.passes))
    return Subscription(
        subscription_id, body.user_id, body.channel_id, body.address, body.enabled, Priority(body.min_priority),
        frozenset(Event(event) for event in body.events), tuple(body.sections), tuple(body.machines), tuple(body.rules), quiet,
        body.digest_min,
    )  # fmt: skip


def channel_item(channel: Channel, health: ChannelHealth | None) -> dict[str, Any]:
    """Without its secret."""
    item: dict[str, Any] = {
        "id": channel.id, "kind": channel.kind.value, "name": channel.name, "enabled": channel.enabled,
        "settings": dict(channel.settings), "has_secret": channel.has_secret,
    }
    if health is not None:
        item |= {
            "waiting": health.waiting, "failed": health.failed, "last_success": rfc3339_or_none(health.last_success_us),
            "last_error": health.last_error or None, "last_error_time": rfc3339_or_none(health.last_error_us),
            "next_attempt": rfc3339_or_none(health.next_attempt_us),
        }
    return item


def subscription_item(s: Subscription) -> dict[str, Any]:
    """As it is sent in."""
    quiet = s.quiet
    return {
        "id": s.id, "user_id": s.user_id, "channel_id": s.channel_id, "address": s.address, "enabled": s.enabled,
        "min_priority": s.min_priority.value, "events": sorted(event.value for event in s.events), "sections": list(s.sections),
        "machines": list(s.machines), "rules": list(s.rules), "digest_min": s.digest_min,
        "quiet": None if quiet is None else {
            "start": quiet.start.strftime("%H:%M"), "end": quiet.end.strftime("%H:%M"), "passes": quiet.passes.value,
        },
    }  # fmt: skip


def notice_item(notice: Notice) -> dict[str, Any]:
    """One alert's event for one person on one channel."""
    return {
        "id": notice.id, "key": notice.key, "channel_id": notice.channel_id, "user_id": notice.user_id, "address": notice.address,
        "event": notice.event.value, "event_time": rfc3339(notice.event_us), "due": rfc3339(notice.due_us),
        "state": notice.state.value, "tries": notice.tries, "last_error": notice.last_error or None,
        "sent": rfc3339_or_none(notice.sent_us), "message_id": notice.message_id or None, "alert_id": notice.alert.id or None,
        "rule": notice.alert.rule, "priority": notice.alert.priority.value,
    }
