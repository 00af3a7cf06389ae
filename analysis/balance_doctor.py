"""The balance doctor: looks at all meters of a window, daily by itself and whenever asked, and keeps what it found.

A finding that two runs in a row make with enough confidence raises an alert; it returns with the first run without it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.balance import RULE_VERSION, MeterColumns, Node, disagrees, meter_balance, node_balance, tree_of
from analysis.basic_figures import stamp
from analysis.calendar import Calendar
from analysis.meter import DeviceTags
from analysis.meter_faults import Suspicion, meter_faults, node_fault
from domain.alert import Priority
from domain.balance import BalanceFinding, BalanceFindingStore, BalanceReport, BalanceRun, FaultKind, MeterFacts
from domain.errors import ConfigError, NotFound, StorageError
from domain.explain import Explanation, Span, Term, substitute
from domain.plant import Device, Plant, Tag
from domain.ports import Clock, History, RollupRow, Step
from domain.quantity import Quantity
from domain.state import MachineState, StateInterval
from domain.stores import StateStore

log = logging.getLogger(__name__)

DAY_US = 86_400_000_000
FINE_US = 2 * DAY_US  # up to that long in quarter hours, longer in hours
LONGEST_US = 62 * DAY_US
PHASES_US = DAY_US // 2  # wiring does not change by itself: the last half day of a window tells of its phases
FRESH_US = 60_000_000  # a report is shown again for a minute: the page, its explanation, other browsers
REMEMBERED = 8
SETTLE_US = 20 * 60_000_000  # after midnight: the last reading of the day and its roll-ups
LOOK_S = 600.0
FIRST_LOOK_S = 180.0  # a start has more urgent work, and roll-ups of the time before it are still made
ALERT_FROM = 0.6
ALERT_KEY = "balance:"
FIGURE = "balance.difference"
SURE = frozenset(
    {FaultKind.WRONG_RATIO, FaultKind.UNIT, FaultKind.REVERSED_PHASE, FaultKind.SWAPPED_PHASES, FaultKind.STUCK_COUNTER}
)
ON = frozenset({MachineState.PRODUCTION, MachineState.IDLE, MachineState.ALARM})
_PHASES = {"p": "active_power", "q": "reactive_power", "u": "voltage", "i": "current"}
Floats = NDArray[np.float64]


class Alerts(Protocol):
    """Where a lasting finding is told."""

    def raise_alert(
        self, key: str, rule: str, priority: Priority, *, device_id: str | None = None, value: float | None = None,
        unit: str = "", detail: str = "",
    ) -> bool: ...
    def return_alert(self, key: str) -> bool: ...
    def standing_keys(self, prefix: str = "") -> list[str]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Intervals of `width_us` from `begin_us`."""

    begin_us: int
    width_us: int
    count: int

    @property
    def end_us(self) -> int:
        return self.begin_us + self.count * self.width_us

    def last(self, length_us: int) -> Grid:
        """The end of the grid, at most that long."""
        count = min(self.count, length_us // self.width_us)
        return Grid(self.end_us - count * self.width_us, self.width_us, count)

    def column(self, rows: Sequence[RollupRow], value: Callable[[RollupRow], float | None]) -> Floats:
        """One number an interval, NaN where there is none."""
        found = np.full(self.count, np.nan)
        for row in rows:
            at = (row.time_us - self.begin_us) // self.width_us
            number = value(row)
            if 0 <= at < self.count and number is not None:
                found[at] = number
        return found

    def share(self, intervals: Sequence[tuple[int, int]]) -> Floats:
        """Share of each interval that these spans cover."""
        borders = self.begin_us + self.width_us * np.arange(self.count + 1, dtype=np.int64)
        covered = np.zeros(self.count)
        for begin, end in intervals:
            inside = np.minimum(borders[1:], end) - np.maximum(borders[:-1], begin)
            covered += np.clip(inside, 0, None)
        return covered / self.width_us


class BalanceDoctor:
    """Implements web_interface.services.BalanceService. `run` as one supervised task."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, states: StateStore,
        calendar: Callable[[], Calendar], store: BalanceFindingStore, alerts: Alerts, clock: Clock,
    ) -> None:
        self._plant, self._devices, self._history, self._states = plant, DeviceTags(tags), history, states
        self._calendar, self._store, self._alerts, self._clock = calendar, store, alerts, clock
        self._reports: dict[tuple[int, int], tuple[int, Plant, BalanceReport]] = {}
        self._one_at_a_time = asyncio.Lock()

    # -- asked -----------------------------------------------------------------------------------------------------

    async def report(self, from_us: int, to_us: int) -> BalanceReport:
        """The window as the samples stand now; nothing is stored. Raises ConfigError when it is longer than 62 days."""
        if to_us - from_us > LONGEST_US:
            raise ConfigError("the window is longer than 62 days; expected a shorter one")
        step = Step.M15 if to_us - from_us <= FINE_US else Step.H1
        width = step.seconds * 1_000_000
        begin, end = -(-from_us // width) * width, min(to_us, self._clock.now_us()) // width * width
        async with self._one_at_a_time:
            known = self._reports.get((begin, end))
            if known is not None and known[1] is self._plant() and self._clock.now_us() - known[0] < FRESH_US:
                return known[2]
            made = await self._report(Grid(begin, width, max(0, (end - begin) // width)), step)
            while len(self._reports) >= REMEMBERED:
                del self._reports[next(iter(self._reports))]
            self._reports[begin, end] = self._clock.now_us(), self._plant(), made
            return made

    async def _report(self, grid: Grid, step: Step) -> BalanceReport:
        meters = [m for d in self._plant().devices if d.enabled and (m := await self._columns(d, grid, step)) is not None]
        patterns = await self._patterns(grid)
        return await asyncio.to_thread(examine, meters, patterns, grid, self._clock.now_us())

    async def findings(self, from_us: int, to_us: int) -> Sequence[BalanceFinding]:
        """Stored ones whose day overlaps the window, newest first."""
        return await self._store.between(from_us, to_us)

    async def last_run(self) -> BalanceRun | None:
        """The newest stored run."""
        return await self._store.last_run()

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Opens balance.difference of the meter in option `meter`, else of the site's main meter. Raises NotFound."""
        report = await self.report(from_us, to_us)
        wanted = options.get("meter") or self._plant().site.main_meter
        node = next((n for n in report.nodes if n.device_id == wanted), None)
        if figure not in {"balance", FIGURE} or node is None:
            raise NotFound("figure", f"{figure} of meter {wanted}", tuple(n.device_id for n in report.nodes)[:5])
        terms = (
            Term("E_main", node.main_kwh, "kWh", "counter"), Term("E_sum", node.sum_kwh, "kWh", "counter"),
            Term("tolerance", node.tolerance_kwh, "kWh", "setting"),
        )  # fmt: skip
        width = report.interval_s * 1_000_000
        unknown = [i for i in node.intervals if i.main_kwh is None or i.sum_kwh is None]
        formula = "E_main - E_sum"
        return Explanation(
            FIGURE, RULE_VERSION, subject, from_us, to_us, node.difference_kwh, "kWh", formula, substitute(formula, terms), terms,
            f"/api/balance?from={stamp(from_us)}&to={stamp(to_us)}", "docs/analysis.md, Balance",
            filters=(f"meter={node.device_id}", *(f"sub-meter={child}" for child in node.children)),
            gaps=tuple(Span(i.from_us, i.from_us + width, "no_data") for i in unknown[:100]),
            completeness=node.completeness, options={"meter": node.device_id},
        )  # fmt: skip

    # -- by itself -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look at each finished day once, until cancelled; an outage of the database is waited out."""
        await self._clock.sleep(FIRST_LOOK_S)
        while True:
            try:
                await self.look()
            except (StorageError, OSError) as exc:
                log.warning("the balance of yesterday waits: %s", exc)
            await self._clock.sleep(LOOK_S)

    async def look(self) -> BalanceRun | None:
        """Examine yesterday if that was not done; None when there is nothing to do."""
        now_us = self._clock.now_us()
        calendar = self._calendar()
        yesterday = calendar.day_window(calendar.day_of(now_us - SETTLE_US) - timedelta(days=1))
        last = await self._store.last_run()
        if last is not None and last.from_us >= yesterday.from_us:
            return None
        return await self.examine_day(yesterday.from_us, yesterday.to_us)

    async def examine_day(self, from_us: int, to_us: int) -> BalanceRun:
        """One finished day: store what is found, tell what lasts. Raises StorageError."""
        report = await self.report(from_us, to_us)
        before = await self._store.last_run(from_us)
        lasting = {f.key: f.since_us for f in before.findings} if before is not None and before.to_us >= from_us else {}
        found = tuple(
            replace(f, from_us=from_us, to_us=to_us, since_us=lasting.get(f.key, from_us)) for f in report.findings
        )
        run = await self._store.save_run(BalanceRun(from_us, to_us, self._clock.now_us(), RULE_VERSION, found))
        self._tell(run.findings)
        return run

    def _tell(self, findings: Sequence[BalanceFinding]) -> None:
        """Raise what at least two runs in a row found, return the rest."""
        standing = set(self._alerts.standing_keys(ALERT_KEY))
        for finding in findings:
            key = f"{ALERT_KEY}{finding.device_id}:{finding.kind.value}"
            if finding.since_us < finding.from_us and finding.confidence >= ALERT_FROM:
                priority = Priority.MEDIUM if finding.kind in SURE and finding.confidence >= 0.8 else Priority.LOW
                value = round(100 * finding.confidence)
                self._alerts.raise_alert(
                    key, "balance", priority, device_id=finding.device_id, value=value, unit="%", detail=finding.kind.value
                )
                standing.discard(key)
        for key in standing:
            self._alerts.return_alert(key)

    # -- columns ---------------------------------------------------------------------------------------------------

    def facts(self, device: Device) -> MeterFacts:
        """The meter's place and class; without a place it lies behind the site's main meter."""
        placed, main = device.metering, self._plant().site.main_meter
        ratio = device.options.get("ct_ratio")
        fed_by = placed.fed_by
        if fed_by is None and placed.feeds is None and device.id != main and self._meters_a_machine(device.id):
            fed_by = main
        return MeterFacts(
            device.id, fed_by, placed.feeds,
            meter_class=1.0 if placed.meter_class is None else placed.meter_class,
            ct_class=0.5 if placed.ct_class is None else placed.ct_class,
            ct_ratio=float(ratio) if isinstance(ratio, int | float) else None,
        )  # fmt: skip

    def _meters_a_machine(self, device_id: str) -> bool:
        return any(machine.meter == device_id for machine in self._plant().machines)

    async def _columns(self, device: Device, grid: Grid, step: Step) -> MeterColumns | None:
        tags = self._devices.of(device.id)
        energy = self._devices.total(device.id, Quantity.ENERGY_IMPORT)
        power = self._devices.total(device.id, Quantity.ACTIVE_POWER)
        if energy is None and power is None:
            return None
        rows = await self._rows(energy, grid, step)
        grown = grid.column(rows, _certain_growth)
        facts = self.facts(device)
        facts = replace(facts, digit_kwh=digit_of([v for r in rows for v in (r.first, r.last) if v is not None], facts.ct_ratio))
        given = self._devices.total(device.id, Quantity.ENERGY_EXPORT)
        if given is not None:
            back = await self._read(given, grid, step, _certain_growth)
            grown = grown - np.nan_to_num(back)
        phases = await self._phases(tags, grid, step)
        return MeterColumns(facts, grid.width_us / 3.6e9, grown, await self._read(power, grid, step, _mean), phases)

    async def _phases(self, tags: Sequence[Tag], grid: Grid, step: Step) -> dict[str, Floats]:
        """Columns of the three phases. Voltage and current are read only where reactive power is not shown."""
        by_point = {tag.point: tag for tag in tags}
        own = {
            short: [by_point[f"{name}_l{n}"] for n in (1, 2, 3)]
            for short, name in _PHASES.items()
            if all(f"{name}_l{n}" in by_point for n in (1, 2, 3))
        }
        wanted = [] if "p" not in own else ["p", "q"] if "q" in own else [short for short in ("p", "u", "i") if short in own]
        last = grid.last(PHASES_US)
        return {
            short: np.array([grid.column(await self._rows(tag, last, step), _mean) for tag in own[short]]) for short in wanted
        }

    async def _read(self, tag: Tag | None, grid: Grid, step: Step, value: Callable[[RollupRow], float | None]) -> Floats:
        return grid.column(await self._rows(tag, grid, step), value)

    async def _rows(self, tag: Tag | None, grid: Grid, step: Step) -> Sequence[RollupRow]:
        if tag is None or not grid.count:
            return ()
        return (await self._history.rollup(tag.id, step, grid.begin_us, grid.end_us)).rows

    async def _patterns(self, grid: Grid) -> dict[str, Floats]:
        """What an unmetered load may follow: the shifts, and each machine being on."""
        end_us = grid.end_us
        shifts = self._calendar().overlapping("shift", grid.begin_us, end_us)
        found = {"shift": grid.share([(w.from_us, w.to_us) for w in shifts])}
        for machine in self._plant().machines:
            if machine.states is not None:
                spans = await self._states.states(machine.id, grid.begin_us, end_us)
                found[machine.id] = grid.share([_span(i, end_us) for i in spans if i.state in ON])
        return found


def _span(interval: StateInterval, end_us: int) -> tuple[int, int]:
    return interval.from_us, end_us if interval.to_us is None else interval.to_us


def _certain_growth(row: RollupRow) -> float | None:
    """Growth of a counter in the bucket, unless a good part of it was only shared out from a gap."""
    if row.consumption is None or (row.estimated or 0.0) > 0.1 * row.consumption:
        return None
    return row.consumption


def digit_of(readings: Sequence[float], ct_ratio: float | None = None) -> float:
    """The last digit of a counter, kWh: the coarsest decimal step (times the ratio) that all its readings are multiples of."""
    values = np.array(readings, dtype=np.float64)
    scales = sorted({step * (ratio or 1.0) for step in (1.0, 0.1, 0.01, 0.001) for ratio in (1.0, ct_ratio)}, reverse=True)
    for scale in scales:
        turns = values / scale
        if len(values) and bool((np.abs(turns - np.round(turns)) < 1e-6 * np.maximum(1.0, np.abs(turns) * 1e-3)).all()):
            return scale
    return scales[-1]


def _mean(row: RollupRow) -> float | None:
    return row.mean


def examine(meters: Sequence[MeterColumns], patterns: Mapping[str, Floats], grid: Grid, now_us: int) -> BalanceReport:
    """Everything about these meters. Pure; for a thread."""
    begins = [grid.begin_us + n * grid.width_us for n in range(grid.count)]
    to_us = grid.end_us
    nodes = tree_of(meters)
    suspicions = [suspicion for meter in meters for suspicion in meter_faults(meter)]
    for node in nodes:
        if disagrees(node):
            suspicions += _of_node(node, patterns, suspicions)
    found = tuple(
        BalanceFinding(
            0, s.kind, s.device_id, s.confidence, grid.begin_us, to_us, s.figures, s.words, RULE_VERSION, now_us, grid.begin_us
        )
        for s in sorted(suspicions, key=lambda s: -s.confidence)
    )
    return BalanceReport(
        grid.begin_us, to_us, grid.width_us // 1_000_000, tuple(node_balance(node, begins) for node in nodes),
        tuple(meter_balance(meter) for meter in meters), found, RULE_VERSION,
    )  # fmt: skip


def _of_node(node: Node, patterns: Mapping[str, Floats], own: Sequence[Suspicion]) -> list[Suspicion]:
    """The cause of a node's disagreement, unless a meter of the node already shows by itself what is wrong with it."""
    inside = {node.main.facts.device_id, *(sub.facts.device_id for sub in node.subs)}
    energy_faults = {FaultKind.REVERSED_PHASE, FaultKind.SWAPPED_PHASES, FaultKind.STUCK_COUNTER}
    if any(s.device_id in inside and s.kind in energy_faults for s in own):
        return []
    cause = node_fault(node, {name: column[node.known] for name, column in patterns.items()})
    if any((s.kind, s.device_id) == (cause.kind, cause.device_id) for s in own):
        return []
    return [cause]
