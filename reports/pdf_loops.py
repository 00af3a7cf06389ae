"""The part of a PDF about control loops: figures of each, then its answers to steps of the set point."""

from __future__ import annotations

from xml.sax.saxutils import escape

from reportlab.platypus import Flowable, Spacer

from reports.loops import loop_words
from reports.model import Report
from reports.pdf_base import heading, part, table, text, width_of
from reports.texts import moment
from reports.wording import Wording

MOST_STEPS = 60


def loops(report: Report, words: Wording) -> list[Flowable]:
    """Nothing where there are none."""
    if not report.loops:
        return []
    t, n, width = words.t, words.number, width_of(report)
    figures = [
        [text(r.loop.name), escape(loop_words(r, words)), n(r.mean_abs_error, 2), n(r.errors.iae, 0), n(r.errors.ise, 0),
         n(r.harris, 2), n(r.errors.output_variation, 0), words.percent(r.errors.completeness)]
        for r in report.loops
    ]
    keys = ("loop", "verdict", "mean_error", "iae", "ise", "harris", "variation")
    heads = [*(t(f"report.loop.{key}") for key in keys), t("report.completeness")]
    listed = table(heads, figures, (0.2, 0.24, 0.09, 0.1, 0.1, 0.08, 0.09, 0.1), width)
    return [*part(heading(t("reports.block.loops"), t("report.loop.note")), listed), Spacer(1, 8), *_steps(report, words)]


def _steps(report: Report, words: Wording) -> list[Flowable]:
    """The newest answers, oldest first."""
    t, n = words.t, words.number
    answers = sorted(((e, r) for r in report.loops for e in r.episodes), key=lambda pair: pair[0].from_us)[-MOST_STEPS:]
    if not answers:
        return []
    rows = [
        [text(r.loop.name), moment(e.from_us, report, words), f"{n(e.before, 1)} → {n(e.after, 1)} {escape(r.unit)}",
         words.percent(e.overshoot, 1), n(e.rise_s, 1), n(e.settling_s, 1), n(e.steady_error, 2)]
        for e, r in answers
    ]
    heads = [t(f"report.loop.{key}") for key in ("loop", "begin", "step", "overshoot", "rise", "settling", "steady")]
    shares = (0.16, 0.09, 0.17, 0.18, 0.14, 0.15, 0.11)
    return part(heading(t("report.loop.steps")), table(heads, rows, shares, width_of(report)))
