"""Is it worth switching an idling machine off? Pure; source: docs/formulas.md, switch-off advice.

t_be = E_warm / (P_idle − P_off). The pause to be expected comes from the machine's own pauses: of those that lasted as long as
this one does already, the median of what they had left.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from domain.state import MachineState, StateInterval
from domain.tariff import Standby

ENOUGH_PAUSES = 5
LONGEST_WARM_UP_US = 3_600_000_000
US_PER_HOUR = 3.6e9


def break_even_min(facts: Standby) -> float | None:
    """Minutes of pause from which switching off saves energy; None while a fact is missing or idling costs no more than off."""
    if facts.warm_up_kwh is None or facts.idle_kw is None:
        return None
    gain_kw = facts.idle_kw - (facts.off_kw or 0.0)
    return None if gain_kw <= 0 else 60.0 * facts.warm_up_kwh / gain_kw


def expected_left_min(pauses_min: Sequence[float], lasted_min: float) -> float | None:
    """Median of what is left of a pause that has lasted so long; None without enough pauses that did."""
    left = [pause - lasted_min for pause in pauses_min if pause > lasted_min]
    return median(left) if len(left) >= ENOUGH_PAUSES else None


def pauses_of(intervals: Sequence[StateInterval]) -> list[float]:
    """Minutes of each closed stretch between productions (idle and off together: how long the machine was not needed)."""
    pauses: list[float] = []
    begin: int | None = None
    for interval in intervals:
        if interval.state in {MachineState.IDLE, MachineState.OFF}:
            begin = interval.from_us if begin is None else begin
        else:
            if begin is not None and interval.state is MachineState.PRODUCTION:
                pauses.append((interval.from_us - begin) / 6e7)
            begin = None
    return pauses


def learned(intervals: Sequence[StateInterval]) -> Standby:
    """Facts from the machine's own past: means of power off and idle, median warm-up (idle between off and production).

    Intervals follow each other and carry energies; what has none tells nothing.
    """
    warm_kwh, warm_min = [], []
    sums: dict[MachineState, list[float]] = {MachineState.OFF: [0.0, 0.0], MachineState.IDLE: [0.0, 0.0]}
    for place, interval in enumerate(intervals):
        if interval.to_us is None or interval.energy_kwh is None:
            continue
        length_us = interval.to_us - interval.from_us
        if interval.state in sums:
            sums[interval.state][0] += interval.energy_kwh
            sums[interval.state][1] += length_us
        around = [i.state for i in (*intervals[place - 1 : place], *intervals[place + 1 : place + 2])]
        warms = interval.state is MachineState.IDLE and around == [MachineState.OFF, MachineState.PRODUCTION]
        if warms and length_us <= LONGEST_WARM_UP_US:
            warm_kwh.append(interval.energy_kwh)
            warm_min.append(length_us / 6e7)
    means = {state: energy / (length_us / US_PER_HOUR) if length_us else None for state, (energy, length_us) in sums.items()}
    return Standby(
        median(warm_kwh) if warm_kwh else None, median(warm_min) if warm_min else None,
        means[MachineState.OFF], means[MachineState.IDLE],
    )  # fmt: skip


def merged(given: Standby | None, found: Standby) -> tuple[Standby, frozenset[str]]:
    """Given facts first, learned ones where they are missing; the names of the learned ones."""
    names = ("warm_up_kwh", "warm_up_min", "off_kw", "idle_kw")
    values = {name: getattr(given, name) if given is not None else None for name in names}
    taken = frozenset(name for name in names if values[name] is None and getattr(found, name) is not None)
    return Standby(**{name: getattr(found, name) if name in taken else values[name] for name in names}), taken


def advice(facts: Standby, expected_min: float | None) -> str:
    """switch_off when the rest of the pause is longer than the break-even time and the warm-up fits into it; keep; unknown."""
    limit = break_even_min(facts)
    if limit is None or expected_min is None:
        return "unknown"
    return "switch_off" if expected_min > max(limit, facts.warm_up_min or 0.0) else "keep"


def saving_kwh(facts: Standby, expected_min: float | None) -> float | None:
    """Energy saved by switching off for the expected pause: (P_idle − P_off) · t − E_warm."""
    if expected_min is None or facts.idle_kw is None or facts.warm_up_kwh is None:
        return None
    return (facts.idle_kw - (facts.off_kw or 0.0)) * expected_min / 60.0 - facts.warm_up_kwh
