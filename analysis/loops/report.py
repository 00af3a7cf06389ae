"""A loop's recording becomes its report. Pure; the same code for live pages, stored episodes, API and printed reports."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from analysis.loops.criteria import error_integrals, total_variation
from analysis.loops.episodes import Episode, find_episodes
from analysis.loops.harris import harris_index
from analysis.loops.oscillation import find_oscillation
from analysis.loops.series import LoopSeries, usual_step_s
from analysis.loops.step_response import step_response
from domain.loop import MAX_TRACE, ControlLoop, LoopEpisode, LoopErrors, LoopReport

RULE_VERSION: Final = 1
GAP_STEPS: Final = 5.0  # a step longer than so many usual ones is a gap


def loop_report(
    loop: ControlLoop, series: LoopSeries, from_us: int, to_us: int, *, unit: str = "", output_unit: str = ""
) -> LoopReport:
    """`series.seconds` count from `from_us`."""
    step = usual_step_s(series.seconds)
    gap = GAP_STEPS * step if step > 0 else 1.0
    errors = _errors(series, gap, (to_us - from_us) / 1e6)
    swing = find_oscillation(series, amplitude=loop.amplitude, period_s=loop.period_s, max_gap_s=gap)
    harris = harris_index(series, dead_time_s=loop.dead_time_s, max_gap_s=gap)
    known_s = errors.completeness * (to_us - from_us) / 1e6
    return LoopReport(
        loop, unit, output_unit, from_us, to_us, step if step > 0 else None, errors,
        errors.iae / known_s if errors.iae is not None and known_s else None,
        swing.found, swing.half_waves, swing.period_s, swing.amplitude, None if harris is None else harris.index,
        loop_episodes(loop, series, from_us), _trace(series, from_us), RULE_VERSION,
    )  # fmt: skip


def loop_episodes(loop: ControlLoop, series: LoopSeries, from_us: int) -> list[LoopEpisode]:
    """One for each step of the set point that was held long enough."""
    found = find_episodes(series, min_step=loop.min_step, min_length_s=loop.min_episode_s)
    return [_episode(loop, series, episode, from_us) for episode in found]


def _episode(loop: ControlLoop, series: LoopSeries, episode: Episode, from_us: int) -> LoopEpisode:
    part = series.within(episode.start_s, episode.end_s)
    step = usual_step_s(part.seconds)
    answer = step_response(part, before=episode.before, step_s=episode.start_s, band=loop.band)
    return LoopEpisode(
        loop.id, from_us + round(episode.start_s * 1e6), from_us + round(episode.end_s * 1e6), episode.before, episode.after,
        _errors(part, GAP_STEPS * step if step > 0 else 1.0, episode.end_s - episode.start_s),
        answer.rise_s, answer.peak_s, answer.overshoot, answer.settling_s, answer.steady_error, RULE_VERSION,
    )  # fmt: skip


def _errors(series: LoopSeries, gap: float, window_s: float) -> LoopErrors:
    """Completeness is of the whole window, also of what lies before the first and after the last sample."""
    found = error_integrals(series, max_gap_s=gap)
    variation = None if series.output is None else total_variation(series.output)
    share = min(1.0, found.seconds / window_s) if window_s > 0 else 0.0
    return LoopErrors(found.iae, found.ise, found.itae, found.itse, share, variation)


def _trace(series: LoopSeries, from_us: int) -> list[tuple[int, float | None, float | None, float | None]]:
    """Of each stretch its first, smallest and largest process value: what swings is seen to swing however long the window."""
    count = len(series.seconds)
    chosen: Sequence[int] = range(count) if count <= MAX_TRACE else _extremes(series.process, MAX_TRACE // 3)
    columns = (series.setpoint, series.process, series.output)
    return [
        (from_us + round(float(series.seconds[i]) * 1e6), _number(columns[0], i), _number(columns[1], i), _number(columns[2], i))
        for i in chosen
    ]


def _extremes(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], stretches: int) -> Sequence[int]:
    borders = np.linspace(0, len(values), stretches + 1).astype(int)
    found: set[int] = {len(values) - 1}
    for begin, end in itertools.pairwise(borders):
        part = values[begin:end]
        found.add(int(begin))
        if len(part) and not np.isnan(part).all():
            found |= {int(begin + np.nanargmin(part)), int(begin + np.nanargmax(part))}
    return sorted(found)


def _number(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None, at: int) -> float | None:
    return None if values is None or np.isnan(values[at]) else float(values[at])
