"""The balance of a tree of meters over a grid of intervals: sums, expected tolerance, and which meters disagree. Pure, numpy.

Energies are kWh per interval, NaN where unknown; an interval counts for a node only when all its meters are known in it.

    consumption behind a meter = its import + generation onto its bus        difference = consumption - sum of sub-meters
    tolerance = sqrt(sum (error share * E)^2) + last digits + cable loss

A limit of error is that of docs/formulas.md, "Uncertainty"; meters err independently, so their squares are summed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from domain.balance import MeterBalance, MeterFacts, NodeBalance, NodeInterval

RULE_VERSION = 1
CABLE_LOSS = 0.01  # share of the energy that cables between the meters may keep: 1 % of losses inside a building is usual design
ENOUGH_INTERVALS = 8
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class MeterColumns:
    """One meter over n intervals of `hours` each. `energy_kwh`: growth of its counter (import minus export), `power_kw`: mean.

    `phases`: "p" "q" "u" "i" -> (3, n) of kW, kvar, V, A where the meter shows them.
    """

    facts: MeterFacts
    hours: float
    energy_kwh: Floats
    power_kw: Floats
    phases: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def integrated_kwh(self) -> Floats:
        """Integral of the power, per interval."""
        found: Floats = self.power_kw * self.hours
        return found

    @property
    def best_kwh(self) -> Floats:
        """The counter, or the integral where there is no counter at all."""
        return self.integrated_kwh if bool(np.isnan(self.energy_kwh).all()) else self.energy_kwh


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A feeding meter with those behind it, reduced to the intervals that all know. `consumption` includes generation."""

    main: MeterColumns
    subs: tuple[MeterColumns, ...]
    consumption: Floats
    sub_energies: Floats  # (meters, n)
    known: Mask

    @property
    def residual(self) -> Floats:
        """Consumption minus the sum, over the known intervals."""
        found: Floats = self.consumption - self.sub_energies.sum(axis=0)
        return found


def tree_of(meters: Sequence[MeterColumns]) -> list[Node]:
    """A node for each meter that feeds others, in the order given. Raises ValueError when the tree has a cycle."""
    by_id = {meter.facts.device_id: meter for meter in meters}
    for start, meter in by_id.items():
        seen, here = {start}, meter.facts.fed_by
        while here is not None and here in by_id:
            if here in seen:
                raise ValueError(f"meter {here!r} feeds itself by way of {start!r}")
            seen.add(here)
            here = by_id[here].facts.fed_by
    nodes = []
    for main in meters:
        subs = tuple(m for m in meters if m.facts.fed_by == main.facts.device_id)
        if subs:
            sources = [m for m in meters if m.facts.feeds == main.facts.device_id]
            nodes.append(node_of(main, subs, sources))
    return nodes


def node_of(main: MeterColumns, subs: Sequence[MeterColumns], sources: Sequence[MeterColumns] = ()) -> Node:
    """The meters of one bus on their common intervals."""
    consumption = main.best_kwh.copy()
    for source in sources:
        consumption += source.best_kwh
    energies = np.array([sub.best_kwh for sub in subs])
    known = ~np.isnan(consumption) & ~np.isnan(energies).any(axis=0)
    return Node(main, tuple(subs), consumption[known], energies[:, known], known)


def tolerance_kwh(node: Node) -> float:
    """How far consumption and sum over the whole window may lie apart."""
    main, total = node.main.facts, float(node.consumption.sum())
    squares = (main.error_share * total) ** 2
    squares += sum((s.facts.error_share * float(e.sum())) ** 2 for s, e in zip(node.subs, node.sub_energies, strict=True))
    digits = main.digit_kwh + sum(sub.facts.digit_kwh for sub in node.subs)
    return float(np.sqrt(squares)) + digits + CABLE_LOSS * abs(total)


def interval_tolerance_kwh(node: Node) -> Floats:
    """The same for each interval; two digits a meter, since an interval begins and ends with one."""
    squares = (node.main.facts.error_share * node.consumption) ** 2
    for sub, energy in zip(node.subs, node.sub_energies, strict=True):
        squares = squares + (sub.facts.error_share * energy) ** 2
    digits = 2.0 * (node.main.facts.digit_kwh + sum(sub.facts.digit_kwh for sub in node.subs))
    found: Floats = np.sqrt(squares) + digits + CABLE_LOSS * np.abs(node.consumption)
    return found


def beyond_share(node: Node) -> float:
    """Share of the known intervals whose difference lies beyond its own tolerance; 0 without any."""
    if not len(node.consumption):
        return 0.0
    return float(np.mean(np.abs(node.residual) > interval_tolerance_kwh(node)))


def disagrees(node: Node) -> bool:
    """Over the whole window, or in so many intervals that it is no chance."""
    if len(node.consumption) < ENOUGH_INTERVALS:
        return False
    return abs(float(node.residual.sum())) > tolerance_kwh(node) or beyond_share(node) > 0.25


def node_balance(node: Node, begins_us: Sequence[int]) -> NodeBalance:
    """The node for people. `begins_us`: begin of each interval of the grid, known or not."""
    enough = len(node.consumption) >= ENOUGH_INTERVALS
    total, summed = float(node.consumption.sum()), float(node.sub_energies.sum())
    tolerance = tolerance_kwh(node)
    at = np.cumsum(node.known) - 1
    intervals = tuple(
        NodeInterval(begin, float(node.consumption[i]), float(node.sub_energies[:, i].sum())) if known
        else NodeInterval(begin, None, None)
        for begin, known, i in zip(begins_us, node.known, at, strict=True)
    )  # fmt: skip
    return NodeBalance(
        node.main.facts.device_id, tuple(sub.facts.device_id for sub in node.subs),
        total if len(node.consumption) else None, summed if len(node.consumption) else None, tolerance,
        float(node.known.mean()) if len(node.known) else 0.0,
        "unknown" if not enough else "within" if abs(total - summed) <= tolerance else "beyond", intervals,
    )  # fmt: skip


def power_and_counter(meter: MeterColumns) -> tuple[Floats, Floats]:
    """(integral of power, growth of the counter) of the intervals in which both are known, kWh."""
    both = ~np.isnan(meter.energy_kwh) & ~np.isnan(meter.power_kw)
    return meter.integrated_kwh[both], meter.energy_kwh[both]


def meter_balance(meter: MeterColumns) -> MeterBalance:
    """Counter and integral of one meter: both measure with the same chain, so only its class and two digits are let pass."""
    integrated, counted = power_and_counter(meter)
    n, facts = len(counted), meter.facts
    total, grown = float(integrated.sum()), float(counted.sum())
    tolerance = 2.0 * facts.meter_class / 100.0 * max(abs(total), abs(grown)) + 2.0 * facts.digit_kwh
    status = "unknown" if n < ENOUGH_INTERVALS else "within" if abs(total - grown) <= tolerance else "beyond"
    share = n / len(meter.energy_kwh) if len(meter.energy_kwh) else 0.0
    return MeterBalance(facts.device_id, grown if n else None, total if n else None, tolerance, share, status)
