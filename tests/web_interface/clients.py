"""HTTP clients against the application over the invented shop, and a real server for what needs a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast
from unittest import mock

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.access import Actor, Role
from tests.web_interface.fakes import PASSWORD, FakeServices
from web_interface.api import service_routes
from web_interface.app import WebOptions, build_web
from web_interface.server import server_config
from web_interface.services import Services

ADMIN = Actor("admin", Role.ADMIN, "test")


_ASKED: ContextVar[tuple[FakeServices, Callable[[], int]]] = ContextVar("asked")
"""Services and clock of the application that answers the request at hand."""


class _Part:
    """One of the services, whichever application is asked."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(_ASKED.get()[0], self._name), name)


class _Asked:
    """The services of whichever application is asked."""

    def __getattr__(self, name: str) -> Any:
        asked = _ASKED.get(None)
        return _Part(name) if asked is None else getattr(asked[0], name)


@cache
def _shared_routes() -> tuple[APIRouter, ...]:
    """Building the routes takes a fifth of a second, most of what a test of the API takes: they are built once for all tests."""

    def now_us() -> int:
        return _ASKED.get()[1]()

    return service_routes(cast("Services", _Asked()), now_us)


class _Answering:
    """ASGI, outermost: says whose services the shared routes ask."""

    def __init__(self, app: ASGIApp, asked: tuple[FakeServices, Callable[[], int]]) -> None:
        self._app, self._asked = app, asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _ASKED.set(self._asked)
        try:
            await self._app(scope, receive, send)
        finally:
            _ASKED.reset(token)


def web(services: FakeServices, **options: object) -> FastAPI:
    """The application without live pages, on the shop's clock."""
    chosen = WebOptions(pages=False, now_us=services.clock.now_us, **options)  # type: ignore[arg-type]
    with mock.patch("web_interface.api.service_routes", return_value=_shared_routes()):
        app = build_web(services, options=chosen)
    app.add_middleware(_Answering, asked=(services, chosen.now_us))
    return app


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
