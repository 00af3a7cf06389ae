"""Connecting a device: what an immediate read and a scan show the electrician, and what joins the plant in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.alert import LimitRule
from domain.quantity import Quantity

# Nominal values of a net that a person knows at sight, each with its spread; V and Hz.
NETS: Final[Mapping[Quantity, tuple[tuple[float, float], ...]]] = {
    Quantity.VOLTAGE: ((230, 23), (400, 40), (57.7, 5.8), (100, 10), (690, 69)),
    Quantity.FREQUENCY: ((50, 1), (60, 1)),
}


@dataclass(frozen=True, slots=True)
class ReadNowRow:
    """One point of an immediate read, for the electrician. `raw`: words or bytes as hex."""

    point: str
    quantity: str
    where: str
    raw: str
    value: float | None
    text: str | None
    unit: str
    quality: int
    plausible: bool | None


@dataclass(frozen=True, slots=True)
class ReadNow:
    """`error` in plain words instead of rows when the device did not answer.

    `orders`: word order -> (plausible, of) where it can be probed, with three sample values to compare in `order_values`.
    """

    seconds: float
    rows: Sequence[ReadNowRow] = ()
    error: str | None = None
    technical: str = ""
    orders: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    order_values: Mapping[str, Sequence[tuple[str, float | None, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """An address that answered a scan, and after how many seconds.

    `profiles`: what it was recognised as, the likeliest first; `told`: the device itself showed it, else only its protocol
    speaks for it. `device`: the one of the plant that has this address already.
    """

    address: int
    protocol: str
    answer: str
    seconds: float
    profiles: Sequence[str] = ()
    told: bool = False
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Something a survey of a line came upon: where it is, and what it says of itself."""

    where: str
    answer: str


@dataclass(frozen=True, slots=True)
class ScanStep:
    """One address was asked in one protocol: the `asked`th question of `of`. `answer`: None when nobody answered."""

    asked: int
    of: int
    address: int
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """What joins the plant together: fields as a plant file has them.

    `line`: a new one, None when the device's line exists. `machine`: the one the device becomes the meter of, new
    (`machine_new`) or as it stands; `limits`: rules on tags of the device.
    """

    device: Mapping[str, object]
    line: Mapping[str, object] | None = None
    machine: Mapping[str, object] | None = None
    machine_new: bool = False
    limits: Sequence[LimitRule] = ()


@dataclass(frozen=True, slots=True)
class Connected:
    """What a connection made, to take it back: ids, and tags of limits.

    `joined`: the machine that had `meter_before` (None: no meter) and has this device now.
    """

    device: str
    line: str | None = None
    machine: str | None = None
    joined: str | None = None
    meter_before: str | None = None
    limits: Sequence[str] = ()
