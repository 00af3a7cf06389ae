"""The protocol every driver obeys, and what one poll brings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from domain.plant import Device, Line
from domain.profile import Group
from domain.sample import Reading


@dataclass(frozen=True, slots=True)
class Cost:
    """What one poll of a group needs at least on the wire: see devices' physical model in docs/devices.md."""

    transactions: int
    bytes_on_wire: int
    silence_s: float  # between frames, per transaction


class DevicePlan(Protocol):
    """A device with its profile compiled for one protocol: what to ask for each group, and how to decode the answer.

    A plan may also have `timeout_s: float` (how long a silent device costs the line) and `faults: Counter[str]` (what its
    driver survived on the wire, by kind): the line looks for them.
    """

    @property
    def device(self) -> Device: ...

    def points(self, group: Group) -> tuple[str, ...]:
        """Names of the value points (not texts) of a group; the very tuple that Reading.points carries after a full read."""
        ...

    def cost(self, group: Group) -> Cost: ...


@dataclass(frozen=True, slots=True)
class ScanHit:
    """An address that answered, with what and how fast."""

    address: int
    protocol: str
    answer: str
    seconds: float


@dataclass(slots=True)
class Trace:
    """Bytes of one read for the electrician: (direction, monotonic seconds, bytes); direction is "tx" or "rx"."""

    frames: list[tuple[str, float, bytes]] = field(default_factory=list)


class Driver(Protocol):
    """An open line. One request is in flight at a time (the line's own lock).

    Raises LineDown (the line is gone: the owner reconnects), DeviceUnreachable, DecodeError or AccessDenied (that device's
    group failed as a whole). A refused or undecodable point is a bad value in its place. CancelledError passes.
    """

    def prepare(self, device: Device) -> DevicePlan:
        """Compile the device for this line. Raises ConfigError when the profile's protocol cannot run on it."""
        ...

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """Read all points of `group` once. Values in canonical units; with `trace` also the raw words per point."""
        ...

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """Ask the address something harmless (read only); None when it stays silent."""
        ...


Connect = Callable[[Line], AbstractAsyncContextManager[Driver]]
"""Opens a line; leaving the context closes everything it opened."""
