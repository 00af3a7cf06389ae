"""NiceGUI inside the application: mounted behind the gate, its own weak spots closed."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from nicegui import Client, core, ui
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from web_interface import pages
from web_interface.auth import visit_of
from web_interface.plain.page import error_page, language_of
from web_interface.plain.routes import safe_target
from web_interface.security.answers import new_reference
from web_interface.security.errors import LOGGED
from web_interface.security.hosts import Hosts
from web_interface.services import Services

log = logging.getLogger(__name__)
COMPRESSED = 4  # of 9: the event loop compresses; 9 takes more than twice the time for 4 % fewer bytes
RECONNECT_S = 8.0  # a browser on a busy computer answers late: a ping each 6.4 s may take 3.2 s, then its page waits for so long


def add_live_pages(app: FastAPI, services: Services, hosts: Hosts, *, title: str, theme: str) -> None:
    """Register the pages and mount them at /. No storage secret: NiceGUI then keeps no file and sets no cookie for anybody."""
    _forget_earlier()
    pages.register(services, theme)
    core.app.config.socket_io_js_transports = ["websocket"]
    core.sio.eio.cors_allowed_origins = lambda _origin, environ: hosts.origin_ours(environ["asgi.scope"]) is True
    core.app.add_exception_handler(404, _not_found)
    core.app.add_exception_handler(Exception, _failed)
    ui.run_with(
        app,
        title=title,
        favicon=None,
        language="ru",
        dark=None,
        tailwind=False,
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        show_welcome_message=False,
        storage_secret=None,
        gzip_middleware_factory=partial(GZipMiddleware, compresslevel=COMPRESSED),
    )
    services.access.on_session_end(send_away)


def _forget_earlier() -> None:
    """NiceGUI has one application a process. What was built in it before, as tests build many, has put its layers there; once a
    page has been served it would take no more, and everybody's pages would pass through the layers of all."""
    core.app.user_middleware.clear()
    core.app.middleware_stack = None
    Client.shared_head_html = ""


def live_page_count() -> int:
    """Pages open now, or being built."""
    return len(Client.instances)


def send_away(session_id: str) -> None:
    """A session ended: its pages go to the login at once; the gate closes their sockets a moment later."""
    for client in list(Client.instances.values()):
        visit = visit_of(client) if has_request(client) else None
        if visit is not None and visit.session_id == session_id:
            client.open(login_and_back(client.request))


def login_and_back(request: Request) -> str:
    """The login that leads back to the page of `request`, so that a screen on the wall is one again."""
    target = safe_target(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    return "/login" if target == "/" else f"/login?next={quote(target, safe='')}"


def has_request(client: Client) -> bool:
    """Pages made for no visitor have none."""
    return getattr(client, "_request", None) is not None


def _lang(request: Request) -> str:
    user = getattr(request.state, "user", None)
    chosen = user.language if user is not None else None
    return str(chosen) if chosen else language_of(request.headers.get("accept-language"))


async def _not_found(request: Request, _exc: Any) -> Response:
    """A plain page: a live one would be memory for a typing error."""
    return Response(error_page(404, _lang(request), asked=request.url.path), 404, media_type="text/html")


async def _failed(request: Request, exc: Exception) -> Response:
    """No name of an exception, no trace: a reference number, under which the log has them."""
    reference = new_reference()
    log.error("reference %s: %s", reference, request.url.path, exc_info=exc)
    setattr(request.state, LOGGED, True)
    return Response(error_page(500, _lang(request), reference=reference, asked=request.url.path), 500, media_type="text/html")
