"""A controlled process: first order with dead time under a PI controller, whose set point steps up and down by the clock.

After some periods the answer repeats itself, so that one period, computed once, gives the values at any time: a past and the
present agree, whoever asks.
"""

from __future__ import annotations

import functools
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from domain.loop import ControlLoop
from domain.plant import Device
from domain.profile import Point
from domain.quantity import Kind, Quantity
from simulator.grid import Floats, Times, noise
from simulator.registers import Value
from simulator.sources import plausible, text_of

PERIOD_S = 1800  # half of it at the upper set point
GOOD, HOT = (0.375, 30.0), (1.25, 20.0)  # gain in %/unit and integral time in s: after Skogestad, and near the border
GAIN, LAG_S, DEAD_S = 5.0, 30.0, 8  # unit/%, s, s
NOISE = 0.0005  # share of the value


def closed_loop(
    seconds: int, setpoint: Callable[[int], float], *, gain: float = GOOD[0], integral_s: float = GOOD[1], lag_s: float = LAG_S,
    dead_s: int = DEAD_S, ambient: float = 20.0,
) -> list[tuple[int, float, float, float]]:
    """(s, w, y, u %) each second; u from 0 to 100 %, y moves towards ambient + 5·u. The integral stands still at the limits."""
    value, summed, rows = ambient, 0.0, []
    on_its_way = deque([0.0] * dead_s)
    for second in range(seconds):
        wanted = setpoint(second)
        error = wanted - value
        output = gain * (error + summed / integral_s)
        if 0.0 < output < 100.0:
            summed += error
        output = min(100.0, max(0.0, output))
        rows.append((second, wanted, value, output))
        on_its_way.append(output)
        value += (ambient + GAIN * on_its_way.popleft() - value) / lag_s
    return rows


@dataclass(frozen=True, slots=True)
class Levels:
    """Set points of a process, in its unit."""

    low: float
    high: float


_LEVELS: Mapping[Quantity, Levels] = {
    Quantity.TEMPERATURE: Levels(180.0, 200.0), Quantity.PRESSURE: Levels(60.0, 70.0), Quantity.FLOW: Levels(120.0, 140.0),
}  # fmt: skip


@functools.lru_cache(maxsize=32)
def one_period(levels: Levels, tuning: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """w, y and u at each second of a period, once what was before is forgotten."""
    rows = closed_loop(
        3 * PERIOD_S, lambda s: levels.high if s % PERIOD_S >= PERIOD_S // 2 else levels.low, gain=tuning[0], integral_s=tuning[1]
    )[2 * PERIOD_S :]
    return np.array([r[1] for r in rows]), np.array([r[2] for r in rows]), np.array([r[3] for r in rows])


class LoopSource:
    """A device that shows set point, process value and output of loops. `hot`: the loops whose controller swings."""

    def __init__(self, device: Device, loops: Sequence[ControlLoop], hot: frozenset[str] = frozenset()) -> None:
        self._device, self._seed = device, zlib.crc32(device.id.encode())
        self._numbers = [point for point in device.profile.points if point.kind is not Kind.TEXT]
        self._texts = {p.tag: text_of(device, p.tag) for p in device.profile.points if p.kind is Kind.TEXT}
        self._shown = {
            tag.partition(".")[2]: (loop, role)
            for loop in loops
            for role, tag in enumerate((loop.setpoint, loop.process, loop.output))
            if tag is not None and tag.startswith(f"{device.id}.")
        }
        self._hot = hot
        self.changing: frozenset[str] = frozenset()

    def values(self, time_us: int) -> Mapping[str, Value]:
        columns = self.series(np.array([time_us], dtype=np.int64))
        return {**self._texts, **{tag: float(column[0]) for tag, column in columns.items()}}

    def series(self, times_us: Times) -> Mapping[str, Floats]:
        return {point.tag: self._column(point, times_us) for point in self._numbers}

    def text_changes(self, times_us: Times) -> Mapping[int, Mapping[str, str]]:
        return {}

    def _column(self, point: Point, times_us: Times) -> Floats:
        found = self._shown.get(point.tag)
        if found is None:
            return plausible(self._device, point, times_us, self._seed)
        loop, role = found
        measured = self._device.profile.point(loop.process.partition(".")[2]).quantity if role != 1 else point.quantity
        columns = one_period(_LEVELS.get(measured, Levels(60.0, 70.0)), HOT if loop.id in self._hot else GOOD)
        at = times_us % (PERIOD_S * 1_000_000) / 1e6
        if role == 0:  # a set point stands until it is changed
            return columns[0][at.astype(np.int64)]
        column = np.interp(at, np.arange(PERIOD_S + 1), np.append(columns[role], columns[role][0]))
        shaken: Floats = column * (1.0 + NOISE * noise(times_us, self._seed)) if role == 1 else column
        return shaken
