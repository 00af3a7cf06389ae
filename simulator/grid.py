"""The mains of the simulated shop: three phase voltages and the frequency, wandering as a real feed does.

A function of (seed, time) alone. Times are UTC microseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

_DAY_S = 86_400.0
_WAVES_V = ((1741.0, 1.1), (613.0, 0.6), (97.0, 0.25), (31.0, 0.12))  # period s, amplitude V
_WAVES_HZ = ((1187.0, 0.012), (263.0, 0.007), (53.0, 0.004))
_PHASE_OFFSET_V = (0.6, -0.3, 0.9)


def wave(times_us: Times, period_s: float, shift: float) -> Floats:
    """sin of the phase within a period; exact for any date (the remainder is taken in whole microseconds)."""
    period_us = round(period_s * 1e6)
    return np.sin((times_us % period_us).astype(np.float64) * (2 * math.pi / period_us) + shift)


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A well mixed 64-bit number of each number: the finaliser of the splitmix64 generator (Steele, Lea, Flood, 2014)."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def noise(times_us: Times, seed: int, step_us: int = 200_000) -> Floats:
    """Even noise in [-1, 1), constant for `step_us`, the same for the same time and seed."""
    numbers = mixed((times_us // step_us).astype(np.uint64) + np.uint64((seed * 0x9E3779B1) & 0xFFFFFFFFFFFF))
    return (numbers >> np.uint64(11)).astype(np.float64) * (2.0 / (1 << 53)) - 1.0


@dataclass(frozen=True, slots=True)
class Grid:
    """Nominal line-to-neutral voltage [V] and frequency [Hz]."""

    seed: int = 1
    nominal_v: float = 230.0
    nominal_hz: float = 50.0

    def voltages(self, times_us: Times) -> Floats:
        """Line-to-neutral voltages, V, shape (3, n): the load of the town by day, slow waves, a little noise."""
        scale = self.nominal_v / 230.0
        common = 0.9 * wave(times_us, _DAY_S, 2.2)
        for number, (period_s, amplitude) in enumerate(_WAVES_V):
            common += amplitude * wave(times_us, period_s, 0.7 * number + self.seed % 7)
        rows = []
        for phase, offset in enumerate(_PHASE_OFFSET_V):
            own = 0.25 * wave(times_us, 431.0 + 37.0 * phase, phase + self.seed % 5)
            own += 0.06 * noise(times_us, self.seed * 8 + phase)
            rows.append(self.nominal_v + scale * (offset + common + own))
        return np.array(rows)

    def frequency(self, times_us: Times) -> Floats:
        """Hz, shape (n,)."""
        total = np.full(times_us.shape, self.nominal_hz)
        for number, (period_s, amplitude) in enumerate(_WAVES_HZ):
            total += amplitude * wave(times_us, period_s, 1.3 * number + self.seed % 3)
        return total + 0.002 * noise(times_us, self.seed * 8 + 5)
