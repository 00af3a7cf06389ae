"""How well states are found: learned borders against true modes, controls and part counters against recorded facts.

`python -m benchmarks.states [--days 14] [--shared ../shared]` prints markdown tables. The simulated shop carries its true modes; the
recordings' facts are those of their own documents.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.control import Column, claim_seconds, claims_of
from analysis.parts import PartRule, counter_steps
from analysis.state_learning import Learned, PowerHistogram, histogram_of, learn
from analysis.states import Timing, states_of
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from domain.production import ControlSignals, ControlState, value_key
from domain.state import MachineState, StateInterval, StateThresholds
from simulator.day_profile import Mode
from simulator.demo import demo_plant_text
from simulator.machine_model import MachineModel
from simulator.models import models_of
from tests import shdr

S, DAY_US = 1_000_000, 86_400_000_000
FIRST_US = 1_761_955_200_000_000  # 1 November 2025, 00:00 UTC
TIMING = Timing.of(1.0)
STATES = (MachineState.OFF, MachineState.IDLE, MachineState.PRODUCTION)
TRUTH = {Mode.OFF: 0, Mode.WARM_UP: 1, Mode.IDLE: 1, Mode.PRODUCTION: 2}
NOT_LIVE = ("UNAVAILABLE", "")

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Score:
    """Of one state: F1 over seconds, and the found time by the true time, minus 1; None where it never occurs."""

    f1: float | None
    time_error: float | None


def labels_of(intervals: Sequence[StateInterval], times_us: Labels) -> Labels:
    """Index in STATES of the state at each time; -1 where it is another one."""
    starts = np.array([i.from_us for i in intervals], dtype=np.int64)
    states = np.array([STATES.index(i.state) if i.state in STATES else -1 for i in intervals], dtype=np.int64)
    found: Labels = states[np.searchsorted(starts, times_us, side="right") - 1]
    return found


def scores(found: Labels, truth: Labels) -> list[Score]:
    """One for each of STATES."""
    result = []
    for state in range(len(STATES)):
        mine, true = int((found == state).sum()), int((truth == state).sum())
        both = int(((found == state) & (truth == state)).sum())
        result.append(Score(2 * both / (mine + true), mine / true - 1) if true else Score(None, None))
    return result


@dataclass(frozen=True, slots=True)
class Trial:
    machine: str
    learned: Learned
    scores: list[Score]


def simulated(days: int, noise: float, seed: int = 1) -> Iterator[Trial]:
    """Each machine of the demonstration shop: borders learned from its power alone, then judged second by second."""
    plant = parse_plant(demo_plant_text(), catalog=ProfileCatalog.shipped(), environ={}).plant
    shop = models_of(plant, seed)
    for machine in plant.machines:
        rng = np.random.default_rng([seed, len(machine.id)])
        model = shop.machines[machine.id]
        histogram = PowerHistogram()
        for day in range(days):
            times, power, _ = _day(model, day, noise, rng)
            histogram = histogram.plus(histogram_of(times, power, np.zeros(len(times)), TIMING))
        learned = learn(histogram, TIMING)
        found, truth = [], []
        for day in range(days):
            times, power, modes = _day(model, day, noise, rng)
            truth.append(modes)
            found.append(_judged(times, power, learned.thresholds))
        yield Trial(machine.id, learned, scores(np.concatenate(found), np.concatenate(truth)))


def _day(model: MachineModel, day: int, noise: float, rng: np.random.Generator) -> tuple[Labels, NDArray[np.float64], Labels]:
    times = FIRST_US + day * DAY_US + np.arange(86_400, dtype=np.int64) * S
    load = model.load(times)
    power = load.power[:3].sum(axis=0) * (1 + noise * rng.standard_normal(len(times)))
    truth = np.array([TRUTH[Mode(m)] for m in range(len(Mode))])[load.mode]
    return times, np.round(power, 3), truth


def _judged(times: Labels, power: NDArray[np.float64], thresholds: StateThresholds | None) -> Labels:
    if thresholds is None:
        return np.full(len(times), -1)
    end_us = int(times[-1]) + S
    intervals = states_of("m", times, power, np.zeros(len(times)), thresholds, TIMING, int(times[0]), end_us)
    return labels_of(intervals, times)


# -- recordings --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ControlDay:
    """A recorded machine day: s of each value of the execution signal, as found and as known; parts the same."""

    file: str
    found_s: Mapping[str, float]
    known_s: Mapping[str, float]
    parts: int | None
    known_parts: int | None
    on_s: float | None  # by time stamps
    known_on_s: float | None  # by the machine's own counter


def nist(folder: Path) -> Iterator[ControlDay]:
    """The machine days of mtconnect-nist through the claims of a control and the part counter."""
    for name, known in json.loads((folder / "expected.json").read_text(encoding="utf-8")).items():
        path = folder / name
        rows = shdr.changes(path, "execution", "Program_Status")
        end_us = shdr.last_us(path)
        found = {value: running_s(rows, value, end_us) for value in known["state_seconds"]}
        counter = known.get("Part_Count")
        parts = counted(shdr.changes(path, "Part_Count")) if counter is not None else None
        on = known.get("total_time_check")
        clock = _span_s(path, "total_time") if on is not None else None
        yield ControlDay(
            name, found, known["state_seconds"], parts, None if counter is None else int(counter["delta_nonzero"]),
            clock, None if on is None else on["counter_delta_s"],
        )  # fmt: skip


def running_s(rows: Sequence[tuple[int, str]], value: str, end_us: int) -> float:
    """How long a control whose running value that is claims to run, s."""
    signals = ControlSignals("x", running=frozenset({value_key(value)}))
    column = Column([at for at, _ in rows], [value_key(told) for _, told in rows])
    marks = claims_of(signals, column, None, [], rows[0][0], end_us)
    return claim_seconds(marks, end_us).get(ControlState.RUNNING, 0.0)


def counted(rows: Sequence[tuple[int, str]]) -> int:
    """Parts of a counter that is told on change."""
    live = [(at, float(value)) for at, value in rows if value not in NOT_LIVE]
    return sum(step.parts for step in counter_steps([at for at, _ in live], [value for _, value in live], PartRule()))


def _span_s(path: Path, item: str) -> float:
    times = [at for at, name, value in shdr.observations(path) if name == item and value not in NOT_LIVE]
    return (max(times) - min(times)) / 1e6


def umich(folder: Path) -> tuple[Learned, list[Score], float]:
    """cnc-umich: drive power against the spindle's command; border learned without it. Scores of idle and production; hours."""
    timing = Timing.of(0.1)
    histogram, runs = PowerHistogram(), []
    for path in sorted(folder.glob("experiment_*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        power = np.array([sum(float(row[f"{axis}1_OutputPower"]) for axis in "XYS") for row in rows])
        turning = np.array([abs(float(row["S1_CommandVelocity"])) > 1 for row in rows])
        times = np.arange(len(rows), dtype=np.int64) * 100_000
        runs.append((times, power, turning))
        histogram = histogram.plus(histogram_of(times, np.abs(power), np.zeros(len(rows)), timing))
    learned = learn(histogram, timing)
    border = learned.thresholds.production_above_kw if learned.thresholds is not None else 1e9
    thresholds = StateThresholds(border / 4, border, 1.0)
    found, truth = [], []
    for times, power, turning in runs:
        end_us = int(times[-1]) + 100_000
        intervals = states_of("m", times, power, np.zeros(len(times)), thresholds, timing, 0, end_us)
        found.append(np.where(labels_of(intervals, times) == 2, 2, 1))
        truth.append(np.where(turning, 2, 1))
    return learned, scores(np.concatenate(found), np.concatenate(truth))[1:], histogram.total_s / 3600


# -- tables ------------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=14)
    options.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    chosen = options.parse_args()
    for noise in (0.0, 0.05):
        print(f"\n### Learned borders, {chosen.days} simulated days at 1 s, noise {noise:.0%}\n")
        print("| machine | idle from, kW | production from, kW | confidence | F1 off / idle / production | time error |")
        print("|---|---|---|---|---|---|")
        for trial in simulated(chosen.days, noise):
            print(_row(trial))
    data = chosen.shared / "data"
    if (data / "mtconnect-nist").exists():
        print("\n### mtconnect-nist\n\n| file | largest deviation of a state, s | parts (known) | machine on, s (own counter) |")
        print("|---|---|---|---|")
        for day in nist(data / "mtconnect-nist"):
            worst = max(abs(day.found_s[key] - day.known_s[key]) for key in day.known_s)
            parts = "–" if day.parts is None else f"{day.parts} ({day.known_parts})"
            on = "–" if day.on_s is None else f"{day.on_s:.1f} ({day.known_on_s:.0f})"
            print(f"| {day.file} | {worst:.1f} | {parts} | {on} |")
    if (data / "cnc-umich").exists():
        learned, found, hours = umich(data / "cnc-umich")
        border = learned.thresholds.production_above_kw if learned.thresholds is not None else None
        print(f"\n### cnc-umich ({hours:.2f} h)\n\nborder {border} kW; F1 waiting / spindle turning {_pair(found, 'f1')}; "
              f"time error {_pair(found, 'time_error')}")


def _row(trial: Trial) -> str:
    t = trial.learned.thresholds
    borders = "– | –" if t is None else f"{t.idle_above_kw:g} | {t.production_above_kw:g}"
    figures = f"{_pair(trial.scores, 'f1')} | {_pair(trial.scores, 'time_error')}"
    return f"| {trial.machine} | {borders} | {trial.learned.confidence:.2f} | {figures} |"


def _pair(found: Sequence[Score], name: str) -> str:
    values = [getattr(score, name) for score in found]
    return " / ".join("–" if v is None else f"{v:.4f}" if name == "f1" else f"{v:+.2%}" for v in values)


if __name__ == "__main__":
    main()
