"""`python -m benchmarks.anomalies`: detectors on recordings with published figures beside, and what the live watch costs.

One detector and one set of parameters (the product's defaults) for all files of a recording. The recordings lie in
`../shared/data`; what is missing is skipped by name. Of skab (GPL-3.0) only figures of measurement are printed: nothing computed
from it goes into the product.
"""

from __future__ import annotations

import csv
import gzip
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from analysis.anomaly import LEAST_ROWS, Floats, calibrate, fit_weights, scores, threshold_of
from analysis.change import AdaptiveScorer, rising_edges
from analysis.detectors.unusual import ADAPTIVE_SIGMAS
from benchmarks.nab_score import NabScore, nab_score
from domain.detector import RULES

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ALPHA = RULES["anomaly"]["alpha"].default
SKAB_FIT = 400
# README of waico/SKAB, "Strict leaderboard" (the test part only, as here) of the 34 files: F1, FAR %, MAR %
SKAB_PUBLISHED = {
    "Conv-AE": (0.78, 13.55, 28.02), "MSET": (0.78, 39.73, 14.13), "T-squared+Q (PCA)": (0.76, 26.62, 24.92),
    "LSTM-AE": (0.74, 29.96, 25.92), "T-squared": (0.66, 19.21, 42.60), "LSTM-VAE": (0.56, 9.13, 55.03),
    "Vanilla LSTM": (0.54, 12.54, 59.53), "MSCRED": (0.40, 31.04, 69.05), "Vanilla AE": (0.39, 2.59, 75.15),
    "Isolation forest": (0.29, 2.56, 82.89),
}  # fmt: skip
# numenta/NAB, results/<detector>/<detector>_standard_scores.csv, line realKnownCause/machine_temperature_system_failure.csv: raw
NAB_PUBLISHED = {
    "Numenta HTM": 2.893, "ARTime": 2.556, "CAD OSE": 1.638, "earthgecko Skyline": 1.400, "Twitter ADVec": -0.237,
    "Relative Entropy": -0.916, "Random Cut Forest": -2.119, "KNN CAD": -2.856, "Bayesian Changepoint": -2.880,
    "EXPoSE": -3.107, "Windowed Gaussian": -4.0, "Etsy Skyline": -4.0,
}  # fmt: skip
ROWS_AN_HOUR = 12  # NAB: one in five minutes

Labels = np.ndarray[tuple[int], np.dtype[np.bool_]]


def f1_far_mar(predicted: Labels, true: Labels) -> tuple[float, float, float]:
    """F1, false alarms in % of normal rows, missed in % of anomalous rows. Never one without the others."""
    tp, fp = int((predicted & true).sum()), int((predicted & ~true).sum())
    fn, tn = int((~predicted & true).sum()), int((~predicted & ~true).sum())
    return 2 * tp / max(1, 2 * tp + fp + fn), 100 * fp / max(1, fp + tn), 100 * fn / max(1, fn + tp)


def judged(training: Floats, rest: Floats) -> Labels:
    """The product's model: fitted on `training`, the rest scored in order."""
    weights = fit_weights(training)
    threshold = threshold_of(calibrate(training), ALPHA)
    return np.asarray(scores(weights, np.vstack([training, rest]))[len(training) :] > threshold, dtype=np.bool_)


def three_sigma(training: Floats, rest: Floats) -> Labels:
    """Any channel more than three deviations from its mean."""
    mean, deviation = training.mean(axis=0), np.maximum(training.std(axis=0), 1e-9)
    return np.asarray((np.abs(rest - mean) > 3 * deviation).any(axis=1), dtype=np.bool_)


