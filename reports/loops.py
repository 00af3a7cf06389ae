"""Control loops in the words of a report."""

from __future__ import annotations

from typing import Final

from domain.loop import LoopReport
from reports.model import Report
from reports.wording import Wording

LONGEST_US: Final = 7 * 86_400_000_000  # of a longer window single samples are no longer looked at


def loop_words(loop: LoopReport, words: Wording) -> str:
    """Does it swing, is it known at all?"""
    if loop.errors.iae is None:
        return words.t("report.loop.unknown")
    if not loop.oscillates:
        return words.t("report.loop.holds")
    amplitude = f"{words.number(loop.amplitude, 2)}\u00a0{loop.unit}".strip()
    return words.t("report.loop.swings", period=words.duration(loop.period_s or 0.0), amplitude=amplitude)


def loop_verdict(report: Report, words: Wording) -> tuple[str, str]:
    """How many swing, and which."""
    known = [loop for loop in report.loops if loop.errors.iae is not None]
    if not known:
        too_long = report.to_us - report.from_us > LONGEST_US
        return words.t("report.verdict.loops.long" if too_long else "report.verdict.loops.none"), ""
    swinging = [loop.loop.name for loop in known if loop.oscillates]
    if not swinging:
        return words.t("report.verdict.loops.hold"), ""
    head = words.t("report.verdict.loops.swing", n=len(swinging), of=len(known))
    return head, words.t("report.verdict.loops.which", names=", ".join(swinging[:5])) + "."
