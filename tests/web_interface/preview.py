"""The whole web application over the invented shop: `python -m tests.web_interface.preview --port 8090`.

Log in as admin, engineer, operator or viewer with the password of tests/web_interface/fakes.py; with `--user NAME` everyone is
that account without login (for screenshots).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import uvicorn

from tests.web_interface.fakes import PASSWORD, FakeServices, build_services
from tests.web_interface.real_plant import with_floor, with_real_plant, with_stations
from web_interface.app import WebOptions, build_web
from web_interface.plain.routes import cookie_name
from web_interface.server import server_config


class AsUser:
    """ASGI: puts the cookie of a live session on every request that has none."""

    def __init__(self, app: Any, services: FakeServices, name: str) -> None:
        self._app, self._services, self._name = app, services, name
        self._cookie: bytes | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in {"http", "websocket"}:
            if self._cookie is None:
                _user, session = await self._services.access.login(self._name, PASSWORD, "127.0.0.1")
                self._cookie = f"{cookie_name(tls=False)}={session}".encode()
            scope["headers"] = [*(h for h in scope["headers"] if h[0] != b"cookie"), (b"cookie", self._cookie)]
        await self._app(scope, receive, send)


def slowed(ask: Callable[..., Awaitable[Any]], seconds: float) -> Callable[..., Awaitable[Any]]:
    """The same question, answered late."""

    async def later(*args: Any, **more: Any) -> Any:
        await asyncio.sleep(seconds)
        return await ask(*args, **more)

    return later


async def serve(port: int, user: str = "", *, real_plant: bool = False, floor: bool = False, stations: bool = False, slow_s: float = 0.0) -> None:
    """Serve until stopped; prints the port once it listens (0: a free one). `real_plant`: a small one that validates;
    `floor`: an empty one whose line leads to simulated meters; `stations`: two inspected stations, whose cameras are asked.

    `slow_s`: how long hygiene and the list of users take to answer.
    """
    async with AsyncExitStack() as stack:
        services = build_services()
        if real_plant:
            services = await with_real_plant(services)
        if stations:
            services = await with_stations(services)
        if floor:
            services = await stack.enter_async_context(with_floor(services))
        await _serve(services, port, user, slow_s)


async def _serve(services: FakeServices, port: int, user: str, slow_s: float) -> None:
    if slow_s:
        for service, question in ((services.alerts, "hygiene"), (services.access, "users")):
            setattr(service, question, slowed(getattr(service, question), slow_s))
    app: Any = build_web(services, options=WebOptions(now_us=services.clock.now_us))
    server = uvicorn.Server(server_config(AsUser(app, services, user) if user else app, port=port))
    running = asyncio.create_task(server.serve())
    backups = asyncio.create_task(services.backups.run())  # type: ignore[attr-defined]
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.05)
    if server.started:
        print(f"listening on {server.servers[0].sockets[0].getsockname()[1]}", flush=True)
    await running
    backups.cancel()


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=8090)
    options.add_argument("--user", default="")
    options.add_argument("--real-plant", action="store_true", help="a small plant behind the product's own validation")
    options.add_argument("--floor", action="store_true", help="an empty plant whose line leads to simulated meters")
    options.add_argument("--stations", action="store_true", help="two inspected stations, whose cameras are really asked")
    options.add_argument("--slow", type=float, default=0.0, metavar="SECONDS", help="hygiene and users answer that late")
    chosen = options.parse_args()
    asyncio.run(serve(chosen.port, chosen.user, real_plant=chosen.real_plant, floor=chosen.floor, stations=chosen.stations, slow_s=chosen.slow))
