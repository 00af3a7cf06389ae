"""Precision and recall of the quality models on labelled recordings: a hydraulic rig's cooler, a mill's worn tool.

    .venv/bin/python -m benchmarks.inspection_recall

Models learn from good items of the first part only and judge the rest; an unsure item counts as neither.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.inspection.features import features_of
from analysis.inspection.models import KINDS, rehearse, train
from domain.inspection import Outcome
from tests.conftest import shared_file

Item = tuple[Mapping[str, float], Outcome]
CNC_TAGS = ("S1_OutputCurrent", "S1_OutputPower", "S1_CurrentFeedback", "X1_CurrentFeedback", "Y1_CurrentFeedback", "X1_OutputPower", "Y1_OutputPower")


@dataclass(frozen=True)
class Figures:
    """Counts of a rehearsal, and what they come to."""

    counts: Mapping[str, int]
    trained_on: int

    @property
    def precision(self) -> float:
        found = self.counts["true_reject"] + self.counts["false_reject"]
        return self.counts["true_reject"] / found if found else 0.0

    @property
    def recall(self) -> float:
        there = self.counts["true_reject"] + self.counts["missed"]
        return self.counts["true_reject"] / there if there else 0.0


def hydraulic(kind: str) -> Figures:
    """An item is a cycle of 60 s; good is a cooler of 100 %, steady. Learned from the first 60 % of the good cycles."""
    sensors = {}
    for name in ("TS1", "TS2", "TS3", "TS4"):
        with gzip.open(shared_file("data", "hydraulic-zema", f"{name}.tsv.gz"), "rt") as file:
            for row in csv.reader(file, delimiter="\t"):
                if row[0].isdigit():
                    sensors.setdefault(int(row[0]), {})[name] = [float(v) for v in row[1:]]
    good, rest = [], []
    with shared_file("data", "hydraulic-zema", "profile.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["not_stable"] == "1" or int(row["cycle"]) not in sensors:
                continue
            features = features_of(sensors[int(row["cycle"])])
            (good if row["cooler_pct"] == "100" else rest).append(features)
    border = int(0.6 * len(good))
    held: Sequence[Item] = [*((f, Outcome.GOOD) for f in good[border:]), *((f, Outcome.REJECT) for f in rest)]
    return Figures(rehearse(train(kind, good[:border]), held), border)


def worn_tool(kind: str) -> Figures:
    """An item is one pass over a layer; good is a fresh tool. Each experiment is judged by a model of the other fresh ones."""
    with shared_file("data", "cnc-umich", "train.csv").open() as file:
        worn = {int(row["No"]): row["tool_condition"] == "worn" for row in csv.DictReader(file)}
    items: dict[int, list[Mapping[str, float]]] = {}
    for number in sorted(worn):
        try:
            path = shared_file("data", "cnc-umich", f"experiment_{number:02d}.csv.gz")
        except BaseException:
            continue
        with gzip.open(path, "rt", newline="") as file:
            passes: dict[str, dict[str, list[float]]] = {}
            for row in csv.DictReader(file):
                if row["Machining_Process"].startswith("Layer") and float(row["M1_CURRENT_FEEDRATE"]) != 50:
                    columns = passes.setdefault(row["Machining_Process"], {})
                    for tag in CNC_TAGS:
                        columns.setdefault(tag, []).append(float(row[tag]))
        items[number] = [features_of(columns) for columns in passes.values() if len(columns[CNC_TAGS[0]]) >= 10]
    total = dict.fromkeys(("true_reject", "false_reject", "missed", "true_good", "unsure"), 0)
    trained = 0
    for number, held in items.items():
        good = [item for other, own in items.items() if other != number and not worn[other] for item in own]
        trained = len(good)
        label = Outcome.REJECT if worn[number] else Outcome.GOOD
        counts = rehearse(train(kind, good), [(item, label) for item in held])
        total = {name: total[name] + count for name, count in counts.items()}
    return Figures(total, trained)


def main() -> None:
    for name, run in (("hydraulic-zema, cooler", hydraulic), ("cnc-umich, worn tool", worn_tool)):
        for kind in KINDS:
            found = run(kind)
            print(f"{name:24} {kind:9} precision {found.precision:.3f} recall {found.recall:.3f} {dict(found.counts)} of {found.trained_on}")


if __name__ == "__main__":
    main()
