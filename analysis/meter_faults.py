"""What is likely wrong with a meter: each fault a function of its own over interval columns. Pure, numpy.

A function answers None when the columns do not show its fault. `confidence` is the share of the disagreement that the fault
explains, lowered where something else would explain it nearly as well or where few intervals speak.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.balance import ENOUGH_INTERVALS, MeterColumns, Node, beyond_share, interval_tolerance_kwh, power_and_counter
from domain.balance import FaultKind

Floats = NDArray[np.float64]

EXPLAINED = 0.8  # of the squared disagreement; below it a factor or a shift is no explanation
NEAR = 0.03  # a factor is "near" a known one within 3 %
UNIT_FACTORS = (10.0, 60.0, 100.0, 1000.0, 3600.0, 1e6)
CT_PRIMARIES_A = (
    5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 150, 160, 200, 250, 300, 400, 500, 600, 750, 800, 1000, 1200, 1500, 2000,
)  # rated primary currents of IEC 61869-2 with its decimal multiples, secondary 5 A, and those in use beside them
PHASES = ("L1", "L2", "L3")
LEAST_LOAD_KW = 0.05  # below it a phase's angle is noise


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A likely fault with its evidence."""

    kind: FaultKind
    device_id: str
    confidence: float
    figures: Mapping[str, float] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Factor:
    """reference = value * measured; `explained`: share of the squared disagreement that goes away with it."""

    value: float
    explained: float
    n: int


# -- factors -----------------------------------------------------------------------------------------------------------------


def constant_factor(measured: Floats, reference: Floats) -> Factor | None:
    """The factor that makes `measured` into `reference`; None with too few intervals or nothing measured."""
    weight = float(measured @ measured)
    if len(measured) < ENOUGH_INTERVALS or weight <= 0.0:
        return None
    value = float(measured @ reference) / weight
    before = float(((reference - measured) ** 2).sum())
    after = float(((reference - value * measured) ** 2).sum())
    scale = float((reference**2).sum())
    if before <= 1e-12 * max(scale, 1e-300):
        return Factor(1.0, 0.0, len(measured))
    return Factor(value, 1.0 - after / before, len(measured))


def near(value: float, known: float) -> bool:
    return abs(value / known - 1.0) <= NEAR


def unit_factor(value: float) -> float | None:
    """The factor of a mistaken unit or scale (1000: W for kW; 3600: Ws for Wh ...) that `value` lies near."""
    for known in UNIT_FACTORS:
        for candidate in (known, 1.0 / known):
            if near(value, candidate):
                return candidate
    return None


def ratio_factor(value: float, ct_ratio: float | None = None) -> tuple[float, str] | None:
    """(factor, what it is) of a transformer ratio that `value` lies near.

    missing: the ratio was not applied (or twice). other_primary: another primary current is set. phase_voltage: sqrt(3) between
    phase and line voltage.
    """
    if value <= 0:
        return None
    for primary in CT_PRIMARIES_A:
        ratio = primary / 5.0
        if ratio > 1 and (near(value, ratio) or near(value, 1.0 / ratio)) and (ct_ratio in {None, 1.0, ratio}):
            return (ratio if value > 1 else 1.0 / ratio), "missing"
    for known in (math.sqrt(3.0), 1.0 / math.sqrt(3.0)):
        if near(value, known):
            return known, "phase_voltage"
    now = ct_ratio if ct_ratio is not None else 20.0
    choices = [primary / 5.0 / now for primary in CT_PRIMARIES_A]
    best = min(choices, key=lambda choice: abs(choice / value - 1.0))
    return (best, "other_primary") if near(value, best) and not near(best, 1.0) else None


def factor_fault(
    device_id: str, factor: Factor, ct_ratio: float | None = None, *, reverse_third: bool = False
) -> Suspicion | None:
    """What a constant factor between this meter and the truth means. `reverse_third`: 3 may be a reversed phase."""
    if factor.explained < EXPLAINED or near(factor.value, 1.0):
        return None
    figures = {"factor": factor.value, "explained": factor.explained, "intervals": float(factor.n)}
    if (unit := unit_factor(factor.value)) is not None and factor.value > 0:
        return Suspicion(FaultKind.UNIT, device_id, 0.97 * factor.explained, {**figures, "known": unit})
    if reverse_third and near(factor.value, 3.0):  # a balanced load with one phase reversed shows 1 - 2/3 of itself
        return Suspicion(FaultKind.REVERSED_PHASE, device_id, 0.6 * factor.explained, figures, {"phases": "?"})
    known = ratio_factor(factor.value, ct_ratio)
    if known is None:
        return Suspicion(FaultKind.WRONG_RATIO, device_id, 0.6 * factor.explained, figures, {"ratio": "unknown"})
    figures["known"] = known[0]
    if ct_ratio is not None:
        figures |= {"ct_ratio": ct_ratio, "ct_ratio_likely": ct_ratio * known[0]}
    return Suspicion(FaultKind.WRONG_RATIO, device_id, 0.9 * factor.explained, figures, {"ratio": known[1]})


