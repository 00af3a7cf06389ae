"""Drift of the specific energy: blocks of production against the machine's own beginning, by a tabular CUSUM.

Source of the CUSUM with k = 0.5 and h = 5 standard deviations: D. C. Montgomery, Introduction to Statistical Quality Control,
chapter "Cumulative sum and EWMA control charts": a lasting shift of one deviation is found after about ten blocks, a false alarm
comes about once in 930 blocks (one-sided). Centre and spread are the median and the MAD of the first blocks, and a block counts
with at most four deviations, so that single odd blocks neither shape the baseline nor raise an alarm alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, ClassVar

from analysis.detectors.episode import Memory
from analysis.detectors.minute import Minute
from analysis.detectors.waste import WasteTimes
from domain.finding import Evidence, Finding, Severity

MAD_TO_SIGMA = 1.4826
LEAST_SPREAD = 0.01  # of the median: even the steadiest process is not known better
CLIP = 4.0


def robust_centre(values: list[float]) -> tuple[float, float]:
    """(median, standard deviation from the MAD, at least 1 % of the median). Not empty."""
    centre = median(values)
    spread = MAD_TO_SIGMA * median(abs(value - centre) for value in values)
    return centre, max(spread, LEAST_SPREAD * abs(centre))


class Cusum:
    """One-sided, upwards, of deviations in standard deviations."""

    __slots__ = ("_h", "_k", "sum")

    def __init__(self, k: float, h: float) -> None:
        self._k, self._h = k, h
        self.sum = 0.0

    def add(self, deviation: float) -> bool:
        """True while it signals."""
        self.sum = max(0.0, self.sum + min(max(deviation, -CLIP), CLIP) - self._k)
        return self.sum > self._h


@dataclass(slots=True)
class _Drift:
    """Blocks since the CUSUM left 0. `told`: it has signalled."""

    from_us: int
    blocks: int = 0
    total: float = 0.0
    excess_kwh: float = 0.0
    told: bool = False
    waste_times: WasteTimes = field(default_factory=WasteTimes)


@dataclass(slots=True)
class _Block:
    """Production gathered so far. `counted`: parts were known in every minute."""

    from_us: int
    minutes: int = 0
    kwh: float = 0.0
    parts: float = 0.0
    counted: bool = True
    times: WasteTimes = field(default_factory=WasteTimes)

    def add(self, minute: Minute) -> None:
        self.minutes += 1
        self.kwh += minute.energy_kwh
        self.times.add(minute.time_us, minute.end_us, minute.energy_kwh)
        self.parts += minute.parts or 0.0
        self.counted = self.counted and minute.parts is not None


class SpecificEnergy:
    """kWh per part where parts are counted, else mean power of production, over blocks of `block_minutes` of production."""

    rule: ClassVar[str] = "specific_energy"
    version: ClassVar[int] = 1

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        self.subject, self.parameters = subject, parameters
        self._begin_anew("")

    def _begin_anew(self, unit: str) -> None:
        self._unit = unit
        self._learned: list[float] = []
        self._centre: tuple[float, float] | None = None
        self._cusum = Cusum(self.parameters["k_sigma"], self.parameters["h_sigma"])
        self._drift: _Drift | None = None
        self._block: _Block | None = None

    def feed(self, minute: Minute) -> list[Finding]:
        """As promised by Detector."""
        if not minute.producing or minute.power_kw is None:
            return []
        block = self._block = self._block or _Block(minute.time_us)
        block.add(minute)
        if block.minutes < self.parameters["block_minutes"]:
            return []
        self._block = None
        unit, amount = ("kWh/part", block.parts) if block.counted and block.parts > 0 else ("kW", block.minutes / 60.0)
        ended: list[Finding] = []
        if unit != self._unit:  # parts are counted now, or no longer: what was learned is of another kind
            ended = self._end(block.from_us)
            self._begin_anew(unit)
        return ended + self._judge(block.kwh / amount, amount, block)

    def _judge(self, value: float, amount: float, block: _Block) -> list[Finding]:
        if self._centre is None:
            self._learned.append(value)
            if len(self._learned) >= self.parameters["learn_blocks"]:
                self._centre, self._learned = robust_centre(self._learned), []
            return []
        centre, sigma = self._centre
        signals = self._cusum.add((value - centre) / sigma)
        if self._cusum.sum == 0:
            return self._end(block.from_us)
        drift = self._drift = self._drift or _Drift(block.from_us)
        drift.blocks += 1
        drift.total += value
        excess_kwh = max(0.0, value - centre) * amount
        drift.excess_kwh += excess_kwh
        drift.waste_times.share(block.times, excess_kwh)
        drift.told = drift.told or signals
        return [self._finding(drift, centre, None)] if drift.told else []

    def _end(self, to_us: int) -> list[Finding]:
        drift, self._drift = self._drift, None
        return [self._finding(drift, self._centre[0], to_us)] if drift is not None and drift.told and self._centre else []

    def _finding(self, drift: _Drift, centre: float, to_us: int | None) -> Finding:
        mean = drift.total / drift.blocks
        severity = Severity.MEDIUM if drift.excess_kwh >= self.parameters["medium_kwh"] else Severity.LOW
        evidence = (
            Evidence("specific_mean", mean, self._unit, centre),
            Evidence("specific_change", 100 * (mean / centre - 1) if centre else 0.0, "%"),
            Evidence("cusum", self._cusum.sum, "1", self.parameters["h_sigma"]),
        )
        return Finding(
            self.rule, self.version, self.subject, drift.from_us, to_us, severity, evidence, waste_kwh=drift.excess_kwh,
            waste_spans=drift.waste_times.spans(),
        )  # fmt: skip

    def finish(self, now_us: int) -> list[Finding]:
        """A drift lasts while the machine stands: only production ends it."""
        return []

    def memory(self) -> Memory:
        """As promised by Detector."""
        return {
            "unit": self._unit, "learned": self._learned, "centre": self._centre, "cusum": self._cusum.sum,
            "drift": None if self._drift is None else _plain(self._drift, waste_times=self._drift.waste_times),
            "block": None if self._block is None else _plain(self._block, times=self._block.times),
        }  # fmt: skip

    def restore(self, memory: Memory) -> None:
        """As promised by Detector."""
        self._begin_anew(memory.get("unit", ""))
        self._learned = list(memory.get("learned", ()))
        centre, drift, block = memory.get("centre"), memory.get("drift"), memory.get("block")
        self._centre = None if centre is None else (centre[0], centre[1])
        self._cusum.sum = memory.get("cusum", 0.0)
        self._drift = None if drift is None else _Drift(**{**drift, "waste_times": WasteTimes(drift.get("waste_times", ()))})
        self._block = None if block is None else _Block(**{**block, "times": WasteTimes(block.get("times", ()))})


def _plain(kept: _Drift | _Block, **times: WasteTimes) -> dict[str, Any]:
    """As JSON takes it."""
    return asdict(kept) | {name: found.memory() for name, found in times.items()}
