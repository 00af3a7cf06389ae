"""HTTP clients against the application over the invented shop, and a real server for what needs a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from fastapi._compat import v2 as fields
from pydantic import TypeAdapter
from starlette.types import ASGIApp

from domain.access import Actor, Role
from tests.web_interface.fakes import PASSWORD, FakeServices
from web_interface.app import WebOptions, build_web
from web_interface.server import server_config

_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def known_adapter(kind: Any, **options: Any) -> TypeAdapter[Any]:
    """An adapter has no state: the same parameter of the same route, built for another test, needs no new one."""
    key = f"{kind!r} {options!r}"
    if key not in _ADAPTERS:
        _ADAPTERS[key] = TypeAdapter(kind, **options)
    return _ADAPTERS[key]


fields.TypeAdapter = known_adapter  # type: ignore[assignment,misc]  # half of what it costs to build the application

ADMIN = Actor("admin", Role.ADMIN, "test")


def web(services: FakeServices, **options: object) -> FastAPI:
    """The application without live pages, on the shop's clock."""
    chosen = WebOptions(pages=False, now_us=services.clock.now_us, **options)  # type: ignore[arg-type]
    return build_web(services, options=chosen)


def client(
    app: ASGIApp, *, base: str = "http://localhost", address: str = "127.0.0.1", key: str | None = None
) -> httpx.AsyncClient:
    """A client from an address; with a key if one is given."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app, client=(address, 40_000), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base, headers=headers)


async def log_in(c: httpx.AsyncClient, name: str = "operator") -> str:
    """A session in the client's cookies; its anti-forgery token, also put into the headers."""
    answer = await c.post("/login", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    token = str((await c.get("/api/session")).json()["csrf_token"])
    c.headers["x-csrf-token"] = token
    return token


async def make_key(services: FakeServices, role: Role) -> str:
    """An API key of that role."""
    _, key = await services.access.create_key(f"{role.value}-key", role, ADMIN)
    return key


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """A real server on a free port; its host:port."""
    server = uvicorn.Server(server_config(app, port=0, lifespan="off", timeout_graceful_shutdown=1))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has a flag, no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