def power_against_counter(meter: MeterColumns) -> Suspicion | None:
    """Integral of power and growth of the counter of one meter: a constant factor between them is a unit or a ratio."""
    integrated, counted = power_and_counter(meter)
    if len(counted) < ENOUGH_INTERVALS or float(np.abs(counted).sum()) < 20 * meter.facts.digit_kwh:
        return None
    total, grown = float(integrated.sum()), float(counted.sum())
    allowed = 2.0 * meter.facts.meter_class / 100.0 * max(abs(total), abs(grown)) + 2.0 * meter.facts.digit_kwh
    if abs(total - grown) <= allowed:
        return None
    factor = constant_factor(integrated, counted)
    device_id = meter.facts.device_id
    named = factor_fault(device_id, factor, meter.facts.ct_ratio) if factor is not None else None
    if named is not None:
        return named
    return Suspicion(
        FaultKind.POWER_COUNTER, device_id, 0.5, {"integrated_kwh": total, "counter_kwh": grown, "intervals": float(len(counted))}
    )


# -- phases ------------------------------------------------------------------------------------------------------------------


def reversed_phase(meter: MeterColumns) -> Suspicion | None:
    """One or two phases steadily negative while the rest is positive: a current transformer the wrong way round.

    A load that feeds back (a braking spindle) turns all phases, and not steadily.
    """
    p = meter.phases.get("p")
    if p is None:
        return None
    loaded = p[:, (~np.isnan(p).any(axis=0)) & (np.abs(p).max(axis=0) > LEAST_LOAD_KW)]
    n = loaded.shape[1]
    if n < ENOUGH_INTERVALS:
        return None
    negative = (loaded < 0).mean(axis=1)
    turned = [i for i in range(3) if negative[i] >= 0.9]
    upright = [i for i in range(3) if negative[i] <= 0.1]
    if not turned or len(turned) + len(upright) < 3 or len(turned) == 3:
        return None
    shown = float(loaded.sum(axis=0).mean())
    lost = 2.0 * float(np.abs(loaded[turned]).sum(axis=0).mean())  # the total shows sum - 2 |P_x|
    steady = float(min(negative[turned].min(), 1.0 - (negative[upright].max() if upright else 0.0)))
    return Suspicion(
        FaultKind.REVERSED_PHASE, meter.facts.device_id, 0.98 * steady,
        {"shown_kw": shown, "true_kw": shown + lost, "lost_kwh": lost * n * meter.hours, "intervals": float(n)},
        {"phases": ", ".join(PHASES[i] for i in turned)},
    )  # fmt: skip


_SHIFTS: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("healthy", "", (0.0, 0.0, 0.0)),
    ("reversed", "L1", (180.0, 0.0, 0.0)), ("reversed", "L2", (0.0, 180.0, 0.0)), ("reversed", "L3", (0.0, 0.0, 180.0)),
    ("reversed", "L1, L2, L3", (180.0, 180.0, 180.0)),
    ("swapped", "L2, L3", (0.0, -120.0, 120.0)), ("swapped", "L2, L3", (0.0, 120.0, -120.0)),
    ("swapped", "L1, L3", (-120.0, 0.0, 120.0)), ("swapped", "L1, L3", (120.0, 0.0, -120.0)),
    ("swapped", "L1, L2", (-120.0, 120.0, 0.0)), ("swapped", "L1, L2", (120.0, -120.0, 0.0)),
    ("rotated", "L1, L2, L3", (120.0, 120.0, 120.0)), ("rotated", "L1, L2, L3", (-120.0, -120.0, -120.0)),
)  # fmt: skip
_LOAD_ANGLES = np.radians(np.arange(-20.0, 76.0))  # a motor load: from slightly capacitive to nearly idle


