"""Finer states of a machine tool, after the operating states of ISO 14955-1, where its power shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class SubState(Enum):
    OFF = "off"
    STANDBY = "standby"  # powered, drives and peripherals off
    WARM_UP = "warm_up"  # after switching on, above the level it settles to
    READY = "ready"  # waits with everything on
    PROCESSING = "processing"
    ALARM = "alarm"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True)
class SubInterval:
    """Half-open [from_us, to_us)."""

    machine_id: str
    sub_state: SubState
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class SubStates:
    """Intervals that tile the elapsed part of a window. `split_kw`: border of stand-by and ready; None where one level of waiting
    is seen, which then counts as ready. `settled_kw`: median power while waiting, not after switching on; None unknown."""

    intervals: tuple[SubInterval, ...]
    split_kw: float | None
    settled_kw: float | None
