"""Server-sent events through a real server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from domain.access import Role
from domain.state import MachineState, StateInterval
from tests.conftest import eventually
from tests.web_interface.clients import ADMIN, log_in, make_key, served
from tests.web_interface.fakes import FakeServices


@asynccontextmanager
async def listening(c: httpx.AsyncClient, query: str = "") -> AsyncIterator[asyncio.Queue[tuple[str, Any]]]:
    """Events of the stream as they come; ("end", None) when the server ends it."""
    queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    ready = asyncio.Event()

    async def read() -> None:
        async with c.stream("GET", f"/api/stream{query}", timeout=30) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            kind = ""
            with suppress(httpx.RemoteProtocolError):
                async for line in answer.aiter_lines():
                    ready.set()
                    if line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: "):
                        queue.put_nowait((kind, json.loads(line[6:])))
            queue.put_nowait(("end", None))

    task = asyncio.create_task(read())
    async with asyncio.timeout(10):
        await ready.wait()
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def first(queue: asyncio.Queue[tuple[str, Any]], kind: str, seconds: float = 8) -> Any:
    async with asyncio.timeout(seconds):
        while True:
            found, body = await queue.get()
            if found == kind:
                return body


@pytest.fixture
async def program(app: FastAPI, services: FakeServices) -> AsyncIterator[httpx.AsyncClient]:
    """Over a socket, with an operator's key."""
    key = await make_key(services, Role.OPERATOR)
    async with (
        served(app) as place,
        httpx.AsyncClient(base_url=f"http://{place}", headers={"authorization": f"Bearer {key}"}) as c,
    ):
        yield c


async def test_samples_states_and_alerts_as_they_happen(program: httpx.AsyncClient, services: FakeServices) -> None:
    live: Any = services.live
    async with listening(program) as queue:
        await eventually(lambda: live.queues)
        samples = await first(queue, "sample")
        assert any(item["tag"] == "m1.active_power" for item in samples["items"])
        await program.post("/api/alerts/1/acknowledge")
        assert (await first(queue, "alert"))["state"] == "acknowledged"
        live.publish("state", StateInterval("lathe-1", MachineState.IDLE, services.clock.now_us(), None))
        state = await first(queue, "state")
        assert (state["machine"], state["state"], state["to"]) == ("lathe-1", "idle", None)
        live.publish("lost", 7)  # the fan-out tells a slow reader, whatever it asked for
    await eventually(lambda: not live.queues)


async def test_only_what_was_asked(program: httpx.AsyncClient, services: FakeServices) -> None:
    live: Any = services.live
    async with listening(program, "?machine=lathe-2&event=sample&event=state") as queue:
        await eventually(lambda: live.queues)
        live.publish("alert", services.alerts.active()[0])
        live.publish("state", StateInterval("lathe-1", MachineState.IDLE, 0, None))
        live.publish("state", StateInterval("lathe-2", MachineState.OFF, 0, None))
        seen: dict[str, Any] = {}
        async with asyncio.timeout(8):
            while set(seen) != {"state", "sample"}:
                kind, body = await queue.get()
                assert kind != "alert"
                seen[kind] = body
        assert seen["state"]["machine"] == "lathe-2"
        assert {item["device"] for item in seen["sample"]["items"]} == {"m2"}


async def test_wrong_questions_are_answered_at_once(program: httpx.AsyncClient) -> None:
    assert (await program.get("/api/stream?machine=lathe-9")).status_code == 404
    assert (await program.get("/api/stream?event=noise")).status_code == 422


async def test_a_revoked_key_ends_the_stream_within_five_seconds(program: httpx.AsyncClient, services: FakeServices) -> None:
    async with listening(program, "?event=alert") as queue:
        await services.access.revoke_key(1, ADMIN)
        await first(queue, "end", seconds=5)


async def test_a_disabled_user_loses_the_stream_within_five_seconds(app: FastAPI, services: FakeServices) -> None:
    async with served(app) as place, httpx.AsyncClient(base_url=f"http://{place}") as c:
        await log_in(c, "operator")
        async with listening(c, "?event=alert") as queue:
            user = next(u for u in await services.access.users() if u.name == "operator")
            await services.access.set_enabled(user.id, False, ADMIN)
            await first(queue, "end", seconds=5)


async def test_a_reader_that_goes_away_leaves_nothing_behind(program: httpx.AsyncClient, services: FakeServices) -> None:
    live: Any = services.live
    for _ in range(5):
        async with listening(program):
            await eventually(lambda: live.queues)
    await eventually(lambda: not live.queues)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "stream"]
