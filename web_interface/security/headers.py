"""Headers of every response. S11 of the security requirements."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_COMMON = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; connect-src 'self'"
STRICT = _COMMON + "; script-src 'self'; style-src 'self'; img-src 'self' data:"
# Live pages are made by NiceGUI, which needs exceptions:
#   script 'unsafe-inline'  the page's elements and import map stand in inline scripts, written anew for each page
#   script 'unsafe-eval'    Vue compiles its templates in the browser; the server's events run as functions made from text
#   style 'unsafe-inline'   Quasar and NiceGUI set style attributes and inline <style> layers
#   img data: blob:         icons and chart images drawn in the page
#   font data:              the icon fonts of Quasar
#   worker blob:            the chart and table libraries start their workers from a blob
LIVE = (
    _COMMON + "; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " font-src 'self' data:; worker-src 'self' blob:"
)
ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")
_HIDDEN = {b"server", b"x-powered-by", b"x-nicegui-content"}
_PLAIN = ("/api", "/login", "/setup", "/logout", "/static/", "/metrics", "/healthz", "/readyz")
_OWN_CACHING = ("/api/floor/picture",)  # asked again each time, answered 304 while the caller has it
_KEPT = ("/static/", "/_nicegui/")  # files that belong to the product: may be cached


class SecurityHeaders:
    """Adds them to whatever answers, also to what the inner layers refuse."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._always = (*ALWAYS, HSTS) if tls else ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        policy = (STRICT if path.startswith(_PLAIN) else LIVE).encode()
        kept = path.startswith(_KEPT) or path in _OWN_CACHING

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _complete(message, self._always, policy, kept=kept)
            await send(message)

        await self._app(scope, receive, with_headers)


def _complete(message: MutableMapping[str, Any], always: tuple[tuple[bytes, bytes], ...], policy: bytes, *, kept: bool) -> None:
    given = [(bytes(k).lower(), bytes(v)) for k, v in message.get("headers", ()) if bytes(k).lower() not in _HIDDEN]
    names = {name for name, _ in given}
    added = [line for line in always if line[0] not in names]
    if b"content-security-policy" not in names:
        added.append((b"content-security-policy", policy))
    if not kept or message["status"] >= 400:
        given = [line for line in given if line[0] != b"cache-control"]
        added.append((b"cache-control", b"no-store"))
    message["headers"] = [*given, *added]