def swapped_phases(meter: MeterColumns) -> Suspicion | None:
    """Currents measured against another phase's voltage: the phase angles differ by 120°, although U * I is right.

    With Q the angle of each phase is known; without it only its cosine P / (U * I), and a rotation of all three can hide.
    """
    p, q, u, i = (meter.phases.get(name) for name in ("p", "q", "u", "i"))
    if p is not None and q is not None:
        apparent, vectors = np.hypot(p, q), p + 1j * q
    elif p is not None and u is not None and i is not None:
        apparent, vectors = u * i / 1000.0, p.astype(np.complex128)
    else:
        return None
    good = ~np.isnan(vectors).any(axis=0) & (apparent.min(axis=0) > LEAST_LOAD_KW)
    if int(good.sum()) < ENOUGH_INTERVALS:
        return None
    unit = vectors[:, good].sum(axis=1) / apparent[:, good].sum(axis=1)
    fits = {(kind, phases, shift): _misfit(unit, shift, real=q is None) for kind, phases, shift in _SHIFTS}
    (kind, phases, _), best = min(fits.items(), key=lambda item: item[1])
    healthy = min(misfit for (name, _, _), misfit in fits.items() if name == "healthy")
    if kind in {"healthy", "reversed"} or best > 0.3 or healthy - best < 0.3:
        return None
    figures = {"misfit": best, "misfit_healthy": healthy, "intervals": float(good.sum())}
    figures |= {f"cos_phi_l{n}": float(value) for n, value in enumerate(np.real(unit), 1)}
    confidence = min(0.97, (1.0 - best) * min(1.0, (healthy - best) / 0.6) * (0.8 if q is None else 1.0))
    return Suspicion(FaultKind.SWAPPED_PHASES, meter.facts.device_id, confidence, figures, {"phases": phases, "kind": kind})


def _misfit(unit: NDArray[np.complex128], shift: Sequence[float], *, real: bool) -> float:
    """Root mean square distance of the phases' P + jQ over S from the best load angle turned by `shift`."""
    turned = np.exp(1j * (_LOAD_ANGLES[:, None] + np.radians(np.array(shift))[None, :]))
    off = np.real(turned) - np.real(unit)[None, :] if real else np.abs(turned - unit[None, :])
    return float(np.sqrt((off**2).mean(axis=1)).min())


# -- counters and clocks -----------------------------------------------------------------------------------------------------


def stuck_counter(meter: MeterColumns) -> Suspicion | None:
    """The counter stands still while power flows: the longest such stretch, if at least five digits of energy are lost in it."""
    growth, power = meter.energy_kwh, meter.integrated_kwh
    still = ~np.isnan(growth) & (growth <= 0.0) & ~np.isnan(power) & (power > 0.0)
    lost, length = 0.0, 0
    run, count = 0.0, 0
    for stands, energy in zip(still.tolist(), power.tolist(), strict=True):
        run, count = (run + energy, count + 1) if stands else (0.0, 0)
        if run > lost:
            lost, length = run, count
    if lost < 5 * meter.facts.digit_kwh or length < 4:
        return None
    confidence = min(0.98, 0.6 + 0.02 * length)
    return Suspicion(
        FaultKind.STUCK_COUNTER, meter.facts.device_id, confidence,
        {"lost_kwh": lost, "hours": length * meter.hours, "intervals": float(length)},
    )  # fmt: skip


