"""One machine's day: its states, and P and Q of each phase on knots of 5 s with their exact integrals.

Between knots power runs straight, so energy is the closed form of a straight line: what the counter shows is the integral of what
the power shows, to the last bit of a float, at any instant. Pure; the same (character, seed, day, variant) gives the same day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from simulator.character import Character
from simulator.shop_calendar import Day, Window

Floats = NDArray[np.float64]
STEP_S = 5


class Mode(IntEnum):
    """What the machine really does; the product has to find it out from power."""

    OFF = 0
    WARM_UP = 1
    IDLE = 2
    PRODUCTION = 3


_BREAK_BEGIN_S, _BREAK_END_S = (-90.0, 150.0), (-60.0, 240.0)  # about the planned time: nobody stops to the second
_RUNS_THROUGH = 0.3  # a numerically controlled machine finishes its part alone
_SLACK = {"day": 1.0, "evening": 1.5, "night": 2.0}  # fewer people: longer pauses

Segment = tuple[float, float, Mode]  # from s, to s


@dataclass(frozen=True, slots=True, eq=False)
class DayProfile:
    """`power`: kW and kvar at the knots, shape (k, n + 1); `energy`: their integrals since midnight, kWh and kvarh.

    `mix`, shape (6, k), makes P1 P2 P3 Q1 Q2 Q3 of the k rows: while the phases keep their shares, total P and Q are enough.
    `parts_s`: when parts were finished, s since midnight. `modes`: mode from `mode_starts_s` on.
    """

    power: Floats
    energy: Floats
    mix: Floats
    parts_s: Floats
    mode_starts_s: Floats
    modes: NDArray[np.int64]

    def power_at(self, seconds: Floats) -> Floats:
        """kW and kvar, shape (6, m)."""
        knot, rest = self._knot(seconds)
        start = self.power[:, knot]
        result: Floats = self.mix @ (start + (self.power[:, knot + 1] - start) * (rest / STEP_S))
        return result

    def energy_at(self, seconds: Floats) -> Floats:
        """kWh and kvarh since midnight, shape (6, m): the exact integral of `power_at`."""
        knot, rest = self._knot(seconds)
        start = self.power[:, knot]
        slope = (self.power[:, knot + 1] - start) / STEP_S
        result: Floats = self.mix @ (self.energy[:, knot] + rest * (start + 0.5 * slope * rest) / 3600.0)
        return result

    def mode_at(self, seconds: Floats) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.modes[np.searchsorted(self.mode_starts_s, seconds, side="right") - 1]
        return found

    def _knot(self, seconds: Floats) -> tuple[NDArray[np.int64], Floats]:
        knot = np.minimum((seconds // STEP_S).astype(np.int64), self.power.shape[1] - 2)
        return knot, seconds - knot * STEP_S


def build_day(character: Character, seed: int, day: Day, variant: int, on: tuple[bool, bool] = (False, False)) -> DayProfile:
    """A day of one machine. `variant` tells days of equal kind apart. `on`: left on in the night before it, in the one after."""
    rng = np.random.default_rng([seed, character.key, day.length_s, len(day.windows), variant])
    segments = _segments(character, day, rng, on)
    knots = day.length_s // STEP_S + 1
    total = np.full(knots, character.off_kw)
    parts: list[Floats] = []
    for start, end, mode in segments:
        low, high = round(start / STEP_S), min(round(end / STEP_S) + (end >= day.length_s), knots)
        if high <= low:
            continue
        total[low:high] = _power(character, mode, high - low, rng)
        if mode is Mode.PRODUCTION and character.habit.parts:
            parts.append(np.arange(start + character.cycle_s, end, character.cycle_s))
    power, mix = _phases(character, segments, total, rng)
    steps = (power[:, :-1] + power[:, 1:]) * (STEP_S / 7200.0)
    energy = np.concatenate([np.zeros((len(power), 1)), np.cumsum(steps, axis=1)], axis=1)
    return DayProfile(
        power, energy, mix, np.concatenate(parts) if parts else np.zeros(0), np.array([s[0] for s in segments]),
        np.array([int(s[2]) for s in segments]),
    )


def _power(character: Character, mode: Mode, knots: int, rng: np.random.Generator) -> Floats:
    """Total active power over one segment, kW."""
    white = rng.standard_normal(knots + 2)
    ripple = 0.25 * white[:-2] + 0.5 * white[1:-1] + 0.25 * white[2:]
    noise = character.habit.noise
    if mode is Mode.OFF:
        return np.full(knots, character.off_kw)
    if mode is not Mode.PRODUCTION:
        level = character.idle_kw * (1.15 if mode is Mode.WARM_UP else 1.0) * float(rng.uniform(0.94, 1.04))
        return _within(level * (1 + noise * ripple), character.idle_band)
    place = np.arange(knots) * (STEP_S / character.cycle_s)
    if character.habit.always_on:
        place = place * character.cycle_s / 86_400.0
    points, levels = zip(*character.habit.shape, strict=True)
    strength = rng.normal(1.0, 0.05, int(place[-1]) + 1)[place.astype(np.int64)]
    level = np.interp(place % 1.0, points, levels) * strength
    kw = (character.dip_kw + (character.peak_kw - character.dip_kw) * level) * (1 + noise * ripple)
    kw[0] *= 1.15  # the spindle runs up
    return _within(kw, character.production_band)


def _within(kw: Floats, band: tuple[float, float]) -> Floats:
    return np.minimum(np.maximum(kw, band[0]), band[1])


def _reactive(character: Character, kw: Floats) -> Floats:
    """kvar: cos φ of a motor rises with its load."""
    load = np.minimum(kw / character.peak_kw, 1.0)
    cosine = character.habit.cos_idle + (character.habit.cos_load - character.habit.cos_idle) * np.sqrt(load)
    return kw * np.sqrt(1.0 / np.square(cosine) - 1.0)


def _phases(character: Character, segments: Sequence[Segment], kw: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The rows of a day and how they mix to the phases: P and Q, or P of each phase where one is overloaded now and then."""
    reactive = _reactive(character, kw)
    if not character.habit.overload:
        mix = np.zeros((6, 2))
        mix[:3, 0], mix[3:, 1] = character.shares_p, character.shares_q
        return np.array([kw, reactive]), mix
    shares = np.repeat(np.array(character.shares_p)[:, None], len(kw), axis=1)
    overloaded = np.array([0.228, 0.54, 0.232])[:, None]  # two heaters of L2 in parallel: a fault of its regulator
    for start, end, mode in segments:
        if mode is not Mode.PRODUCTION:
            continue
        at = start + float(rng.uniform(900, 1800))
        while at + 900 < end:
            lasts = float(rng.uniform(360, 780))
            shares[:, round(at / STEP_S) : round((at + lasts) / STEP_S)] = overloaded
            at += lasts + float(rng.uniform(1500, 2700))
    mix = np.zeros((6, 4))
    mix[:3, :3], mix[3:, 3] = np.eye(3), character.shares_q
    return np.concatenate([shares * kw, reactive[None, :]]), mix


