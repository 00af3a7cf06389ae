"""What an immediate read shows the electrician."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


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
