"""Do the electrical quantities of one device agree with each other? A diagnostic: it changes no quality.

A wrong word order, a swapped phase or a wrong transformer ratio shows here long before anybody doubts a report.

| rule | what must hold | relative to |
| --- | --- | --- |
| triangle | S >= sqrt(P^2 + Q^2); equal without harmonics (distortion power D makes S larger) | S |
| phases_p, phases_q | P = P_L1 + P_L2 + P_L3, likewise Q (S is not: it need not hold) | sum of abs values |
| power_factor | |PF| = |P| / S | 1 |
| voltage_current | S_Lx = U_Lx * I_Lx / 1000 | S_Lx |
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.plant import Plant, Tag
from domain.quality import FIRST_BAD
from domain.sample import Batch, TagId

TOLERANCE = 0.02  # meters of class 1 read one value after the other; pq-lab-1hz holds to 0.4 %
MIN_LOAD = 0.02  # kVA: below it the last digits of the meter decide, not physics
PHASES = ("l1", "l2", "l3")


@dataclass(frozen=True, slots=True)
class Residual:
    """One rule's disagreement, as a share (0.02 = 2 %)."""

    rule: str
    residual: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one device at one time. `worst` None when no rule could be applied (values missing or no load)."""

    device_id: str
    time_us: int
    worst: Residual | None
    residuals: tuple[Residual, ...]
    tolerance: float

    @property
    def consistent(self) -> bool:
        return self.worst is None or self.worst.residual <= self.tolerance


def triangle_residual(p_kw: ArrayLike, q_kvar: ArrayLike, s_kva: ArrayLike) -> NDArray[np.float64]:
    """|S - sqrt(P^2 + Q^2)| / S for whole columns; 0 where S is 0 and so are P and Q, else inf."""
    p, q, s = (np.asarray(x, dtype=np.float64) for x in (p_kw, q_kvar, s_kva))
    off = np.abs(s - np.hypot(p, q))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.abs(off / s)
    return np.where(off == 0.0, 0.0, share)


def residuals_of(values: Mapping[str, float]) -> tuple[Residual, ...]:
    """All rules that can be applied to these values (standard tag names, canonical units), in the order of the table."""
    found: list[Residual] = []
    p, q, s = values.get("active_power"), values.get("reactive_power"), values.get("apparent_power")
    pf = values.get("power_factor")
    if s is not None and s >= MIN_LOAD:
        if p is not None and q is not None:
            found.append(Residual("triangle", abs(s - math.hypot(p, q)) / s))
        if p is not None and pf is not None:
            found.append(Residual("power_factor", abs(abs(pf) - abs(p) / s)))
    for rule, name, total in (("phases_p", "active_power", p), ("phases_q", "reactive_power", q)):
        parts = [values[f"{name}_{phase}"] for phase in PHASES if f"{name}_{phase}" in values]
        scale = sum(abs(part) for part in parts)
        if total is not None and len(parts) == len(PHASES) and scale >= MIN_LOAD:
            found.append(Residual(rule, abs(total - sum(parts)) / scale))
    worst_ui = max((r for phase in PHASES if (r := _voltage_current(values, phase)) is not None), default=None)
    if worst_ui is not None:
        found.append(Residual("voltage_current", worst_ui))
    return tuple(found)


def _voltage_current(values: Mapping[str, float], phase: str) -> float | None:
    u, i, s = (values.get(f"{name}_{phase}") for name in ("voltage", "current", "apparent_power"))
    if u is None or i is None or s is None or s < MIN_LOAD:
        return None
    return abs(s - u * i / 1000.0) / s


class ConsistencyMonitor:
    """Keeps the last batches of each device (a reference each) and judges them when asked, e.g. each 10 s."""

    def __init__(self, plant: Plant, tags: Sequence[Tag], tolerance: float = TOLERANCE) -> None:
        self._tolerance = tolerance
        self._batches: dict[str, dict[int, Batch]] = {}
        self.apply(plant, tags)

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed."""
        devices = {device.id for device in plant.devices}
        self._point: dict[TagId, str] = {tag.id: tag.point for tag in tags if tag.device_id in devices}
        self._batches = {device_id: last for device_id, last in self._batches.items() if device_id in devices}

    def on_batch(self, batch: Batch) -> None:
        """Bus sink: remembers, judges nothing."""
        last = self._batches.setdefault(batch.device_id, {})
        last[id(batch.tag_ids)] = batch
        if len(last) > 16:  # plans were made anew: only the newest tell anything
            oldest = min(last, key=lambda key: last[key].time_us)
            del last[oldest]

    def verdicts(self) -> list[Verdict]:
        """Of every device whose last batch carries values, judged on that one instant."""
        found = []
        for device_id, last in self._batches.items():
            newest = max(last.values(), key=lambda batch: batch.time_us)
            for batch in last.values():  # fast group: the batch with the power in it, if it is not much older
                if newest.time_us - batch.time_us < 5_000_000 and len(batch) > len(newest):
                    newest = batch
            values = {
                self._point[tag_id]: value
                for tag_id, value, quality in zip(newest.tag_ids, newest.values, newest.qualities, strict=True)
                if value is not None and quality < FIRST_BAD and tag_id in self._point
            }
            residuals = residuals_of(values)
            worst = max(residuals, key=lambda r: r.residual, default=None)
            found.append(Verdict(device_id, newest.time_us, worst, residuals, self._tolerance))
        return found
