"""The protocol every driver obeys, and what one poll brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from domain.browse import BrowsedNode
from domain.commissioning import Found as Found
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

    A plan may also have `timeout_s: float` (how long a silent device costs the line), `faults: Counter[str]` (what its
    driver survived on the wire, by kind) and `last_fault: str | None` (the last of it, for people): the line looks for them.
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
    """Bytes of one read for the electrician: (direction, monotonic seconds, bytes); direction is "tx" or "rx". No passwords.

    `notes`: what a driver has to say of points it could not read. `by_hand`: somebody waits for this read: it brings the raw
    words of each point and asks also what was refused lately.
    """

    frames: list[tuple[str, float, bytes]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    by_hand: bool = True


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


Take = Callable[[Reading], None]
"""Takes a reading as it comes; returns at once and never raises."""


@runtime_checkable
class Source(Driver, Protocol):
    """An open line whose far side speaks by itself (subscriptions, messages). `read` is only for a read by hand.

    The line's grid still runs at each device's scan interval, and asks `current` instead of `read`.
    """

    async def listen(self, plans: Sequence[DevicePlan], take: Take) -> None:
        """Ask for what the plans need and hand on each reading as it comes, with the source's time and quality.

        Runs until it is cancelled. Raises LineDown when the connection is over; the owner reconnects with back-off. What is
        wrong with one device or message is counted in its plan's `faults` and costs nobody else. `Reading.points` are of
        `domain.sample.Reading`: use `Picture.reading`, which hands out the same tuple for the same points.
        """
        ...

    async def current(self, plan: DevicePlan, group: Group) -> Reading | None:
        """At a grid point: the present values where the source vouches for them (or was asked for them), None when what was
        handed on says all. Raises DeviceUnreachable when it has been silent for too long, which turns the device's points bad.
        """
        ...


@runtime_checkable
class Surveyed(Protocol):
    """A driver that can tell what is on its line, where devices have no numbers to be asked one after the other."""

    async def survey(self, seconds: float) -> Sequence[Found]:
        """Look around for at most that long. Only reads. Raises LineDown, DeviceUnreachable."""
        ...


@runtime_checkable
class Browsed(Protocol):
    """A driver whose far side has a tree of nodes to choose from."""

    async def browse(self, parent: str | None) -> Sequence[BrowsedNode]:
        """What lies below a node, or at the top. Raises LineDown, DeviceUnreachable, DeviceRefused."""
        ...


Connect = Callable[[Line], AbstractAsyncContextManager[Driver]]
"""Opens a line; leaving the context closes everything it opened."""
