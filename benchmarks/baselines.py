"""`python -m benchmarks.baselines`: baselines and the balance of meters on recordings, as markdown tables for docs/analysis.md.

gas-turbine: energy yield against ambient and load, fitted on 2011, tried on 2012 and 2013. steel-2018: daily energy of the works
against hours above standstill and working days. meter-counters-opsd, pq-lab-1hz: balance of a house and of laboratory loads. Then
every fault made from these recordings, and what the doctor says of it.
"""

from __future__ import annotations

import csv
import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from analysis.balance import MeterColumns, disagrees, node_balance, tree_of
from analysis.baseline import fit, savings
from analysis.meter_faults import Suspicion, meter_faults, node_fault
from domain.balance import MeterFacts
from domain.baseline import Baseline, BaselineDefinition, BaselineFit, Period, PeriodRow, Savings, Variable, VariableKind
from tests.analysis.recordings import Floats, columns, opsd, pq_lab_meters, steel
from tests.conftest import shared_file

GAS = ("AT", "AP", "AH", "GTEP")
WEEK = 7 * 96


def gas_turbine(year: str) -> tuple[Floats, Floats]:
    """Hourly ambient temperature, pressure, humidity, exhaust pressure; energy yield, MWh."""
    with gzip.open(shared_file("data", "gas-turbine", "gt_2011-2013.csv.gz"), "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["year"] == year]
    return np.array([[float(r[name]) for name in GAS] for r in rows]), np.array([float(r["TEY"]) for r in rows])


def steel_days() -> tuple[Floats, Floats]:
    """Hours above standstill (5 kWh a quarter) and whether it was a working day, of each whole day; kWh."""
    kwh, _ = steel()
    days = kwh[: len(kwh) // 96 * 96].reshape(-1, 96)
    weekday = np.arange(len(days)) % 7 < 5  # 1 January 2018 was a Monday
    return np.column_stack([(days > 5).sum(axis=1) / 4, weekday.astype(float)]), days.sum(axis=1)


def rows_of(x: Floats, y: Floats) -> list[PeriodRow]:
    return [PeriodRow(n, n + 1, "", float(e), tuple(float(v) for v in line)) for n, (line, e) in enumerate(zip(x, y, strict=True))]


def tried(made: BaselineFit, names: Sequence[str], period: Period, x: Floats, y: Floats) -> Savings:
    variables = tuple(Variable(name, VariableKind.TAG, "t") for name in names)
    return savings(Baseline(1, BaselineDefinition("b", "site", period, variables, 0, 1), made, 1, 1, 0, ""), rows_of(x, y), 0, len(y))


def baselines() -> Iterator[str]:
    """Validity figures, and the savings of later data."""
    yield "| model | points | R² | CV(RMSE) | NMBE | condition | largest p | holds |\n| --- | --- | --- | --- | --- | --- | --- | --- |"
    gas = {year: gas_turbine(year) for year in ("2011", "2012", "2013")}
    works = steel_days()
    split = 120
    weeks = [column[: len(column) // 7 * 7].reshape(-1, 7).sum(axis=1) for column in (works[0][:, 0], works[1])]
    weekly = weeks[0][:, None], weeks[1]
    models = {
        "gas-turbine 2011, by the hour: AT, AP, AH, GTEP": (GAS, "hour", *gas["2011"]),
        "gas-turbine 2011, by the hour: AT, AP, AH (weather only)": (GAS[:3], "hour", gas["2011"][0][:, :3], gas["2011"][1]),
        "steel-2018, first 120 days: hours, working day": (("hours", "workday"), "day", works[0][:split], works[1][:split]),
        "steel-2018, first 120 days: hours": (("hours",), "day", works[0][:split, :1], works[1][:split]),
        "steel-2018, first 20 weeks: hours": (("hours",), "week", weekly[0][:20], weekly[1][:20]),
    }
    made = {}
    for name, (names, period, x, y) in models.items():
        f = made[name] = fit(list(names), x.tolist(), y.tolist(), period)
        worst = max(c.p_value or 0.0 for c in f.coefficients)
        verdict = "yes" if f.holds else "no: " + ", ".join(r.key for r in f.reasons if r.blocking)
        yield f"| {name} | {f.n} | {f.r2:.3f} | {f.cv_rmse:.1%} | {round(f.nmbe, 9) + 0.0:.1%} | {f.condition:.1f} | {worst:.2g} | {verdict} |"
    yield "\n| tried on | counted | expected | measured | saving | ± (90 %) | CUSUM signal |\n| --- | --- | --- | --- | --- | --- | --- |"
    first, *_ = made
    later = {f"gas-turbine {y} by 2011, MWh": (first, GAS, Period.HOUR, *gas[y]) for y in ("2012", "2013")}
    later["steel-2018, day 121 on, by hours, kWh"] = (
        "steel-2018, first 120 days: hours", ("hours",), Period.DAY, works[0][split:, :1], works[1][split:],
    )  # fmt: skip
    later["steel-2018, week 21 on, by hours, kWh"] = (
        "steel-2018, first 20 weeks: hours", ("hours",), Period.WEEK, weekly[0][20:], weekly[1][20:],
    )  # fmt: skip
    for name, (key, names, period, x, y) in later.items():
        yield saving_row(name, tried(made[key], names, period, x, y))


def saving_row(name: str, s: Savings) -> str:
    if s.saving_kwh is None or s.expected_kwh is None or s.uncertainty_kwh is None:
        return f"| {name} | {s.counted} of {len(s.points)} | | | refused: {', '.join(r.key for r in s.reasons if r.blocking)} | | |"
    signal = "none" if s.signal is None else f"{s.signal.direction}, point {s.signal.time_us}"
    return (
        f"| {name} | {s.counted} of {len(s.points)} | {s.expected_kwh:.0f} | {s.measured_kwh:.0f} | {s.saving_kwh:.0f} "
        f"({s.improvement:.2%}) | {s.uncertainty_kwh:.0f} | {signal} |"
    )


def balances() -> Iterator[str]:
    """Recorded meters against each other."""
    yield "| recording | feeding meter, kWh | sum behind it, kWh | difference | tolerance, kWh | status |\n| --- | --- | --- | --- | --- | --- |"
    growth = opsd()
    names = ("heat_pump", "ev", "freezer", "dishwasher", "refrigerator", "washing_machine")
    house = [columns("grid", growth["grid_import"] - growth["grid_export"], hours=1.0), columns("pv", growth["pv"], hours=1.0, feeds="grid")]
    house += [columns(name, growth[name], hours=1.0, fed_by="grid") for name in names]
    recorded = {
        "pq-lab-1hz, kettle + vacuum + heater": pq_lab_meters("three", ("kettle", "vacuum", "water_heater")),
        "pq-lab-1hz, kettle + vacuum": pq_lab_meters("two", ("kettle", "vacuum")),
        "meter-counters-opsd, import + PV - export": house,
    }
    for name, meters in recorded.items():
        (node,) = tree_of(meters)
        found = node_balance(node, range(len(node.known)))
        assert found.main_kwh is not None
        assert found.sum_kwh is not None
        share = (found.main_kwh - found.sum_kwh) / found.main_kwh
        said = f"{found.status}, {node_fault(node, {}).kind.value}" if disagrees(node) else found.status
        yield f"| {name} | {found.main_kwh:.4g} | {found.sum_kwh:.4g} | {share:.2%} | {found.tolerance_kwh:.3g} | {said} |"


def faults() -> Iterator[str]:
    """Faults made from the recordings: 20 stretches each, how often the right meter and cause is named first."""
    kwh, _ = steel()
    yield "| fault made | runs | right meter and cause | least confidence of the right ones |\n| --- | --- | --- | --- |"
    for name, (kind, device, make) in CASES.items():
        right, least, runs = 0, 1.0, 20
        for run in range(runs):
            start = 96 * (10 + 7 * run)
            parts = [kwh[start + o : start + o + WEEK] * share for o, share in ((0, 0.5), (96 * 7, 0.3), (96 * 14 + 7, 0.2))]
            meters = make(parts, np.random.default_rng(run))
            found = diagnosis(meters)
            hit = [s for s in found[:1] if (s.kind.value, s.device_id) == (kind, device)] if kind else [1] * (not found)
            right += bool(hit)
            least = min([least, *(s.confidence for s in hit if isinstance(s, Suspicion))])
        yield f"| {name} | {runs} | {right} | {least:.2f} |" if kind else f"| {name} | {runs} | {right} (nothing said) | |"


def diagnosis(meters: Sequence[MeterColumns]) -> list[Suspicion]:
    found = [s for meter in meters for s in meter_faults(meter)]
    (node,) = tree_of(meters)
    if not found and disagrees(node):
        found.append(node_fault(node, {}))
    return sorted(found, key=lambda s: -s.confidence)


Make = Callable[[list[Floats], np.random.Generator], list[MeterColumns]]


def shop(parts: list[Floats], rng: np.random.Generator, reading: dict[int, Floats] | None = None, extra: Floats | float = 0.0) -> list[MeterColumns]:
    """Each meter errs within half its class; the power agrees with its counter."""
    shown = [(reading or {}).get(n, part) * (1 + rng.normal(0, 0.003)) for n, part in enumerate(parts)]
    true = np.sum(parts, axis=0) + extra
    return [columns("main", true * (1 + rng.normal(0, 0.003))), *(columns(f"m{n}", e, fed_by="main") for n, e in enumerate(shown, 1))]


def stuck(parts: list[Floats], rng: np.random.Generator) -> list[MeterColumns]:
    meters = shop(parts, rng)
    still = meters[1].energy_kwh.copy()
    still[200:260] = 0.0
    return [meters[0], replace(meters[1], energy_kwh=still), *meters[2:]]


def thousandfold(parts: list[Floats], rng: np.random.Generator) -> list[MeterColumns]:
    meters = shop(parts, rng)
    return [meters[0], replace(meters[1], power_kw=meters[1].power_kw * 1000), *meters[2:]]


def phases(sign: Sequence[float], turn: Sequence[float]) -> Make:
    def make(parts: list[Floats], rng: np.random.Generator) -> list[MeterColumns]:
        angle = np.radians(35 + rng.normal(0, 4, WEEK))
        s = parts[0][None, :] * 4 / 3 * np.array([[1.0], [0.95], [1.05]]) * np.exp(1j * angle) / np.cos(angle)
        s = s * np.array(sign)[:, None] * np.exp(1j * np.radians(turn))[:, None]
        total = s.real.sum(axis=0)
        meters = shop(parts, rng, {0: np.maximum(total, 0) / 4})
        return [meters[0], MeterColumns(MeterFacts("m1", "main"), 0.25, np.maximum(total, 0) / 4, total, {"p": s.real, "q": s.imag}), *meters[2:]]

    return make


CASES: dict[str, tuple[str, str, Make]] = {
    "none": ("", "", shop),
    "ratio of a sub-meter, half": ("wrong_ratio", "m2", lambda p, r: shop(p, r, {1: p[1] / 2})),
    "ratio of a sub-meter, 1.5 times": ("wrong_ratio", "m1", lambda p, r: shop(p, r, {0: p[0] * 1.5})),
    "ratio not applied, 20": ("wrong_ratio", "m3", lambda p, r: shop(p, r, {2: p[2] / 20})),
    "clock an hour late": ("clock_offset", "m2", lambda p, r: shop(p, r, {1: np.roll(p[1], 4)})),
    "constant load without a meter": ("missing_load", "main", lambda p, r: shop(p, r, extra=2.5 + r.normal(0, 0.2, WEEK))),
    "stuck counter, 15 h": ("stuck_counter", "m1", stuck),
    "W taken for kW": ("unit", "m1", thousandfold),
    "phase L2 reversed": ("reversed_phase", "m1", phases((1, -1, 1), (0, 0, 0))),
    "currents of L2 and L3 swapped": ("swapped_phases", "m1", phases((1, 1, 1), (0, 120, -120))),
}  # fmt: skip


def timing() -> Iterator[str]:
    """How long one fit and one examination take."""
    x, y = gas_turbine("2011")
    fit(list(GAS), x.tolist(), y.tolist(), "hour")
    begin = time.perf_counter()
    fit(list(GAS), x.tolist(), y.tolist(), "hour")
    fitted = time.perf_counter() - begin
    kwh, _ = steel()
    parts = [kwh[96 * n : 96 * (n + 1)] + 1 for n in range(100)]
    meters = [columns("main", np.sum(parts, axis=0) * 1.2), *(columns(f"m{n}", e, fed_by="main") for n, e in enumerate(parts))]
    begin = time.perf_counter()
    diagnosis(meters)
    yield f"fit of {len(y)} points and 4 variables: {1000 * fitted:.0f} ms; a day of 100 meters examined: {time.perf_counter() - begin:.2f} s"


if __name__ == "__main__":
    for table in (baselines, balances, faults, timing):
        print("\n".join(table()), end="\n\n")
