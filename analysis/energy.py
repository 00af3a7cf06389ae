"""Energy of a machine over a window, from its counter, split by its states. Pure, over columns.

- The window's energy is the growth of the counter; increments are cut at the window's borders by interpolation in time. So
  neighbouring windows add up to the counter's difference exactly, whatever their borders.
- Inside an increment (a minute, as a rule) the energy is shared among the states in proportion to the integral of the measured
  power where that is known for most of the increment, else in proportion to time. The shares add up to the increment.
- Only where a device has no counter the power is integrated; all of it is then estimated.
- Between the last counter reading and now the integral of power stands in, estimated, until the next reading replaces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.counter import Increment, Step
from domain.energy import EnergyAccount
from domain.quality import FIRST_BAD, Quality
from domain.state import MachineState, StateInterval

US_PER_HOUR = 3.6e9
ENOUGH_POWER = 0.9  # share of an increment whose power must be known to share it out by power
COMPLETE = 0.95  # below it a ratio is shown hatched

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def counts(quality: int) -> bool:
    """May a counter reading with that quality be used? Resets and jumps yes (their rules decide), readings out of range no."""
    return quality < FIRST_BAD and quality != Quality.OUT_OF_RANGE


class PowerTrace:
    """Power as stretches of constant value: cumulated energy and cumulated known time at any moment."""

    def __init__(self, from_us: Ints, to_us: Ints, power_kw: Floats) -> None:
        """Stretches [from_us[i], to_us[i]) with power_kw[i], in time order, not overlapping."""
        n = len(from_us)
        self._at = np.empty(2 * n, dtype=np.float64)
        self._at[0::2], self._at[1::2] = from_us, to_us
        length = (to_us - from_us).astype(np.float64)
        self._energy = _staircase(power_kw * length / US_PER_HOUR)
        self._known = _staircase(length)

    @staticmethod
    def of_samples(
        times_us: Sequence[int],
        values: Sequence[float | None],
        qualities: Sequence[int],
        interval_us: int,
        hold_us: int,
        until_us: int,
    ) -> PowerTrace:
        """Each usable sample holds until the next; before a gap longer than `hold_us`, and at the end when `until_us` is farther
        than that, it holds for one interval. The same rule as for states."""
        times = np.asarray(times_us, dtype=np.int64)
        power = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        quality = np.asarray(qualities, dtype=np.int64)
        keep = ~np.isnan(power) & (quality < FIRST_BAD) & (quality != Quality.SPIKE) & (times < until_us)
        times, power = times[keep], power[keep]
        following = np.append(times[1:], until_us)
        ends = np.where(following - times > hold_us, times + interval_us, following)
        return PowerTrace(times, ends, power)

    def energy_at(self, moments: Ints | Floats) -> Floats:
        """kWh from the first stretch to each moment."""
        return self._interpolate(moments, self._energy)

    def known_at(self, moments: Ints | Floats) -> Floats:
        """Microseconds of known power up to each moment."""
        return self._interpolate(moments, self._known)

    def energy(self, from_us: int, to_us: int) -> float:
        """kWh within [from_us, to_us)."""
        start, end = self.energy_at(np.array([from_us, to_us]))
        return float(end - start)

    def _interpolate(self, moments: Ints | Floats, column: Floats) -> Floats:
        if not len(self._at):
            return np.zeros(len(moments))
        return np.interp(moments, self._at, column)


def _staircase(parts: Floats) -> Floats:
    """Cumulated values at begin and end of each stretch."""
    total = np.cumsum(parts)
    stairs = np.empty(2 * len(parts), dtype=np.float64)
    stairs[0::2], stairs[1::2] = total - parts, total
    return stairs


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch in one state with its energy; `uncertain_kwh` is the part that lies in a gap or comes from power."""

    state: MachineState
    from_us: int
    to_us: int
    energy_kwh: float
    uncertain_kwh: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is known of [from_us, to_us): adjacent chunks add up. `known_us`: time with energy (and state) known.

    `gaps`: (increment's begin, its end, energy that falls into this chunk) of increments longer than normal: estimated only
    where a window cuts them. `integrated_kwh` comes from power instead of the counter.
    """

    from_us: int
    to_us: int
    pieces: tuple[Piece, ...]
    known_us: float
    gaps: tuple[tuple[int, int, float], ...]
    integrated_kwh: float
    any_energy: bool


@dataclass(frozen=True, slots=True)
class CounterColumns:
    """Increments as columns; `last_us`: time of the last reading, None when there is none."""

    from_us: Ints
    to_us: Ints
    growth: Floats
    known: NDArray[np.bool_]
    last_us: int | None

    @staticmethod
    def of(increments: Iterable[Increment], last_us: int | None) -> CounterColumns:
        """Increments that follow each other in time."""
        rows = list(increments)
        return CounterColumns(
            np.array([i.from_us for i in rows], dtype=np.int64),
            np.array([i.to_us for i in rows], dtype=np.int64),
            np.array([i.growth for i in rows], dtype=np.float64),
            np.array([i.step in {Step.NORMAL, Step.WRAP} for i in rows], dtype=np.bool_),
            last_us,
        )


def measure(
    from_us: int,
    to_us: int,
    intervals: Sequence[StateInterval],
    counter: CounterColumns | None,
    power: PowerTrace,
    *,
    longest_normal_us: int,
    tail_until_us: int,
    states_matter: bool = True,
) -> Chunk:
    """Energy of [from_us, to_us) by state.

    `intervals` tile the window. `counter` None: integrate the power. After the last reading the integral of power stands in up
    to `tail_until_us`. `states_matter` False: the machine has no thresholds, so no_data says nothing about completeness.
    """
    state_from = np.array([i.from_us for i in intervals], dtype=np.int64)
    inner = np.concatenate([state_from, *(() if counter is None else (counter.from_us, counter.to_us, _last(counter)))])
    inner = inner[(inner > from_us) & (inner < to_us)]
    borders = np.unique(np.concatenate([inner, [from_us, to_us]]))
    begin, length = borders[:-1], np.diff(borders).astype(np.float64)
    by_power, known = np.maximum(np.diff(power.energy_at(borders)), 0.0), np.diff(power.known_at(borders))
    owner = np.searchsorted(state_from, begin, side="right") - 1
    gaps: tuple[tuple[int, int, float], ...] = ()
    if counter is None:
        energy, uncertain, measured = by_power, by_power, known
        integrated = float(by_power.sum())
    else:
        energy, measured, gaps, long_part = _share_out(begin, length, by_power, known, counter, from_us, to_us, longest_normal_us)
        tail = begin >= counter.last_us if counter.last_us is not None else np.zeros(len(begin), dtype=np.bool_)
        tail &= begin < tail_until_us
        energy = np.where(tail, by_power, energy)
        measured = np.where(tail, known, measured)
        uncertain = np.where(tail | long_part, energy, 0.0)
        integrated = float(by_power[tail].sum())
    if states_matter:
        lost = np.array([i.state is MachineState.NO_DATA for i in intervals], dtype=np.bool_)
        good = measured[~lost[owner]].sum()
    else:
        good = measured.sum()
    in_state = np.bincount(owner, energy, len(intervals))
    in_doubt = np.bincount(owner, uncertain, len(intervals))
    pieces = tuple(
        Piece(i.state, i.from_us, to_us if i.to_us is None else i.to_us, float(e), float(u))
        for i, e, u in zip(intervals, in_state, in_doubt, strict=True)
    )
    return Chunk(from_us, to_us, pieces, float(good), gaps, integrated, bool(measured.any()))


def _last(counter: CounterColumns) -> Ints:
    return np.array([] if counter.last_us is None else [counter.last_us], dtype=np.int64)


def _share_out(
    begin: Ints,
    length: Floats,
    by_power: Floats,
    known: Floats,
    counter: CounterColumns,
    from_us: int,
    to_us: int,
    longest_us: int,
) -> tuple[Floats, Floats, tuple[tuple[int, int, float], ...], NDArray[np.bool_]]:
    """Energy and measured time of each elementary stretch, long increments' parts, and which stretches lie in long ones."""
    if not len(counter.from_us):
        nothing = np.zeros(len(begin))
        return nothing, nothing, (), np.zeros(len(begin), dtype=np.bool_)
    inc = np.searchsorted(counter.from_us, begin, side="right") - 1
    inside = (inc >= 0) & (begin < counter.to_us[inc])
    at = np.where(inside, inc, 0)
    n = len(counter.from_us)
    total = (counter.to_us - counter.from_us).astype(np.float64)
    clipped = (np.minimum(counter.to_us, to_us) - np.maximum(counter.from_us, from_us)).clip(min=0).astype(np.float64)
    growth = counter.growth * clipped / total
    weight_sum = np.bincount(at[inside], by_power[inside], n)
    known_sum = np.bincount(at[inside], known[inside], n)
    use_power = (known_sum >= ENOUGH_POWER * clipped) & (weight_sum > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(use_power[at], by_power / weight_sum[at], length / clipped[at])
    energy = np.where(inside, growth[at] * np.where(inside, share, 0.0), 0.0)
    measured = np.where(inside & counter.known[at], length, 0.0)
    long_ones = np.flatnonzero((total > longest_us) & (clipped > 0))
    gaps = tuple((int(counter.from_us[i]), int(counter.to_us[i]), float(growth[i])) for i in long_ones)
    return energy, measured, gaps, inside & (total[at] > longest_us)


def merge(
    machine_id: str,
    chunks: Sequence[Chunk],
    from_us: int,
    to_us: int,
    *,
    source: str,
    running: bool = False,
    label: str = "",
    with_states: bool = True,
) -> EnergyAccount:
    """Chunks that tile the elapsed part of [from_us, to_us) as one account. Sums only: no ratio is averaged."""
    by_kwh: dict[MachineState, float] = {}
    by_us: dict[MachineState, int] = {}
    for chunk in chunks:
        for piece in chunk.pieces:
            by_kwh[piece.state] = by_kwh.get(piece.state, 0.0) + piece.energy_kwh
            by_us[piece.state] = by_us.get(piece.state, 0) + piece.to_us - piece.from_us
    elapsed_us = sum(chunk.to_us - chunk.from_us for chunk in chunks)
    end_us = chunks[-1].to_us if chunks else from_us
    cut = sum(part for chunk in chunks for begin, end, part in chunk.gaps if begin < from_us or end > end_us)
    known = any(chunk.any_energy for chunk in chunks)
    return EnergyAccount(
        machine_id=machine_id,
        from_us=from_us,
        to_us=to_us,
        energy_kwh=sum(by_kwh.values()) if known else None,
        estimated_kwh=cut + sum(chunk.integrated_kwh for chunk in chunks),
        completeness=sum(chunk.known_us for chunk in chunks) / elapsed_us if elapsed_us else 0.0,
        source=source,
        running=running,
        by_state_kwh=by_kwh if with_states and known else {},
        by_state_s={state: us / 1e6 for state, us in by_us.items()} if with_states else {},
        label=label,
    )


def idle_share(account: EnergyAccount) -> float | None:
    """E_idle / E_total. None when nothing was used."""
    return account.by_state_kwh.get(MachineState.IDLE, 0.0) / account.energy_kwh if account.energy_kwh else None


def average_kw(account: EnergyAccount, now_us: int | None = None) -> float | None:
    """Energy over the elapsed time of the interval, kW. None where unknown."""
    end = account.to_us if now_us is None else min(account.to_us, now_us)
    hours = (end - account.from_us) / US_PER_HOUR
    return account.energy_kwh / hours if account.energy_kwh is not None and hours > 0 else None


def load_factor(average: float, maximum_kw: float) -> float | None:
    """Заполнение графика: P_avg / P_max."""
    return average / maximum_kw if maximum_kw > 0 else None


def tangent_phi(reactive_kvarh: float, active_kwh: float) -> float | None:
    """tg φ = W_Q / W_P over an interval. None without active energy."""
    return reactive_kvarh / active_kwh if active_kwh > 0 else None


def power_factor_of(reactive_kvarh: float, active_kwh: float) -> float | None:
    """cos φ = W_P / sqrt(W_P^2 + W_Q^2) over an interval. None when both are 0."""
    apparent = float(np.hypot(active_kwh, reactive_kvarh))
    return active_kwh / apparent if apparent > 0 else None


def projected_demand_kw(energy_so_far_kwh: float, elapsed_s: float, now_kw: float, window_s: float) -> float:
    """Mean power the window will end with when the power stays as it is: (E_so far + P_now * t_left) / T, kW."""
    return (energy_so_far_kwh + now_kw * (window_s - elapsed_s) / 3600.0) / (window_s / 3600.0)
