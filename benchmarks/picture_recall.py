"""Precision and recall of quality models on pictures alone: good parts to learn from, then good and bad ones to judge.

The pictures are drawn by simulator/part_picture.py; run `python -m benchmarks.picture_recall`.
"""

from __future__ import annotations

import time
from collections import Counter

from analysis.inspection.learning import learned
from analysis.inspection.models import judge
from analysis.inspection.pictures import Reference, kept
from domain.camera import Camera, Comparing
from domain.inspection import Outcome
from simulator.part_picture import DEFECTS, part_picture

LEARNED, GOOD, BAD_EACH = 30, 100, 20
FAINT = (0.5, 0.25)  # contrast of faint defects
CAMERA = Camera("cell")


def main() -> None:
    jpegs = [kept(part_picture(1, n), CAMERA).jpeg for n in range(LEARNED)]
    good = [kept(part_picture(1, 10_000 + n), CAMERA).jpeg for n in range(GOOD)]
    bad = {d: [kept(part_picture(1, 20_000 + n, d), CAMERA).jpeg for n in range(BAD_EACH)] for d in DEFECTS}
    for strength in FAINT:
        for d in ("scratch", "stain", "crack"):
            some = [kept(part_picture(1, 20_000 + n, d, strength), CAMERA).jpeg for n in range(BAD_EACH)]
            bad[f"{d} {strength:.0%}"] = some
    for kind in ("limits", "distance", "forest"):
        began = time.process_time()
        document = learned(kind, [{} for _ in jpegs], jpegs, Comparing())
        took = time.process_time() - began
        reference = Reference.of(document["picture"])

        def outcome(jpeg: bytes) -> Outcome:
            return judge(document, reference.compare(jpeg).features())[0]  # noqa: B023 - called within the loop

        began = time.process_time()
        passed = Counter(outcome(jpeg) for jpeg in good)
        each_ms = (time.process_time() - began) / GOOD * 1000
        found = {d: Counter(outcome(jpeg) for jpeg in some) for d, some in bad.items()}
        plain = [found[d] for d in DEFECTS]
        right = sum(c[Outcome.REJECT] for c in plain)
        missed = sum(c[Outcome.GOOD] for c in plain)
        wrong = passed[Outcome.REJECT]
        unsure = passed[Outcome.UNSURE] + sum(c[Outcome.UNSURE] for c in plain)
        print(
            f"{kind}: precision {right / max(right + wrong, 1):.3f}, recall {right / max(right + missed, 1):.3f}, unsure {unsure} of "
            f"{GOOD + BAD_EACH * len(DEFECTS)}; learned in {took:.1f} s, compared in {each_ms:.1f} ms"
        )
        print("  ", {d: {o.value: n for o, n in c.items()} for d, c in found.items()}, {o.value: n for o, n in passed.items()})


if __name__ == "__main__":
    main()
