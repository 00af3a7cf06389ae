"""Silences and waits of the Mercury link layer. Pure.

Source: Incotex, "Описание системы команд приборов учета Меркурий", 05.2023, section 1.2 (table of pauses by baud rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_TABLE: Final = (  # from that baud on: end-of-frame pause ms, recommended reply wait ms; both times the multiplier n
    (38400, 2, 150), (19200, 3, 150), (9600, 5, 150), (4800, 10, 180), (2400, 20, 250), (1200, 40, 400), (600, 80, 800),
    (0, 160, 1600),
)  # fmt: skip
_TCP_EXTRA_S: Final = 1.0  # a gateway and its network
_GAP_S, _TCP_GAP_S = 0.1, 0.3  # a pause inside a reply: work inside the meter, the adapter's buffer, packets of a gateway
_STALL_S: Final = 2.0  # all pauses of one reply together
CHANNEL_OPEN_S: Final = 240.0
"""The channel closes by itself that long after the last valid request."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Times in seconds for one line and one meter. `pause_s` ends a frame; `wait_s` until a reply begins."""

    byte_s: float
    pause_s: float
    wait_s: float
    gap_s: float
    stall_s: float = _STALL_S

    @property
    def settle_s(self) -> float:
        """Silence after which a reply that could be longer is complete."""
        return max(0.02, 2 * self.pause_s) + (0.05 if self.gap_s == _TCP_GAP_S else 0.0)


def timing(baud: int, *, tcp: bool = False, multiplier: int = 1, timeout_s: float | None = None) -> Timing:
    """`multiplier`: the meter's own setting n (1 to 255). `timeout_s` replaces the table's reply wait."""
    _, pause_ms, wait_ms = next(row for row in _TABLE if baud >= row[0])
    wait = timeout_s if timeout_s is not None else 1e-3 * wait_ms * multiplier + (_TCP_EXTRA_S if tcp else 0.0)
    return Timing(10.0 / max(baud, 1), 1e-3 * pause_ms * multiplier, wait, _TCP_GAP_S if tcp else _GAP_S)
