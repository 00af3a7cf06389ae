"""Recorded energies give the power factor, peak demand and carbon that stand beside them; parts add up to their total."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pytest

from analysis.carbon import co2_kg
from analysis.demand import demand_windows, highest
from analysis.energy import PowerTrace
from analysis.power_factor import cos_phi, power_factor_percent, tg_phi
from domain.tariff import Factor
from tests.conftest import shared_file

QUARTER_US = 900_000_000
LAG, LEAD = "Lagging_Current_Reactive.Power_kVarh", "Leading_Current_Reactive_Power_kVarh"


def steel() -> Iterator[dict[str, str]]:
    for path in sorted(shared_file("data", "steel-2018").glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as held:
            yield from csv.DictReader(held)


def test_power_factor_of_every_row_is_the_recorded_one() -> None:
    worst, rows = 0.0, 0
    for row in steel():
        kwh = float(row["Usage_kWh"])
        for reactive, recorded in ((LAG, "Lagging_Current_Power_Factor"), (LEAD, "Leading_Current_Power_Factor")):
            found = power_factor_percent(kwh, float(row[reactive]))
            if found is not None:
                worst = max(worst, abs(found - float(row[recorded])))
            tangent = tg_phi(kwh, float(row[reactive]))
            if found is not None and tangent is not None:
                assert 100 * (cos_phi(tangent) or 0.0) == pytest.approx(found)
        rows += 1
    assert rows == 20_352
    assert worst <= 0.01


def test_peak_demand_of_the_year_is_the_greatest_interval() -> None:
    energy = np.array([float(row["Usage_kWh"]) for row in steel()])
    times = 1_000_000 * QUARTER_US + np.arange(len(energy)) * QUARTER_US  # rows are in true order, 15 min apart
    windows = demand_windows(times, np.full(len(energy), 900.0), energy, 15, int(times[-1]) + 2 * QUARTER_US)
    assert highest(windows, 1)[0].demand_kw == pytest.approx(4 * 153.14)
    assert sum((w.demand_kw or 0.0) / 4 for w in windows) == pytest.approx(602_874.17, abs=0.01)


def test_carbon_of_every_row_is_the_recorded_one_within_its_rounding() -> None:
    rows = [(float(row["Usage_kWh"]), float(row["CO2(tCO2)"])) for row in steel()]
    energy, carbon = (np.array(column) for column in zip(*rows, strict=True))
    per_kwh = float(carbon[energy > 20].sum() / energy[energy > 20].sum() * 1000)  # one factor for the whole recording
    factors = [Factor(date(2018, 1, 1), per_kwh, "fitted")]
    for kwh, tonnes in rows[::97]:
        found, _source = co2_kg([(date(2018, 6, 1), kwh)], factors)
        assert found is not None
        assert found / 1000 == pytest.approx(tonnes, abs=0.0101)


def lab(name: str) -> float:
    with shared_file("data", "pq-lab-1hz", name).open(encoding="utf-8-sig") as held:
        watts = [float(_active(row)) for row in csv.DictReader(held)]
    seconds = np.arange(len(watts), dtype=np.int64) * 1_000_000
    trace = PowerTrace(seconds, seconds + 1_000_000, np.array(watts) / 1000.0)
    return trace.energy(0, int(seconds[-1]) + 1_000_000)


def _active(row: dict[str, Any]) -> Any:
    return next(value for key, value in row.items() if key is not None and key.strip().startswith("Active"))


@pytest.mark.parametrize(
    ("total", "parts", "wh"),
    [
        ("three_main.csv", ("three_kettle.csv", "three_vacuum.csv", "three_water_heater.csv"), 715.78),
        ("two_main.csv", ("two_kettle.csv", "two_vacuum.csv"), 193.06),
    ],
)
def test_the_total_is_the_sum_of_its_loads(total: str, parts: tuple[str, ...], wh: float) -> None:
    whole = lab(total)
    assert 1000 * whole == pytest.approx(wh, abs=0.01)
    assert sum(lab(part) for part in parts) == pytest.approx(whole, rel=0.004)
