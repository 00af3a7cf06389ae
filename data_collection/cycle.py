"""What a line can do at best, calculated, against what is asked of it. Pure.

Model: seconds = bytes * bits of a byte / baud + transactions * (latency of the device + silence between frames).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from data_collection.driver import Cost
from domain.plant import Line

SERIAL_LATENCY_S: Final = 0.040  # typical of meters on a bus
TCP_LATENCY_S: Final = 0.005
DEFAULT_BAUD: Final = 9600
OVERLOADED: Final = "line.overloaded"  # message ids of the catalogues
TIGHT: Final = "line.tight"


def silence_s(baud: int) -> float:
    """Modbus silence between frames: 3.5 characters of 10 bits, at least 1.75 ms."""
    return max(1.75e-3, 35.0 / baud)


def baud_of(line: Line) -> int | None:
    """Bits per second of the wire behind the line; None where the network is not the limit."""
    if line.transport not in {"serial", "rtu-over-tcp"}:
        return None
    value = line.options.get("baud", DEFAULT_BAUD)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else DEFAULT_BAUD


def bits_of_byte(line: Line) -> int:
    """Bits on the wire for one byte: start, data, parity, stop; 10 as long as nothing else is said."""
    options = line.options
    data, stop = options.get("bytesize", 8), options.get("stopbits", 1)
    parity = 0 if options.get("parity", "N") == "N" else 1
    return 1 + (data if isinstance(data, int) else 8) + parity + (stop if isinstance(stop, int) else 1)


def seconds(line: Line, cost: Cost) -> float:
    """Calculated duration of one poll of that cost."""
    baud = baud_of(line)
    if baud is None:
        return cost.transactions * (TCP_LATENCY_S + cost.silence_s)
    ascii_factor = 2.1 if line.options.get("mode") == "ascii" else 1.0
    wire = bits_of_byte(line) * cost.bytes_on_wire * ascii_factor / baud
    return wire + cost.transactions * (SERIAL_LATENCY_S + max(silence_s(baud), cost.silence_s))


def load(demands: Sequence[tuple[float, float]]) -> float | None:
    """Share of the time that the line would be busy, 1.0 is all of it; None when nothing is asked for. See `warning`."""
    shares = [took / interval for took, interval in demands if interval > 0]
    return sum(shares) if shares else None


def warning(demands: Sequence[tuple[float, float]]) -> str | None:
    """Message id where the asked intervals cannot be met. `demands`: (seconds a poll takes, interval asked for in seconds)."""
    share = load(demands) or 0.0
    return OVERLOADED if share > 1.0 else TIGHT if share > 0.8 else None