def clock_offset(node: Node, index: int, longest: int = 48) -> tuple[int, float]:
    """(lag, explained) of sub-meter `index`: by how many intervals its column must be moved earlier to fit the rest best.

    Positive: its clock is late, what it tells comes that much too late. (0, 0.0) where nothing is gained.
    """
    rest = node.consumption - np.delete(node.sub_energies, index, axis=0).sum(axis=0)
    mine = node.sub_energies[index]
    n = len(mine)
    best, explained = 0, 0.0
    longest = min(longest, n // 4)
    for lag in [*range(-longest, 0), *range(1, longest + 1)]:
        moved = mine[max(0, lag) : n + min(0, lag)]
        there = rest[max(0, -lag) : n - max(0, lag)]
        here = mine[max(0, -lag) : n - max(0, lag)]
        before = float(((there - here) ** 2).sum())
        gain = 1.0 - float(((there - moved) ** 2).sum()) / before if before > 0 else 0.0
        if gain > explained:
            best, explained = lag, gain
    return best, explained


# -- a node ------------------------------------------------------------------------------------------------------------------


def missing_load(node: Node, patterns: Mapping[str, Floats]) -> Suspicion | None:
    """Energy that no sub-meter sees: positive in nearly all intervals, constant or following a pattern.

    `patterns`: name -> column over the node's known intervals ("shift", a machine's id: share of the interval it was on).
    """
    residual = node.residual
    n = len(residual)
    tolerance = interval_tolerance_kwh(node)
    if n < ENOUGH_INTERVALS or float(np.mean(residual >= -tolerance)) < 0.95 or float(residual.mean()) <= 0:
        return None
    hours = node.main.hours
    mean_kw = float(residual.mean()) / hours
    spread = float(residual.std()) / float(residual.mean())
    named, strength = "unknown", 0.0
    for name, column in patterns.items():
        if len(column) == n and float(column.std()) > 0 and float(residual.std()) > 0:
            correlation = float(np.corrcoef(column, residual)[0, 1])
            if correlation > max(0.6, strength):
                named, strength = name, correlation
    if spread < 0.3:
        named, strength = "constant", 1.0 - spread
    figures = {"mean_kw": mean_kw, "lost_kwh": float(residual.sum()), "correlation": strength, "intervals": float(n)}
    pattern = patterns.get(named)
    if pattern is not None:
        on = pattern > 0.5
        if on.any() and (~on).any():
            figures |= {"on_kw": float(residual[on].mean()) / hours, "off_kw": float(residual[~on].mean()) / hours}
    confidence = 0.55 + 0.4 * strength if named != "unknown" else 0.5
    return Suspicion(FaultKind.MISSING_LOAD, node.main.facts.device_id, confidence, figures, {"pattern": named})


def node_fault(node: Node, patterns: Mapping[str, Floats]) -> Suspicion:
    """The likeliest single cause: a factor of one meter, a moved clock, an unmetered load; else it stays unexplained."""
    found: list[tuple[float, Suspicion]] = []
    summed = node.sub_energies.sum(axis=0)
    for index, sub in enumerate(node.subs):
        rest = node.consumption - (summed - node.sub_energies[index])
        factor = constant_factor(node.sub_energies[index], rest)
        if factor is not None and (named := factor_fault(sub.facts.device_id, factor, sub.facts.ct_ratio, reverse_third=True)):
            found.append((factor.explained, named))
        lag, explained = clock_offset(node, index)
        if lag and explained >= EXPLAINED:
            figures = {"lag_s": lag * node.main.hours * 3600.0, "explained": explained, "intervals": float(len(summed))}
            found.append((explained, Suspicion(FaultKind.CLOCK_OFFSET, sub.facts.device_id, 0.9 * explained, figures)))
    own = constant_factor(node.consumption, summed)
    if len(node.subs) > 1 and own is not None:
        main = node.main.facts
        if named := factor_fault(main.device_id, own, main.ct_ratio, reverse_third=True):
            found.append((own.explained, named))
    found.sort(key=lambda item: -item[0])
    load = missing_load(node, patterns)
    if found and (load is None or found[0][0] > 0.95 or found[0][1].confidence > load.confidence):
        best = found[0][1]
        rival = found[1][0] if len(found) > 1 else 0.0
        margin = 1.0 if rival < EXPLAINED else 0.5 + 0.5 * min(1.0, (found[0][0] - rival) / max(1.0 - rival, 1e-9))
        return Suspicion(best.kind, best.device_id, best.confidence * margin, best.figures, best.words)
    if load is not None:
        return load
    difference = float(node.residual.sum())
    figures = {"difference_kwh": difference, "beyond_share": beyond_share(node), "intervals": float(len(summed))}
    return Suspicion(
        FaultKind.UNEXPLAINED, node.main.facts.device_id, 0.3, figures, {"sign": "less" if difference < 0 else "more"}
    )


METER_FAULTS = (power_against_counter, reversed_phase, swapped_phases, stuck_counter)


def meter_faults(meter: MeterColumns) -> list[Suspicion]:
    """Everything that one meter shows of itself; a stuck counter explains why power and counter disagree."""
    found = [suspicion for check in METER_FAULTS if (suspicion := check(meter)) is not None]
    if any(s.kind is FaultKind.STUCK_COUNTER for s in found):
        found = [s for s in found if s.kind is not FaultKind.POWER_COUNTER]
    return found
