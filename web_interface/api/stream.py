"""/api/stream: server-sent events as things happen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Literal, cast

import orjson
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from domain.access import Actor, Role
from domain.alert import Alert
from domain.state import StateInterval
from web_interface.api.alerts import alert_item
from web_interface.api.answers import Strict, described
from web_interface.api.data import Name, latest_item
from web_interface.api.machines import state_item
from web_interface.api.roles import Need
from web_interface.auth import Visit, visit_of
from web_interface.services import Services
from web_interface.services.live import LatestValue

CHECK_S = 2.0  # a stream of a session that ended, or a key that was revoked, ends within this
HEARTBEAT_S = 15.0


class StreamQuery(Strict):
    event: list[Literal["sample", "state", "alert"]] = Field(
        ["sample", "state", "alert"], max_length=3, description="which events; default: all three"
    )
    device: Name | None = Field(None, description="samples of this device only")
    machine: Name | None = Field(None, description="samples, states and alerts of this machine only")


def stream_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET /api/stream."""
    router = APIRouter(tags=["data"])

    @router.get(
        "/api/stream",
        response_model=None,
        responses=described(None, 404, 422, content={"text/event-stream": {}}),
        summary="Events as they happen",
    )
    async def stream(
        request: Request, actor: Annotated[Actor, Need(Role.VIEWER)], query: Annotated[StreamQuery, Query()]
    ) -> Response:
        """`sample` {"items": […]} at most four times a second, `state`, `alert`; `lost` {"events": n} for a reader too slow."""
        if query.device is not None or query.machine is not None:
            services.live.latest(
                device=query.device, machine=query.machine
            )  # an unknown name is an error now, not silence for ever
        events = _events(services, query, cast("Visit", visit_of(request)), _bearer(request), now_us)
        return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    return router


def _bearer(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


async def _events(
    services: Services, query: StreamQuery, visit: Visit, key: str | None, now_us: Callable[[], int]
) -> AsyncIterator[bytes]:
    """Text of the stream until the reader goes or may no longer read."""
    queue: asyncio.Queue[tuple[str, object]] = asyncio.Queue(maxsize=2)
    source = services.live.subscribe(*query.event)

    async def pump() -> None:  # a task of its own: a timeout here must not end the subscription
        async with contextlib.aclosing(cast("Any", source)) as events:
            async for event in events:
                await queue.put(event)  # full: the fan-out drops the oldest and says how many

    loop = asyncio.get_running_loop()
    pumping = asyncio.create_task(pump(), name="stream")
    quiet_since = loop.time()
    try:
        yield b": stream\n\n"
        while await _may_read(visit, key) and not pumping.done():
            try:
                async with asyncio.timeout(CHECK_S):
                    kind, event = await queue.get()
            except TimeoutError:
                if loop.time() - quiet_since > HEARTBEAT_S:
                    quiet_since = loop.time()
                    yield b": alive\n\n"
                continue
            text = _text(kind, event, query, now_us())
            if text is not None:
                quiet_since = loop.time()
                yield text
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)


async def _may_read(visit: Visit, key: str | None) -> bool:
    if visit.session_id is not None:
        return visit.access.session(visit.session_id, touch=False) is not None
    return key is not None and await visit.access.key(key) is not None


def _text(kind: str, event: object, query: StreamQuery, now_us: int) -> bytes | None:
    """One event, None when it is not what was asked for."""
    body: dict[str, Any] | None = None
    if kind == "sample":
        items = [
            latest_item(value, now_us)
            for value in cast("Sequence[LatestValue]", event)
            if query.device in {None, value.tag.device_id} and query.machine in {None, value.machine_id}
        ]
        body = {"items": items} if items else None
    elif isinstance(event, StateInterval):
        body = {"machine": event.machine_id, **state_item(event)} if query.machine in {None, event.machine_id} else None
    elif isinstance(event, Alert):
        body = alert_item(event) if query.machine in {None, event.machine_id} else None
    elif kind == "lost":
        body = {"events": event}
    return None if body is None else b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"
