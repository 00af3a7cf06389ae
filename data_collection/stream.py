"""Byte streams (serial ports, transparent TCP gateways) and the protocols that share one.

A line with a byte stream may carry Modbus RTU and Mercury devices at once: the line's owner serialises all traffic and hands
the stream to the protocol of the device whose turn it is.
"""

from __future__ import annotations

from typing import Protocol

from data_collection.driver import DevicePlan, ScanHit, Trace
from domain.plant import Device
from domain.profile import Group
from domain.sample import Reading


class ByteStream(Protocol):
    """An open stream. `read` returns what has arrived; frames are assembled by the protocol, never by one read."""

    @property
    def baud(self) -> int:
        """Speed of the wire behind it, bit/s (for silences and the calculated cycle)."""
        ...

    @property
    def is_tcp(self) -> bool:
        """A gateway is in between: answers may come late and in pieces."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`. Raises LineDown."""
        ...

    async def read(self, timeout_s: float) -> bytes:
        """At least one byte, at most what is there. Raises TimeoutError on silence, LineDown when the line is gone."""
        ...

    async def drain(self, quiet_s: float, limit_s: float) -> bytes:
        """Read and throw away until nothing came for `quiet_s` (at most `limit_s`); what was thrown away.

        `quiet_s` 0: only what waits.
        """
        ...


class StreamProtocol(Protocol):
    """One protocol on byte streams. It keeps per-device state of its own (channel open, gaps refused, echo seen)."""

    def prepare(self, device: Device) -> DevicePlan: ...

    async def read(self, stream: ByteStream, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """See Driver.read. Before a request it drains what waits; after a timeout it drains until quiet."""
        ...

    async def probe(self, stream: ByteStream, address: int) -> ScanHit | None: ...
