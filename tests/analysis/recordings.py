"""Recorded meters as columns: laboratory loads per second, a house's counters per hour, a steel works per quarter hour."""

from __future__ import annotations

import csv
import gzip

import numpy as np
from numpy.typing import NDArray

from analysis.balance import MeterColumns
from domain.balance import MeterFacts
from tests.conftest import shared_file

Floats = NDArray[np.float64]
PQ_COLUMNS = {"p": "Active (W)", "q": "Reactive (W)", "s": "Apparent (W)"}


def pq_lab(name: str) -> tuple[list[str], dict[str, Floats]]:
    """Time stamps and kW, kvar, kVA of one file, e.g. "three_main"."""
    with shared_file("data", "pq-lab-1hz", f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [r["Timestamp"] for r in rows], {k: np.array([float(r[c]) for r in rows]) / 1000 for k, c in PQ_COLUMNS.items()}


def pq_lab_meters(group: str, names: tuple[str, ...], second_count: int = 10) -> list[MeterColumns]:
    """The total and its single loads on a common grid of `second_count` s; integrals of power."""
    stamps = {name: pq_lab(f"{group}_{name}") for name in ("main", *names)}
    first = min(min(times) for times, _ in stamps.values())
    start = np.datetime64(first.replace(" ", "T"))
    last = max(max(times) for times, _ in stamps.values())
    n = int((np.datetime64(last.replace(" ", "T")) - start) / np.timedelta64(second_count, "s")) + 1
    found = []
    for name, (times, columns) in stamps.items():
        at = ((np.array([t.replace(" ", "T") for t in times], dtype="datetime64[s]") - start) / np.timedelta64(second_count, "s")).astype(int)
        energy = np.bincount(at, columns["p"] / 3600, n)
        facts = MeterFacts(name, fed_by=None if name == "main" else "main", meter_class=1.0, ct_class=0.0, digit_kwh=1e-6)
        found.append(MeterColumns(facts, second_count / 3600, energy, energy * 3600 / second_count))
    return found


def opsd() -> dict[str, Floats]:
    """Growth per hour of each counter, kWh; NaN where a reading is missing."""
    with gzip.open(shared_file("data", "meter-counters-opsd", "residential4_counters_60min_part1.csv.gz"), "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for column in rows[0]:
        if column.startswith("DE_KN_residential4_"):
            values = np.array([float(r[column]) if r[column] else np.nan for r in rows])
            found[column.removeprefix("DE_KN_residential4_")] = np.diff(values)
    return found


def steel() -> tuple[Floats, Floats]:
    """kWh and kvarh (lagging minus leading) of each quarter hour."""
    with gzip.open(shared_file("data", "steel-2018", "steel_2018_01-07.csv.gz"), "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    lagging, leading = "Lagging_Current_Reactive.Power_kVarh", "Leading_Current_Reactive_Power_kVarh"
    return (
        np.array([float(r["Usage_kWh"]) for r in rows]),
        np.array([float(r[lagging]) - float(r[leading]) for r in rows]),
    )


def columns(device_id: str, energy: Floats, *, hours: float = 0.25, fed_by: str | None = None, power: Floats | None = None, **facts: object) -> MeterColumns:
    """A meter of that energy; its power agrees with it unless given."""
    return MeterColumns(
        MeterFacts(device_id, fed_by=fed_by, **facts), hours, energy, energy / hours if power is None else power  # type: ignore[arg-type]
    )
