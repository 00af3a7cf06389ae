"""Concurrency and slow bodies, at the layer itself."""

import asyncio

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from web_interface.security.answers import answer
from web_interface.security.limits import Bounds, Limits, _depth


class Slow:
    """Answers when `gate` opens; counts how many are inside."""

    def __init__(self) -> None:
        self.gate, self.inside, self.most = asyncio.Event(), 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.gate.wait()
        self.inside -= 1
        await answer(send, 200, b"done", "text/plain")


def client(app: Limits, address: str = "10.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://localhost")


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_so_many_of_one_address_and_the_rest_wait_their_turn() -> None:
    app = Slow()
    limits = Limits(app, Bounds(per_address=3, wait_s=5), ())
    async with client(limits) as one, client(limits, "10.0.0.2") as other:
        running = [asyncio.create_task(one.get("/x")) for _ in range(8)]
        await until(lambda: app.inside == 3)
        running.append(asyncio.create_task(other.get("/x")))
        await until(lambda: app.inside == 4)
        app.gate.set()
        assert {r.status_code for r in await asyncio.gather(*running)} == {200}
    assert app.most == 4
    assert limits._running == 0
    assert limits._slots == {}


async def test_who_waits_too_long_is_told() -> None:
    app = Slow()
    limits = Limits(app, Bounds(per_address=1, wait_s=0.05), ())
    async with client(limits) as one:
        first = asyncio.create_task(one.get("/x"))
        await until(lambda: app.inside == 1)
        second = await one.get("/x")
        assert (second.status_code, second.headers["retry-after"]) == (429, "2")
        app.gate.set()
        assert (await first).status_code == 200


async def test_so_many_in_all_and_health_always() -> None:
    app = Slow()
    limits = Limits(app, Bounds(at_once=2), ())
    async with client(limits) as one, client(limits, "10.0.0.2") as other:
        running = [asyncio.create_task(c.get("/x")) for c in (one, other)]
        await until(lambda: app.inside == 2)
        assert (await one.get("/x")).status_code == 503
        health = asyncio.create_task(one.get("/healthz"))
        await until(lambda: app.inside == 3)
        app.gate.set()
        assert [r.status_code for r in await asyncio.gather(*running, health)] == [200, 200, 200]


async def test_streams_are_counted_apart() -> None:
    app = Slow()
    limits = Limits(app, Bounds(at_once=1, streams_per_address=2), ("/stream",))
    async with client(limits) as one:
        running = [asyncio.create_task(one.get("/stream")) for _ in range(2)]
        await until(lambda: app.inside == 2)
        assert (await one.get("/stream")).status_code == 429
        running.append(asyncio.create_task(one.get("/x")))
        await until(lambda: app.inside == 3)
        app.gate.set()
        assert {r.status_code for r in await asyncio.gather(*running)} == {200}
    assert limits._streams_of == {}


async def test_a_body_that_does_not_come_is_408() -> None:
    sent: list[dict[str, object]] = []

    async def never() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()

    limits = Limits(reads, Bounds(body_s=0.05), ())
    for kind in (b"application/json", b"application/yaml"):
        sent.clear()
        scope = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"content-type", kind)], "client": ("10.0.0.1", 1)}
        await limits(scope, never, send)  # type: ignore[arg-type]
        assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("body", "depth"),
    [
        (b"", 0),
        (b"1", 0),
        (b"[]", 1),
        (b'{"a": [1, {"b": 2}]}', 3),
        (b'"[[[["', 0),
        (rb'"\"[[["', 0),
        (b'["a", "[", []]', 2),
        (b"[" * 50, 50),
        (b'["[[[', 1),
    ],
)
def test_depth(body: bytes, depth: int) -> None:
    assert _depth(body) == depth
