"""Specific energy of parts and of removed material. Pure. Source: docs/formulas.md, section 8.

Gutowski and Kara-Li are one straight line: P = C1 + C0 · MRR. It is fitted to the power, not as SEC over 1/MRR, so that every
point errs by the same kilowatts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KJ_PER_KWH = 3600.0


def kwh_per_part(energy_kwh: float | None, parts: int | None) -> float | None:
    """w = W / N [kWh]. None without parts."""
    return energy_kwh / parts if energy_kwh is not None and parts else None


def kj_per_cm3(energy_kwh: float, volume_cm3: float) -> float | None:
    """W / V [kJ/cm³]; 1 kWh is 3 600 kJ."""
    return energy_kwh * KJ_PER_KWH / volume_cm3 if volume_cm3 > 0 else None


@dataclass(frozen=True, slots=True)
class SecModel:
    """SEC = C0 + C1 / MRR [kJ/cm³]; C0 specific process energy [kJ/cm³], C1 power at no removal [kW]; fitted over `points`."""

    c0_kj_per_cm3: float
    c1_kw: float
    r2: float = 1.0
    points: int = 0

    def power_kw(self, mrr_cm3_s: float) -> float:
        """P at that removal rate."""
        return self.c1_kw + self.c0_kj_per_cm3 * mrr_cm3_s

    def sec_kj_per_cm3(self, mrr_cm3_s: float) -> float:
        """Specific energy at that removal rate. Raises ValueError without removal: it has no bound there."""
        if mrr_cm3_s <= 0:
            raise ValueError("specific energy needs a removal rate above 0")
        return self.c0_kj_per_cm3 + self.c1_kw / mrr_cm3_s


def fit_sec(mrr_cm3_s: Sequence[float], power_kw: Sequence[float]) -> SecModel:
    """Least squares of P = C1 + C0 · MRR. Raises ValueError with under three points or one removal rate only."""
    rates, powers = np.asarray(mrr_cm3_s, dtype=np.float64), np.asarray(power_kw, dtype=np.float64)
    if len(rates) != len(powers) or len(rates) < 3:
        raise ValueError("a fit needs at least three pairs of removal rate and power")
    if float(np.ptp(rates)) <= 1e-9 * max(1.0, float(np.abs(rates).max())):
        raise ValueError("a fit needs different removal rates")
    design = np.column_stack([np.ones_like(rates), rates])
    (c1, c0), *_ = np.linalg.lstsq(design, powers, rcond=None)
    residual = powers - design @ np.array([c1, c0])
    spread = float(((powers - powers.mean()) ** 2).sum())
    r2 = 1.0 - float((residual**2).sum()) / spread if spread > 0 else 1.0
    return SecModel(float(c0), float(c1), r2, len(rates))


def turning_mrr_cm3_min(cutting_speed_m_min: float, feed_mm: float, depth_mm: float) -> float:
    """v_c · f · a_p [m/min · mm · mm = cm³/min]."""
    return cutting_speed_m_min * feed_mm * depth_mm


def milling_mrr_cm3_min(depth_mm: float, width_mm: float, feed_mm_min: float) -> float:
    """a_p · a_e · v_f / 1000 [cm³/min]."""
    return depth_mm * width_mm * feed_mm_min / 1000.0


def drilling_mrr_cm3_min(diameter_mm: float, feed_mm_min: float) -> float:
    """π · D² / 4 · v_f / 1000 [cm³/min]."""
    return float(np.pi) * diameter_mm**2 / 4.0 * feed_mm_min / 1000.0
