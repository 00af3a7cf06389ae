"""Runs the pages over the invented shop: `python -m tests.web_interface.preview --port 8090`. Everyone is the named user; no login.

For screenshots and for the browser tests of the pages. The real application with its login is web_interface/app.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

os.environ.setdefault("NICEGUI_STORAGE_PATH", os.path.join(os.environ.get("TMPDIR", "/tmp"), "em-preview-storage"))  # noqa: PTH118

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from nicegui import ui

from tests.web_interface.fakes import PASSWORD, build_services
from web_interface import pages
from web_interface.auth import Visit
from web_interface.services import Services


class AsUser:
    """ASGI: each request belongs to the account `name`, as the session's owner would."""

    def __init__(self, app: Any, services: Services, name: str) -> None:
        self._app, self._services, self._name = app, services, name
        self._visit: Visit | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            if self._visit is None:
                _user, session = await self._services.access.login(self._name, PASSWORD, "127.0.0.1")
                self._visit = Visit(self._services.access, session, "127.0.0.1")
            scope.setdefault("state", {})["access"] = self._visit
        await self._app(scope, receive, send)


def build(services: Services, user: str) -> FastAPI:
    """The pages alone, on an application of their own."""
    api = FastAPI()
    api.mount("/static", StaticFiles(directory=pages.STATIC))
    pages.register(services)
    api.add_middleware(AsUser, services=services, name=user)
    ui.run_with(api, title="Energy Monitoring", language="ru", tailwind=False, binding_refresh_interval=None, show_welcome_message=False)
    return api


async def serve(port: int, user: str) -> None:
    """Serve until stopped; prints the address once it listens (port 0: a free one)."""
    built: Any = build_services()
    services = await built if asyncio.iscoroutine(built) else built
    server = uvicorn.Server(uvicorn.Config(build(services, user), host="127.0.0.1", port=port, log_level="warning"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
        if running.done():
            break
    for listener in server.servers:
        print(f"listening on {listener.sockets[0].getsockname()[1]}", flush=True)
    await running


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=8090)
    options.add_argument("--user", default="admin")
    chosen = options.parse_args()
    asyncio.run(serve(chosen.port, chosen.user))
