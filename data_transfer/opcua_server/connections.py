"""OPC UA on the socket: chunks cut by their length before anything is made of them, limits of who and how much (S28)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.ua_binary import header_from_binary, uatcp_to_binary

from data_transfer.opcua_server.access import Limits, Principal, Trust
from data_transfer.opcua_server.guard import Core, Processor, Refused, Session
from data_transfer.opcua_server.reading import MOST_PIECES_BEFORE, Careful
from data_transfer.opcua_server.subscriptions import Subscription
from data_transfer.served_connections import OpenConnections
from domain.ports import Clock
from domain.served import ServedClient

log = logging.getLogger(__name__)

_HEAD: Final = struct.Struct("<3ssI")
_KINDS: Final = {b"HEL": 32, b"OPN": 12, b"MSG": 12, b"CLO": 12}  # with the fewest bytes each can have
_LONGEST_HELLO: Final = 8192
QUIET_S: Final = 30.0  # a client that takes none of its answers for so long is closed
Login = Callable[[str, str, str], Awaitable[Principal | None]]


class Connections(OpenConnections["Connection"]):
    """All clients of the server."""

    def __init__(
        self, core: Core, policies: list[Any], limits: Limits, trust: Trust, login: Login,
        gone: Callable[[str], None], refused: Counter[str], clock: Clock,
    ) -> None:
        super().__init__()
        self.core, self.policies, self.limits, self.trust, self.login = core, policies, limits, trust, login
        self.gone, self.refused, self.clock = gone, refused, clock
        self.ending: set[asyncio.Task[None]] = set()

    def factory(self) -> Connection:
        return Connection(self)

    def clients(self) -> list[ServedClient]:
        """Who is connected, the oldest first. May be called from any thread."""
        return [connection.told() for connection in list(self.open)]

    def judge(self, address: str) -> str | None:
        """Why a new connection from there is refused; None: it is welcome."""
        return self.crowded(address, self.limits.connections, self.limits.per_address)

    def look(self) -> None:
        """Once a second: close those that do not sign in, take nothing, or are trusted no longer."""
        now = self.clock.monotonic()
        for connection in list(self.open):
            reason = connection.overdue(now)
            if reason is not None:
                connection.refuse(Refused(reason, ua.StatusCodes.BadTimeout))


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, owner: Connections) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._processor: Processor | None = None
        self._task: asyncio.Task[None] | None = None
        self._buffer = bytearray()
        self._frames: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._arrived, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()
        self._reading = True
        self._stuck_since: float | None = None
        self._pending_since: float | None = owner.clock.monotonic()  # without an activated session
        self._checked = 0
        self.address, self.requests = "", 0
        self.since_us = owner.clock.now_us()
        self.last_us: int | None = None

    # -- the socket ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        refusal = self._owner.judge(self.address)
        if refusal is not None:
            self.refused(refusal)
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(self._owner.limits.waiting_bytes)
        self._processor = Processor(self._owner.core, self._transport, self._owner.limits, self)
        self._processor.set_policies(self._owner.policies)
        self._owner.open[self] = None
        self._task = asyncio.get_running_loop().create_task(self._work(), name=f"opcua-client:{self.address}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.forget(self)
        if self._task is not None:
            self._task.cancel()
        if self._processor is not None:
            session = self._processor.session
            if session is not None and session.principal is not None and session.principal.ticket:
                self._owner.gone(session.principal.ticket)
            task = asyncio.get_running_loop().create_task(self._processor.close(), name="opcua-close")
            self._owner.ending.add(task)
            task.add_done_callback(self._owner.ending.discard)

    def pause_writing(self) -> None:
        """The client does not take its answers: nothing more is worked on for it until it does."""
        self._writable.clear()
        self._stuck_since = self._owner.clock.monotonic()

    def resume_writing(self) -> None:
        self._writable.set()
        self._stuck_since = None

    def data_received(self, data: bytes) -> None:
        buffer, limits = self._buffer, self._owner.limits
        buffer += data
        at, size = 0, len(buffer)
        while size - at >= _HEAD.size:
            kind, _chunk, length = _HEAD.unpack_from(buffer, at)
            fewest = _KINDS.get(kind)
            most = _LONGEST_HELLO if kind == b"HEL" else limits.chunk_bytes
            if fewest is None or not fewest <= length <= most:
                code = ua.StatusCodes.BadTcpMessageTypeInvalid if fewest is None else ua.StatusCodes.BadTcpMessageTooLarge
                self.refuse(Refused("frame", code))
                return
            if size - at < length:
                break
            self._frames.append(bytes(buffer[at : at + length]))
            self._waiting_bytes += length
            at += length
        if at:
            del buffer[:at]
            self._arrived.set()
        full = len(self._frames) >= limits.waiting_requests or self._waiting_bytes >= limits.message_bytes
        if self._reading and full and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    # -- the work -----------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Its messages one after the other."""
        try:
            while True:
                while not self._frames:
                    self._arrived.clear()
                    await self._arrived.wait()
                await self._writable.wait()
                frame = self._frames.popleft()
                self._waiting_bytes -= len(frame)
                if not await self._one(frame):
                    break
                if not self._reading and self._half_empty():
                    self._resume()
                await asyncio.sleep(0)  # the others' turn, whatever it has sent
            self.close()
        except Refused as exc:
            self.refuse(exc)
        except (ServiceError, ua.uaerrors.UaStatusCodeError) as exc:
            self.refuse(Refused("frame", int(exc.code)))
        except Exception as exc:  # noqa: BLE001 - what somebody sent must not end more than its connection
            log.debug("OPC UA server: %s sent what cannot be understood: %r", self.address, exc)
            self.refuse(Refused("frame", ua.StatusCodes.BadSecurityChecksFailed))

    async def _one(self, frame: bytes) -> bool:
        buffer = Careful(frame, MOST_PIECES_BEFORE)
        header = header_from_binary(buffer)
        if self._processor is None:
            return False
        self.requests += 1
        self.last_us = self._owner.clock.now_us()
        return await self._processor.process(header, buffer)

    def _half_empty(self) -> bool:
        limits = self._owner.limits
        return len(self._frames) < limits.waiting_requests // 2 and self._waiting_bytes < limits.message_bytes // 2

    def _resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    # -- asked by the guard -------------------------------------------------------------------------------------------

    def refused(self, kind: str) -> None:
        """Count one."""
        self._owner.refused[kind] += 1
        log.warning("OPC UA server: %s was refused: %s", self.address or "?", kind)

    def trust_refusal(self, certificate: bytes) -> str | None:
        return self._owner.trust.refusal(certificate, self.address)

    async def sign_in(self, name: str, password: str) -> Principal | None:
        """None: refused."""
        found = await self._owner.login(name, password, self.address)
        if found is None:
            self.refused("login")
        return found

    def activated(self) -> None:
        self._pending_since = None

    @property
    def takes_answers(self) -> bool:
        """Is there room for one more?"""
        return self._writable.is_set()

    # -- asked by the server ------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session | None:
        """Its session while that is activated."""
        session = self._processor.session if self._processor is not None else None
        return session if session is not None and session.is_activated() else None

    def overdue(self, now: float) -> str | None:
        """Why it is to be closed."""
        limits = self._owner.limits
        if self.session is not None:
            self._pending_since = None
        elif self._pending_since is None:
            self._pending_since = now
        if self._pending_since is not None and now - self._pending_since > limits.activation_s:
            return "activation"
        if self._stuck_since is not None and now - self._stuck_since > QUIET_S:
            return "slow"
        self._checked += 1
        processor = self._processor
        if self._checked % 2 == 0 and processor is not None and processor.secure and processor.certificate and self.session:
            refusal = self.trust_refusal(processor.certificate)
            return None if refusal is None else f"certificate_{refusal}"
        return None

    def told(self) -> ServedClient:
        """For people."""
        session = self.session
        mine = [s for s in list(self._owner.core.subscription_service.subscriptions.values())
                if session is not None and isinstance(s, Subscription) and s.session_id == session.session_id]  # fmt: skip
        return ServedClient(
            self.address, self.since_us, self.requests, self.last_us,
            session.principal.name if session is not None and session.principal is not None else "",
            session.application if session is not None else "", len(mine), sum(len(s.service.own) for s in mine),
        )  # fmt: skip

    def refuse(self, why: Refused) -> None:
        """Say so, and close."""
        self.refused(why.kind)
        transport = self._transport
        if transport is not None and not transport.is_closing():
            with contextlib.suppress(Exception):
                words = ua.ErrorMessage(ua.StatusCode(ua.UInt32(why.code)), "")
                transport.write(uatcp_to_binary(ua.MessageType.Error, words))
            transport.close()
            if why.kind == "slow":
                transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
