"""Live sockets: each message passes only while its session lives; size, pace and number are bounded. S6, S7, S16."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web_interface.services.access import AccessService

log = logging.getLogger(__name__)

MESSAGE_BYTES = 64 * 1024
MESSAGES_A_SECOND = 20
BURST_S = 5.0  # the pace is judged over this: a click opens with several messages at once
PER_SESSION, IN_ALL = 10, 500
CHECK_S = 2.0
FAREWELL_S = 1.5  # time for the page to be sent to /login before its socket is closed
_LOGIN_GONE = 4401


class SocketCounts:
    """Open sockets, in all and by session."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    def open(self, session_id: str) -> bool:
        """False when there are too many already."""
        if self._of[session_id] >= PER_SESSION or self._of.total() >= IN_ALL:
            return False
        self._of[session_id] += 1
        return True

    def close(self, session_id: str) -> None:
        self._of[session_id] -= 1
        if self._of[session_id] <= 0:
            del self._of[session_id]


class GuardedSocket:
    """One socket of a session."""

    def __init__(self, access: AccessService, session_id: str) -> None:
        self._access, self._session_id = access, session_id
        self._times: deque[float] = deque()
        self._closing = False

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Until either side closes, or the session ends."""

        async def guarded() -> Message:
            message = await self._next(receive)
            if message["type"] == "websocket.receive" and not self._passes(message):
                await self._close(send)
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        async def watched(message: Message) -> None:
            if not self._closing:
                await send(message)

        watcher = asyncio.create_task(self._watch(send), name="socket:session")
        try:
            await app(scope, guarded, watched)
        finally:
            watcher.cancel()

    async def _next(self, receive: Receive) -> Message:
        message = await receive()
        if self._closing and message["type"] != "websocket.disconnect":
            return {"type": "websocket.disconnect", "code": _LOGIN_GONE}
        return message

    async def _watch(self, send: Send) -> None:
        """A page that only listens is closed too when its session ends."""
        while self._access.session(self._session_id, touch=False) is not None:  # noqa: ASYNC110 - ends by the clock too
            await asyncio.sleep(CHECK_S)
        await asyncio.sleep(FAREWELL_S)
        await self._close(send)

    async def _close(self, send: Send) -> None:
        if not self._closing:
            self._closing = True
            try:
                await send({"type": "websocket.close", "code": _LOGIN_GONE, "reason": "session over"})
            except (RuntimeError, OSError):
                log.debug("the socket was closed already")

    def _passes(self, message: Message) -> bool:
        text, data = message.get("text"), message.get("bytes")
        if len(text or data or "") > MESSAGE_BYTES:
            log.warning("a socket message of %d bytes was refused", len(text or data or ""))
            return False
        acts = bool(text) and str(text).startswith('42["event"')  # somebody did something; the rest are heartbeats and receipts
        if self._access.session(self._session_id, touch=acts) is None:
            return False
        now = time.monotonic()
        self._times.append(now)
        while now - self._times[0] > BURST_S:
            self._times.popleft()
        if len(self._times) > MESSAGES_A_SECOND * BURST_S:
            log.warning("a socket sent more than %d messages a second", MESSAGES_A_SECOND)
            return False
        return True
