"""Bounds of a request: how many at once, how big, how long. They hold without a proxy in front. S15."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web_interface.auth.guessing import network_of
from web_interface.security.answers import header, refuse

KIB, MIB = 1024, 1024 * 1024
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bounds:
    """`big_bodies`: paths (prefixes) that may take more than `body`, in bytes. Streams are counted apart: they last."""

    at_once: int = 200
    per_address: int = 20
    wait_s: float = 5.0
    body: int = MIB
    body_s: float = 60.0
    json_depth: int = 32
    streams: int = 200
    streams_per_address: int = 20
    big_bodies: Mapping[str, int] = field(default_factory=dict)

    def body_of(self, path: str) -> int:
        """Bytes that path may take."""
        for prefix, size in self.big_bodies.items():
            if path.startswith(prefix):
                return size
        return self.body


class _TooMuch(Exception):
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Limits:
    """Outermost layer but for the headers. `/healthz` is always let in: it must answer under any load."""

    def __init__(self, app: ASGIApp, bounds: Bounds, stream_paths: tuple[str, ...]) -> None:
        self._app, self._bounds, self._stream_paths = app, bounds, stream_paths
        self._running = 0
        self._streams = 0
        self._streams_of: dict[str, int] = {}
        self._slots: dict[str, _Slots] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/healthz":
            await self._app(scope, receive, send)
            return
        client = network_of(scope["client"][0]) if scope.get("client") else ""
        if scope["path"] in self._stream_paths:
            await self._stream(client, scope, receive, send)
        else:
            await self._request(client, scope, receive, send)

    async def _stream(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._streams >= self._bounds.streams or self._streams_of.get(client, 0) >= self._bounds.streams_per_address:
            await refuse(scope, receive, send, 429, "too many open streams", headers=[("retry-after", "10")])
            return
        self._streams += 1
        self._streams_of[client] = self._streams_of.get(client, 0) + 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._streams -= 1
            self._streams_of[client] -= 1
            if not self._streams_of[client]:
                del self._streams_of[client]

    async def _request(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._running >= self._bounds.at_once:
            detail = "the server is busy: too many requests at once"
            await refuse(scope, receive, send, 503, detail, headers=[("retry-after", "2")])
            return
        self._running += 1
        slots = self._slots.setdefault(client, _Slots(self._bounds.per_address))
        slots.users += 1
        try:
            if not await slots.take(self._bounds.wait_s):
                detail = f"more than {self._bounds.per_address} requests at once from this address"
                await refuse(scope, receive, send, 429, detail, headers=[("retry-after", "2")])
                return
            try:
                await self._bounded(scope, receive, send)
            finally:
                slots.give()
        finally:
            slots.users -= 1
            if not slots.users:
                self._slots.pop(client, None)
            self._running -= 1

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            most = self._check_head(scope)
            source = _Counted(receive, most, self._bounds.body_s)
            if "json" in (header(scope, b"content-type") or ""):
                body = await source.whole()
                if _depth(body) > self._bounds.json_depth:
                    raise _TooMuch(400, f"JSON is nested deeper than {self._bounds.json_depth} levels")
                await self._app(scope, _Replay(body, receive), watched)
            else:
                await self._app(scope, source, watched)
        except _TooMuch as exc:
            if started:
                raise
            await refuse(scope, receive, send, exc.status, exc.detail)

    def _check_head(self, scope: Scope) -> int:
        """Bytes the body may have. Raises _TooMuch for what is wrong already from the headers."""
        most = self._bounds.body_of(str(scope["path"]))
        if (header(scope, b"content-encoding") or "identity") != "identity":
            raise _TooMuch(415, "compressed request bodies are not taken")
        length = header(scope, b"content-length")
        if length is not None and (not length.isdigit() or int(length) > most):
            raise _TooMuch(413, f"the body is larger than {most} bytes")
        return most


class _Slots:
    """So many at once of one address; the others wait their turn."""

    def __init__(self, number: int) -> None:
        self._semaphore = asyncio.Semaphore(number)
        self.users = 0

    async def take(self, wait_s: float) -> bool:
        try:
            async with asyncio.timeout(wait_s):
                await self._semaphore.acquire()
        except TimeoutError:
            return False
        return True

    def give(self) -> None:
        self._semaphore.release()


class _Counted:
    """The request's body: raises _TooMuch past `most` bytes or `seconds`."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most = receive, most
        self._until = asyncio.get_running_loop().time() + seconds
        self._taken = 0
        self._over = False

    async def __call__(self) -> Message:
        if self._over:  # after the body only a disconnect can come, whenever it likes
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise _TooMuch(408, "the body took too long") from None
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > self._most:
                raise _TooMuch(413, f"the body is larger than {self._most} bytes")
            self._over = not message.get("more_body", False)
        else:
            self._over = True
        return message

    async def whole(self) -> bytes:
        parts: list[bytes] = []
        while not self._over:
            message = await self()
            parts.append(message.get("body", b""))
        return b"".join(parts)


class _Replay:
    """A body that was read already, given again; then what the server sends."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _depth(body: bytes) -> int:
    """Deepest nesting of arrays and objects; what stands in strings does not count. Linear in the length."""
    depth = deepest = 0
    for match in _TOKEN.finditer(body):
        token = match.group()
        if token in {b"[", b"{"}:
            depth += 1
            deepest = max(deepest, depth)
        elif token in {b"]", b"}"}:
            depth -= 1
    return deepest
