"""The gate: nobody passes who is not known. Deny by default; what is open stands in two short lists. S6, S8-S10, S13, S26."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

from domain.access import Actor, User
from domain.errors import StorageError
from web_interface.auth import STATE, Visit
from web_interface.auth.sessions import anti_forgery_token
from web_interface.security.answers import answer, header, refuse, wants_page
from web_interface.security.hosts import Hosts
from web_interface.security.rate import Rate
from web_interface.security.sockets import GuardedSocket, SocketCounts
from web_interface.services.access import AccessService

log = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/healthz", "/login", "/setup", "/favicon.ico"})
WHO_AM_I = "/api/session"  # a page without a connection asks by itself: that is no use of the session
OPEN_FILES = ("/static/theme/", "/static/plain/")
KEY_PATHS = ("/api/", "/metrics", "/readyz")  # an API key opens these; a session opens everything
SOCKET_PATH = "/_nicegui_ws"
# Posts of live pages (file uploads): the path holds the page's own random id, and the Origin is demanded.
PAGE_POSTS = "/_nicegui/client/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_HEADER = b"x-csrf-token"
FORM_TYPES = (
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
)  # what a foreign page can make a browser send
PAGE_LOADS_A_MINUTE = 30
REFUSALS_A_MINUTE = 10
LIVE_PAGES = 500


@dataclass(frozen=True, slots=True)
class GateOptions:
    """`cookie`: name of the session cookie; `live_pages`: number of live pages now."""

    cookie: str
    live_pages: Callable[[], int]


class Gate:
    """Checks Host, Origin, session or key, and the anti-forgery token; tells the application who asks."""

    def __init__(self, app: ASGIApp, access: AccessService, hosts: Hosts, options: GateOptions) -> None:
        self._app, self._access, self._hosts, self._options = app, access, hosts, options
        self._loads = Rate(PAGE_LOADS_A_MINUTE, 60.0)
        self._refusals = Rate(REFUSALS_A_MINUTE, 60.0)
        self._sockets = SocketCounts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if not self._hosts.host_known(scope):
            await self._turn_away(scope, receive, send, 400, "this host name is not served here", "host")
            return
        # The prefix header is for proxies; from anybody else it would be written into the page.
        scope["headers"] = [line for line in scope["headers"] if line[0] != b"x-forwarded-prefix"]
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    # -- requests ------------------------------------------------------------------------------------------------

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = str(scope["path"]), str(scope["method"])
        if path.startswith(SOCKET_PATH):
            await self._turn_away(scope, receive, send, 400, "only WebSocket is spoken here", "polling")
            return
        changing = method not in SAFE
        ours = self._hosts.origin_ours(scope)
        if changing and (ours is False or (ours is None and path.startswith(PAGE_POSTS))):
            await self._turn_away(scope, receive, send, 403, "the request comes from a foreign page", "origin")
            return
        session_id, user = self._session(scope, touch=path != WHO_AM_I)
        state = scope.setdefault("state", {})
        state[STATE] = Visit(self._access, session_id if user else None, source_of(scope))
        state["user"] = user
        if path in OPEN_PATHS or path.startswith(OPEN_FILES):
            if path != "/healthz" and not path.startswith(OPEN_FILES) and not await self._may_load(scope, receive, send, user):
                return
            await self._app(scope, receive, send)
        elif user is not None:
            await self._with_session(scope, receive, send, session_id or "", user, changing=changing)
        else:
            await self._without_session(scope, receive, send)

    async def _with_session(
        self, scope: Scope, receive: Receive, send: Send, session_id: str, user: User, *, changing: bool
    ) -> None:
        path = str(scope["path"])
        if changing and not path.startswith(PAGE_POSTS):
            token = header(scope, TOKEN_HEADER) or ""
            form = path == "/logout"  # a plain form: it brings its token in a field, checked where it is read
            if not form and not hmac.compare_digest(token.encode(), anti_forgery_token(session_id).encode()):
                detail = "the anti-forgery token is missing or wrong (header X-CSRF-Token, from GET /api/session)"
                await self._turn_away(scope, receive, send, 403, detail, "anti-forgery token", who=user.name)
                return
            if not form and (header(scope, b"content-type") or "").partition(";")[0].strip().lower() in FORM_TYPES:
                await refuse(scope, receive, send, 415, "forms are not taken here; send JSON")
                return
        if wants_page(scope) and not changing and self._options.live_pages() >= LIVE_PAGES:
            await refuse(scope, receive, send, 503, "too many live pages are open", headers=[("retry-after", "30")])
            return
        scope["state"][STATE].actor = Actor(user.name, user.role, source_of(scope))
        await self._app(scope, receive, send)

    async def _without_session(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"])
        key = _bearer(scope)
        if key is not None and (path.startswith(KEY_PATHS) or path == "/api"):
            try:
                actor = await self._access.key(key)
            except StorageError as exc:
                log.warning("a key could not be checked: %s", exc)
                detail = "the key cannot be checked now: the database does not answer"
                await refuse(scope, receive, send, 503, detail, headers=[("retry-after", "5")])
                return
            if actor is not None:
                source = source_of(scope)
                scope["state"][STATE] = Visit(self._access, None, source, Actor(actor.name, actor.role, source))
                await self._app(scope, receive, send)
                return
            if not await self._may_load(scope, receive, send, None):
                return
            await self._note(scope, "an unknown or expired key")
            await refuse(
                scope, receive, send, 401, "the key is unknown, expired or revoked", headers=[("www-authenticate", "Bearer")]
            )
            return
        if not await self._may_load(scope, receive, send, None):
            return
        if wants_page(scope) and scope["method"] in SAFE:
            await answer(send, 303, b"", "text/plain", [("location", "/login?next=" + quote(_relative(scope), safe="/"))])
            return
        detail = "log in, or send an API key: Authorization: Bearer KEY"
        await refuse(scope, receive, send, 401, detail, headers=[("www-authenticate", "Bearer")])

    async def _may_load(self, scope: Scope, receive: Receive, send: Send, user: User | None) -> bool:
        """30 a minute and address without a session."""
        if user is not None or self._loads.take(source_of(scope)):
            return True
        await refuse(
            scope, receive, send, 429, "too many requests without login from this address", headers=[("retry-after", "60")]
        )
        return False

    # -- sockets -------------------------------------------------------------------------------------------------

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_id, user = self._session(scope, touch=False)
        if self._hosts.origin_ours(scope) is not True:
            await self._turn_away(
                scope, receive, send, 403, "foreign origin", "origin of a socket", who=user.name if user else ""
            )
            return
        if user is None or session_id is None or not str(scope["path"]).startswith(SOCKET_PATH):
            await refuse(scope, receive, send, 403, "no session")
            return
        if not self._sockets.open(session_id):
            await self._turn_away(scope, receive, send, 429, "too many sockets", "too many sockets", who=user.name)
            return
        try:
            await GuardedSocket(self._access, session_id).run(self._app, scope, receive, send)
        finally:
            self._sockets.close(session_id)

    # -- inside --------------------------------------------------------------------------------------------------

    def _session(self, scope: Scope, *, touch: bool) -> tuple[str | None, User | None]:
        for name, value in _cookies(scope):
            if name == self._options.cookie:
                return value, self._access.session(value, touch=touch)
        return None, None

    async def _turn_away(
        self, scope: Scope, receive: Receive, send: Send, status: int, detail: str, why: str, *, who: str = ""
    ) -> None:
        await self._note(scope, why, who)
        await refuse(scope, receive, send, status, detail)

    async def _note(self, scope: Scope, why: str, who: str = "") -> None:
        """To the audit, but not more often than anybody can read."""
        source = source_of(scope)
        if self._refusals.take(source):
            await self._access.refused(who, source, f"{why}: {scope.get('method', 'socket')} {scope['path']}")


def source_of(scope: Scope) -> str:
    """The address a request really came from; forwarding headers can be made up."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def _bearer(scope: Scope) -> str | None:
    scheme, _, value = (header(scope, b"authorization") or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def _cookies(scope: Scope) -> list[tuple[str, str]]:
    pairs = []
    for key, line in scope["headers"]:
        if key == b"cookie":
            for part in bytes(line).decode("latin-1").split(";"):
                name, _, value = part.strip().partition("=")
                pairs.append((name, value))
    return pairs


def _relative(scope: Scope) -> str:
    """Path and query of the request, never another site."""
    query = bytes(scope.get("query_string", b"")).decode("latin-1")
    path = "/" + str(scope["path"]).lstrip("/")
    return path + (f"?{query}" if query else "")
