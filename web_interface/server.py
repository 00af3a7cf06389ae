"""The HTTP server: uvicorn with the deadlines and bounds it lacks. S15: headers 16 KiB within 10 s; connections are counted."""

from __future__ import annotations

import asyncio
import logging
from asyncio.events import TimerHandle
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web_interface.auth.guessing import network_of
from web_interface.security.sockets import MESSAGE_BYTES

log = logging.getLogger(__name__)

HEADER_BYTES, HEADER_S = 16 * 1024, 10.0
CONNECTIONS, CONNECTIONS_PER_ADDRESS = 1500, 800  # a shop's browsers may all come from one address
STOP_S = 3
# After a refusal what is still on its way is read and thrown away for a moment: closing at once would reset the
# connection, and the client would never see why.
LINGER_S, LINGER_BYTES = 5.0, 8 * 1024 * 1024
_REASONS = {408: "Request Timeout", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


class BoundedHttp(HttpToolsProtocol):
    """A connection whose headers must be small and come soon. `open` counts connections by address, all of one process."""

    open: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = network_of(self.client[0]) if self.client else ""
        self._waiting = True
        self._header_bytes = 0
        self._refused = False
        self._thrown_away = 0
        self._lingering: TimerHandle | None = None
        self.open[self._peer] += 1
        self._timer: TimerHandle | None = self.loop.call_later(HEADER_S, self._too_slow)
        if self.open[self._peer] > CONNECTIONS_PER_ADDRESS or self.open.total() > CONNECTIONS:
            self._refuse(503, "too many connections")

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_lingering()
        self._count_out()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._throw_away(len(data))
            return
        if self._waiting:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._waiting and not self._refused and self._header_bytes > HEADER_BYTES:
            self._refuse(431, "the headers are larger than 16 KiB")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._waiting = True
        self._header_bytes = 0
        if self._timer is None:
            self._timer = self.loop.call_later(HEADER_S, self._too_slow)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._waiting = False
        if self._refused:
            return
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEADER_BYTES:
            self._refuse(431, "the headers are larger than 16 KiB")
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        if self.cycle is not None and self.cycle.response_complete:
            self._throw_away(len(body))  # answered before the body was read, as with 413
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused:
            return
        self._stop_lingering()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """The connection goes over to another protocol object, which will not tell us of its end: it is counted there."""
        if self._refused:
            return
        self._stop_timer()
        self._count_out()
        super().handle_websocket_upgrade()

    def _count_out(self) -> None:
        self.open[self._peer] -= 1
        if self.open[self._peer] <= 0:
            del self.open[self._peer]

    def _too_slow(self) -> None:
        self._timer = None
        if self._waiting and self.transport is not None and not self.transport.is_closing():
            self._refuse(408, "the headers took longer than 10 s")

    def _refuse(self, status: int, detail: str) -> None:
        self._refused = True
        self._stop_timer()
        body = detail.encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._throw_away(0)

    def _throw_away(self, number: int) -> None:
        self._thrown_away += number
        if self._lingering is None:
            self._lingering = self.loop.call_later(LINGER_S, self.transport.close)
        if self._thrown_away > LINGER_BYTES:
            self.transport.abort()

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def server_config(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    **more: Any,
) -> uvicorn.Config:
    """uvicorn as the product runs it; with `tls_cert` and `tls_key` over HTTPS (TLS 1.2 or later). `more`: uvicorn's names."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedHttp,
        ws_max_size=MESSAGE_BYTES,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        ssl_certfile=str(tls_cert) if tls_cert else None,
        ssl_keyfile=str(tls_key) if tls_key else None,
        **{
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "proxy_headers": False,  # a forwarded address can be made up; ours is the one that connected
            "timeout_keep_alive": 20,
            "timeout_graceful_shutdown": STOP_S,
            "backlog": 512,
            **more,
        },
    )