def isolation_forest(training: Floats, rest: Floats) -> Labels:
    """scikit-learn's, as it comes."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=0).fit(training)
    return np.asarray(forest.predict(rest) < 0, dtype=np.bool_)


def skab() -> list[tuple[str, Floats, Labels]]:
    """(name, values, anomaly) of each experiment."""
    found = []
    for file in sorted((DATA / "skab").glob("*/*.csv")):
        with file.open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines, delimiter=";"))
        if "anomaly" not in rows[0]:
            continue
        names = [name for name in rows[0] if name not in {"datetime", "anomaly", "changepoint"}]
        values = np.array([[float(row[name]) for name in names] for row in rows])
        found.append((file.name, values, np.array([float(row["anomaly"]) > 0 for row in rows])))
    return found


def measure_skab() -> None:
    files = skab()
    true = np.concatenate([labels[SKAB_FIT:] for _, _, labels in files])
    detectors: dict[str, Callable[[Floats, Floats], Labels]] = {
        "**this product** (robust MEWMA, defaults)": judged,
        "3 sigma a channel": three_sigma,
        "isolation forest (scikit-learn)": isolation_forest,
        "everything is an anomaly": lambda _t, rest: np.ones(len(rest), dtype=np.bool_),
    }
    print(f"\n### skab: {len(files)} files here, first {SKAB_FIT} rows fit, {len(true)} scored point by point\n")
    print("| detector | F1 | FAR, % | MAR, % |\n| --- | ---: | ---: | ---: |")
    for name, detector in detectors.items():
        predicted = np.concatenate([detector(values[:SKAB_FIT], values[SKAB_FIT:]) for _, values, _ in files])
        print("| {} | {:.3f} | {:.1f} | {:.1f} |".format(name, *f1_far_mar(predicted, true)))
    for name, (f1, far, mar) in SKAB_PUBLISHED.items():
        print(f"| {name} (published, 34 files) | {f1:.2f} | {far:.2f} | {mar:.2f} |")
    print(f"\nMedian of the published F1: {statistics.median(f1 for f1, _, _ in SKAB_PUBLISHED.values()):.2f}")


def nab() -> tuple[list[float], list[tuple[int, int]]]:
    """Values and windows as row numbers of the machine's temperature."""
    folder = DATA / "nab"
    with gzip.open(folder / "machine_temperature_system_failure.csv.gz", "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    stamps = [row["timestamp"][:19] for row in rows]
    labels = json.loads((folder / "machine_temperature_system_failure.labels.json").read_text(encoding="utf-8"))
    last = {stamp: i for i, stamp in enumerate(stamps)}
    windows = [(stamps.index(begin[:19]), last[end[:19]]) for begin, end in labels["scoring_windows"]]
    return [float(row["value"]) for row in rows], windows


def adaptive_detections(values: Sequence[float], sigmas: float = ADAPTIVE_SIGMAS) -> list[int]:
    """The product's untrained scorer: half-lives of an hour and two weeks; told at most twice a day."""
    scorer = AdaptiveScorer(ROWS_AN_HOUR, 14 * 24 * ROWS_AN_HOUR)
    return rising_edges([scorer.add(value) for value in values], sigmas, 12 * ROWS_AN_HOUR)


def measure_nab() -> None:
    values, windows = nab()
    print(f"\n### nab: machine_temperature_system_failure, {len(values)} rows, {len(windows)} windows, standard profile\n")
    print("| detector | score | raw | windows found | false alarms |\n| --- | ---: | ---: | ---: | ---: |")
    for sigmas, name in (
        (ADAPTIVE_SIGMAS, "**this product** (adaptive, 3 sigma)"),
        (2.5, "same, 2.5 sigma"),
        (3.5, "same, 3.5 sigma"),
    ):
        s: NabScore = nab_score(adaptive_detections(values, sigmas), windows, len(values))
        print(f"| {name} | {s.normalised:.1f} | {s.raw:.3f} | {s.found} | {s.false_alarms} |")
    for name, raw in NAB_PUBLISHED.items():
        print(f"| {name} (published, this file) | {normalised(raw):.1f} | {raw:.3f} | | |")
    print(f"\nMedian of the published scores of this file: {statistics.median(map(normalised, NAB_PUBLISHED.values())):.1f}")


def normalised(raw: float, windows: int = 4) -> float:
    """0 no detection, 100 perfect."""
    return 100 * (raw + windows) / (2 * windows)


def measure_hydraulic() -> None:
    """Fitted on cycles with a whole cooler, from their first half; the others scored: reduced and failing cooler."""
    folder = DATA / "hydraulic-zema"
    columns = []
    for number in range(1, 5):
        with gzip.open(folder / f"TS{number}.tsv.gz", "rt", encoding="utf-8") as lines:
            columns.append(np.loadtxt(lines)[:, 1:].mean(axis=1))
    means = np.column_stack(columns)
    with (folder / "profile.tsv").open(encoding="utf-8") as lines:
        cooler = np.array([float(row["cooler_pct"]) for row in csv.DictReader(lines, delimiter="\t")])
    whole = np.flatnonzero(cooler == 100)
    training, rest = whole[: len(whole) // 2], np.setdiff1d(np.arange(len(means)), whole[: len(whole) // 2])
    predicted = judged(means[training], means[rest])
    print("\n### hydraulic-zema: four temperatures, cycle means; anomalous = cooler reduced or near failure\n")
    print(f"{len(training)} whole cycles fit, {len(rest)} scored. ", end="")
    print("F1 {:.3f}, FAR {:.1f} %, MAR {:.1f} %".format(*f1_far_mar(predicted, cooler[rest] < 100)))


def measure_tool_wear() -> None:
    """Spindle and axes of a mill in 1 s means: fitted on unworn experiments, share of rows above the threshold in each other one."""
    folder = DATA / "cnc-umich"
    names = (
        "S1_OutputPower",
        "S1_CurrentFeedback",
        "X1_CurrentFeedback",
        "Y1_CurrentFeedback",
        "X1_OutputPower",
        "Y1_OutputPower",
    )
    with (folder / "train.csv").open(encoding="utf-8") as lines:
        about = {int(row["No"]): row for row in csv.DictReader(lines)}
    rows: dict[int, Floats] = {}
    for number in sorted(about):
        file = folder / f"experiment_{number:02}.csv.gz"
        if not file.exists():
            continue
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            cutting = [
                [abs(float(r[n])) for n in names] for r in csv.DictReader(lines) if r["Machining_Process"].startswith("Layer")
            ]
        whole = len(cutting) // 10 * 10
        rows[number] = np.array(cutting[:whole]).reshape(-1, 10, len(names)).mean(axis=1)
    unworn = [n for n in rows if about[n]["tool_condition"] == "unworn"]
    print("\n### cnc-umich: worn against unworn tool (leave one experiment out)\n")
    print("| experiment | tool | feed, mm/s | rows above the threshold, % |\n| --- | --- | ---: | ---: |")
    shares: dict[str, list[float]] = {"worn": [], "unworn": []}
    for number, values in rows.items():
        training = np.vstack([rows[n] for n in unworn if n != number])
        if len(training) < LEAST_ROWS:
            print(f"| {number} | too few rows to fit | | |")
            continue
        share = 100 * float(judged(training, values).mean())
        shares[about[number]["tool_condition"]].append(share)
        print(f"| {number} | {about[number]['tool_condition']} | {about[number]['feedrate']} | {share:.1f} |")
    print(f"\nMean share: worn {statistics.mean(shares['worn']):.1f} %, unworn {statistics.mean(shares['unworn']):.1f} %")


def measure_live() -> None:
    """2 000 tags at 1 s: 154 meters of 13 tags; cost a batch, and of judging a minute of all of them."""
    from analysis.detectors.catalog import machine_detectors, supply_detectors
    from analysis.detectors.episode import Detector
    from analysis.detectors.minute import CHANNELS, MINUTE_US, Minute, MinuteFold
    from domain.detector import DetectorSettings

    places = [(i, i) for i in range(len(CHANNELS))]
    values, qualities = [5.0 + i for i in range(len(CHANNELS))], [0] * len(CHANNELS)
    fold, batches = MinuteFold(1.0), 20_000
    begin = time.perf_counter()
    for second in range(batches):
        fold.add_batch(places, second * 1_000_000, values, qualities)
    per_batch_us = (time.perf_counter() - begin) / batches * 1e6
    tracemalloc.start()
    meters = 154
    detectors: list[list[Detector]] = [machine_detectors(f"m{i}", DetectorSettings(), 0.3) for i in range(meters)]
    detectors[0] += supply_detectors(DetectorSettings())
    rng = np.random.default_rng(1)
    minutes = 600
    begin = time.perf_counter()
    for index in range(minutes):
        kw = float(rng.normal(8, 1))
        row = (kw, kw, 0.7, 50.0, 230.0, 231.0, 229.0, 400.0, 399.0, 401.0, 12.0, 12.1, 11.9)
        minute = Minute(index * MINUTE_US, row, production_s=60.0, in_shift=True, frequency_10s=(50.0,) * 6)
        for own in detectors:
            for detector in own:
                detector.feed(minute)
    traced = (time.perf_counter() - begin) / minutes
    memory = tracemalloc.get_traced_memory()[1] / 1024
    tracemalloc.stop()
    seconds = meters * per_batch_us / 1e6 + traced / 60
    print("\n### live: 2 000 tags at 1 s (154 meters of 13 tags)\n")
    print("| | |\n| --- | ---: |")
    print(f"| a batch of 13 samples, µs | {per_batch_us:.1f} |")
    print(f"| judging one minute of all 154 machines (with memory tracing, which slows it), ms | {traced * 1e3:.1f} |")
    print(f"| share of one core, % | {100 * seconds:.2f} |")
    print(f"| memory of all detectors after {minutes} minutes, KiB | {memory:.0f} |")


PARTS: dict[str, Callable[[], None]] = {
    "skab": measure_skab, "nab": measure_nab, "hydraulic-zema": measure_hydraulic, "cnc-umich": measure_tool_wear,
}  # fmt: skip


def main(wanted: Sequence[str]) -> None:
    """All parts, or those named."""
    for name, part in PARTS.items():
        if wanted and name not in wanted:
            continue
        if (DATA / name).is_dir():
            part()
        else:
            print(f"\n{name}: the recording is not on this machine, skipped")
    if not wanted or "live" in wanted:
        measure_live()


if __name__ == "__main__":
    main(sys.argv[1:])