class _Timeline:
    """Segments laid one after the other from midnight on."""

    def __init__(self, length_s: float) -> None:
        self.at = 0.0
        self.segments: list[Segment] = []
        self._length_s = length_s

    def add(self, until_s: float, mode: Mode) -> None:
        """`mode` from where the last one ended until `until_s`; nothing when that lies in the past."""
        until_s = min(until_s, self._length_s)
        if until_s > self.at:
            self.segments.append((self.at, until_s, mode))
            self.at = until_s


def _segments(character: Character, day: Day, rng: np.random.Generator, on: tuple[bool, bool]) -> list[Segment]:
    """What the machine does from midnight to midnight, without holes."""
    line = _Timeline(float(day.length_s))
    if character.habit.always_on:
        line.add(day.length_s, Mode.PRODUCTION)
        return line.segments
    works = [w for w in day.windows if w.part in character.habit.works]
    for index, window in enumerate(works):
        touches_before = index > 0 and works[index - 1].end_s >= window.start_s
        touches_next = window.goes_on or (index + 1 < len(works) and works[index + 1].start_s <= window.end_s)
        if touches_before:
            line.add(line.at + float(rng.uniform(120, 360)), Mode.IDLE)  # the shift is handed over
        elif not window.continues:
            left_on = on[0] and line.at == 0.0
            line.add(window.start_s + float(rng.uniform(0, 420)), Mode.IDLE if left_on else Mode.OFF)
            line.add(line.at + float(rng.uniform(*character.habit.warm_up_s)), Mode.IDLE if left_on else Mode.WARM_UP)
        _work(line, character, window, window.end_s if touches_next else window.end_s - float(rng.uniform(120, 600)), rng)
    line.add(day.length_s, Mode.IDLE if on[1] else Mode.OFF)
    return line.segments


def _work(line: _Timeline, character: Character, window: Window, end: float, rng: np.random.Generator) -> None:
    """Blocks of production, pauses between them, breaks, now and then a long stop."""
    habit = character.habit
    slack = _SLACK[window.part] if habit.lunch else 1.0
    breaks = _breaks(character, window, rng) if habit.lunch else []
    while line.at < end:
        block_end = line.at + float(rng.uniform(*habit.block_s))
        pause = next((pause for pause in breaks if pause[1] > line.at), None)
        if pause is not None and block_end >= pause[0]:
            line.add(min(pause[0], end), Mode.PRODUCTION)
            line.add(min(pause[1], end), Mode.OFF if rng.random() < 0.3 else Mode.IDLE)
            continue
        line.add(min(block_end, end), Mode.PRODUCTION)
        if rng.random() < habit.long_stop * slack:
            line.add(min(line.at + float(rng.uniform(1200, 3000)), end), Mode.OFF)
            line.add(min(line.at + 90, end), Mode.WARM_UP)
        else:
            line.add(min(line.at + slack * float(rng.uniform(*habit.pause_s)), end), Mode.IDLE)


def _breaks(character: Character, window: Window, rng: np.random.Generator) -> list[tuple[float, float]]:
    """When this machine stands for a break, s: the planned ones of the shift, else one half hour in turns with the others."""
    if window.breaks:
        found = []
        for begin, end in window.breaks:
            through = character.habit.kind == "cnc" and rng.random() < _RUNS_THROUGH
            pause = begin + float(rng.uniform(*_BREAK_BEGIN_S)), end + float(rng.uniform(*_BREAK_END_S))
            if not through:
                found.append(pause)
        return found
    if window.continues or window.goes_on or window.end_s - window.start_s <= 5 * 3600:
        return []
    lunch = 0.5 * (window.start_s + window.end_s) + float(rng.uniform(-2700, 2700))
    return [(lunch, lunch + 1800)]
