"""The web application: API, plain pages, live pages and files behind one gate."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp

from domain.floor import LARGEST_BYTES
from web_interface.api import add_api
from web_interface.live_pages import add_live_pages, live_page_count
from web_interface.plain.routes import PlainOptions, PlainRoutes, cookie_name
from web_interface.security.errors import Errors
from web_interface.security.gate import Gate, GateOptions
from web_interface.security.headers import SecurityHeaders
from web_interface.security.hosts import Hosts
from web_interface.security.limits import MIB, Bounds, Limits
from web_interface.services import Services
from web_interface.static_files import STATIC, KeptFiles, ThemeSheet

log = logging.getLogger(__name__)

_BIG_BODIES = {
    "/api/plant": 4 * MIB, "/api/energy/prices": 4 * MIB, "/api/floor/picture": LARGEST_BYTES,
    "/api/reports/templates/": 5 * MIB, "/_nicegui/client/": 50 * MIB,
}  # fmt: skip
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def _system_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class WebOptions:
    """`tls`: served over HTTPS (also by a proxy in front). `allowed_hosts`: names beside localhost, our own and IP addresses.

    `origins`: full origins of other sites that may call us ("https://intra.example"). `pages`: False leaves the live pages
    away. `now_us`: UTC microseconds, the clock of relative questions.
    """

    title: str = "Energy Monitoring"
    tls: bool = False
    allowed_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    pages: bool = True
    now_us: Callable[[], int] = _system_us
    bounds: Bounds = field(default_factory=lambda: Bounds(big_bodies=dict(_BIG_BODIES)))


def build_web(services: Services, *, options: WebOptions | None = None, lifespan: Lifespan | None = None) -> FastAPI:
    """Everything that answers HTTP. Serve it with `web_interface.server.server_config`."""
    options = options or WebOptions()
    app = FastAPI(title=options.title, openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False)
    hosts = Hosts(options.allowed_hosts, options.origins)
    cookie = cookie_name(tls=options.tls)
    plain = PlainRoutes(services.access, PlainOptions(cookie, options.tls, lambda: _site_language(services)))
    app.router.routes.extend(plain.routes())
    app.add_route("/favicon.ico", _favicon, methods=["GET"], include_in_schema=False)
    add_api(app, services, options.now_us)
    theme = ThemeSheet()
    app.mount("/static", KeptFiles(theme), name="static")
    if options.pages:
        add_live_pages(app, services, hosts, title=options.title, theme=theme.href)
    _wrap(app, services, hosts, options, cookie)
    return app


def _wrap(app: FastAPI, services: Services, hosts: Hosts, options: WebOptions, cookie: str) -> None:
    """Layers from the inside out: gate, limits, errors, headers. The last added is the first to see a request."""

    def gate(inner: ASGIApp) -> ASGIApp:
        return Gate(inner, services.access, hosts, GateOptions(cookie, live_page_count))

    def limits(inner: ASGIApp) -> ASGIApp:
        return Limits(inner, options.bounds, ("/api/stream",))

    def headers(inner: ASGIApp) -> ASGIApp:
        return SecurityHeaders(inner, tls=options.tls)

    for layer in (gate, limits, Errors, headers):
        app.add_middleware(layer)


def _site_language(services: Services) -> str:
    return services.plant.plant.site.language


async def _favicon(_request: Request) -> Response:
    return FileResponse(STATIC / "plain" / "icon.svg", media_type="image/svg+xml")
