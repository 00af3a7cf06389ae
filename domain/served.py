"""Servers that others ask for values: who is connected, what was asked and refused, and what lies at which register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.state import MachineState


@dataclass(frozen=True, slots=True)
class ServedClient:
    """One connection. `last_us`: its newest whole request, None before the first.

    Where clients sign in and subscribe: `user`, `application`, `subscriptions` and watched `items`.
    """

    address: str
    since_us: int
    requests: int
    last_us: int | None
    user: str = ""
    application: str = ""
    subscriptions: int = 0
    items: int = 0


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """`state`: starting | ok | failed (cannot listen; `last_error` says why). Counts since start; `refused` by kind.

    `left_out`: what the map has no room for. `valid_until_us`: end of the server's own certificate, None where it has none.
    `waiting`: certificates of clients that somebody has to look at.
    """

    name: str
    state: str
    target: str
    since_us: int
    last_error: str | None
    clients: Sequence[ServedClient] = ()
    requests: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0
    valid_until_us: int | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class MachineFigures:
    """What is told of one machine now. kW, kWh; None: not known."""

    id: str
    state: MachineState
    state_since_us: int
    power_kw: float | None
    power_quality: int
    shift_kwh: float | None


@dataclass(frozen=True, slots=True)
class Block:
    """The block of registers a machine or tag was given for good. `kind`: machine | tag; `number` counts from 0 in each kind."""

    kind: str
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Register:
    """One entry of the map: `count` registers of 16 bits from `address` (counted from 0).

    `block`: header | machine | tag | machine_directory | tag_directory; `subject`: the machine or tag, "" in the header; `type`:
    uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | text. The value is what is read divided by 10 ** `decimals`.
    """

    address: int
    count: int
    type: str
    block: str
    subject: str
    field: str
    unit: str = ""
    decimals: int = 0


class BlockStore(Protocol):
    """Where the assignment of blocks is kept."""

    async def load(self) -> Sequence[Block]:
        """All that were ever given. Raises StorageError."""
        ...

    async def add(self, blocks: Sequence[Block]) -> None:
        """New ones. Raises StorageError."""
        ...


class ServedStatus(Protocol):
    """A server that others ask, as pages and the API meet it. From memory."""

    def status(self) -> ServerStatus | None:
        """None: it is off."""
        ...


class ServedService(Protocol):
    """The Modbus server as pages and the API meet it. From memory."""

    def status(self) -> ServerStatus | None:
        """None: it is off."""
        ...

    def registers(self) -> Sequence[Register] | None:
        """The map, in the order of addresses; None while the server is off."""
        ...
