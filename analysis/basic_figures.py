"""Opens the basic figures of a machine, a section or the site; see explanations.py for the formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from analysis.accounting import LONG_SPAN_US, EnergyAccounting
from analysis.explanations import FIGURES, Measured, Opened, gaps_of, spans_of, state_time, trust
from analysis.uncertainty import machine_limit
from domain.errors import NotFound
from domain.explain import Explanation, substitute
from domain.plant import Plant, Tag
from domain.ports import Clock, History, Step
from domain.quantity import Quantity
from domain.state import MachineState

SITE, SECTION = "site", "section:"
VERSION = 1
STATES = {state.value: state for state in MachineState}
BASIC = (*FIGURES, "state_time")
_ENERGIES = frozenset({"energy", "average_power"})
_PEAK = frozenset({"load_factor"})
_REACTIVE = frozenset({"tg_phi", "cos_phi"})


def machines_of(plant: Plant, subject: str) -> tuple[str, ...]:
    """Machine ids of a subject: a machine id, "section:<name>" or "site". Raises NotFound."""
    if subject == SITE:
        return tuple(machine.id for machine in plant.machines)
    if subject.startswith(SECTION):
        found = tuple(m.id for m in plant.machines if m.section == subject.removeprefix(SECTION))
        if found:
            return found
        raise NotFound("section", subject.removeprefix(SECTION), tuple(dict.fromkeys(m.section for m in plant.machines))[:5])
    if any(machine.id == subject for machine in plant.machines):
        return (subject,)
    raise NotFound("machine", subject, tuple(machine.id for machine in plant.machines)[:5])


def explain_path(figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str] | None = None) -> str:
    """Path and query of the API that open the same figure."""
    more = "".join(f"&option={quote(name)}={quote(value)}" for name, value in (options or {}).items())
    window = f"from={stamp(from_us)}&to={stamp(to_us)}"
    return f"/api/explain?figure={quote(figure)}&subject={quote(subject)}&{window}{more}"


def stamp(time_us: int) -> str:
    """RFC 3339, UTC, milliseconds."""
    seconds, rest = divmod(time_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:03d}Z"


class BasicFigures:
    """Implements domain.explain.Explains for every name in BASIC; time in a state is "state_time.idle" and so on."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], accounting: EnergyAccounting, history: History,
        clock: Clock,
    ) -> None:
        self._plant, self._tags, self._accounting, self._history, self._clock = plant, tags, accounting, history, clock

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound."""
        name, _, part = figure.partition(".")
        if name not in BASIC or (name == "state_time") != (part in STATES):
            raise NotFound("figure", figure, BASIC)
        ids = machines_of(self._plant(), subject)
        end_us = min(to_us, self._clock.now_us())
        measured = await self._measure(name, ids, from_us, to_us, end_us)
        state = STATES.get(part)
        opened = state_time(measured, state) if state is not None else FIGURES[name](measured)
        intervals = await self._accounting.states(ids[0], from_us, to_us) if len(ids) == 1 else ()
        return _explanation(
            figure, subject, from_us, to_us, opened, measured,
            spans=spans_of(intervals, end_us, state), gaps=gaps_of(intervals, end_us),
            options=self._uncertainty(ids, measured) if name in _ENERGIES else {},
        )  # fmt: skip

    def _uncertainty(self, ids: Sequence[str], measured: Measured) -> Mapping[str, str]:
        """Limits of error of one machine's energy, where the classes of its meter are known."""
        share = trust(measured.accounts)["estimated_share"]
        limit = machine_limit(self._plant(), ids[0], share) if len(ids) == 1 else None
        return {} if limit is None else {"uncertainty": f"{limit:.5f}"}

    async def _measure(self, name: str, ids: Sequence[str], from_us: int, to_us: int, end_us: int) -> Measured:
        accounts = [await self._accounting.account(machine_id, from_us, to_us) for machine_id in ids]
        maximum = await self._maximum_kw(ids, from_us, end_us) if name in _PEAK else None
        reactive = await self._reactive_kvarh(ids, from_us, end_us) if name in _REACTIVE else None
        return Measured(accounts, max(0, end_us - from_us), maximum, reactive)

    def _tags_of(self, ids: Sequence[str], quantity: Quantity) -> list[Tag | None]:
        """The meter's total of that quantity, one a machine."""
        by_name = {tag.name: tag for tag in self._tags()}
        meters = {machine.id: machine.meter for machine in self._plant().machines}
        return [by_name.get(f"{meters[machine_id]}.{quantity.value}") for machine_id in ids]

    async def _maximum_kw(self, ids: Sequence[str], from_us: int, to_us: int) -> float | None:
        """Highest mean of a bucket of the sum of the machines' powers; minutes, quarters of an hour over long spans."""
        step = _step(to_us - from_us)
        sums: dict[int, float] = {}
        for tag in self._tags_of(ids, Quantity.ACTIVE_POWER):
            rows = () if tag is None else (await self._history.rollup(tag.id, step, from_us, to_us)).rows
            for row in rows:
                if row.mean is not None:
                    sums[row.time_us] = sums.get(row.time_us, 0.0) + row.mean
        return max(sums.values(), default=None)

    async def _reactive_kvarh(self, ids: Sequence[str], from_us: int, to_us: int) -> float | None:
        """Growth of the reactive counters; None when a machine has none."""
        total = 0.0
        for tag in self._tags_of(ids, Quantity.REACTIVE_ENERGY_IMPORT):
            if tag is None:
                return None
            rows = (await self._history.rollup(tag.id, _step(to_us - from_us), from_us, to_us)).rows
            total += sum(row.consumption or 0.0 for row in rows)
        return total


def _step(span_us: int) -> Step:
    return Step.M1 if span_us <= LONG_SPAN_US else Step.M15 if span_us <= 60 * LONG_SPAN_US else Step.H1


def _explanation(
    figure: str, subject: str, from_us: int, to_us: int, opened: Opened, measured: Measured, **more: object
) -> Explanation:
    return Explanation(
        figure, VERSION, subject, from_us, to_us, opened.value, opened.unit, opened.formula,
        substitute(opened.formula, opened.terms), opened.terms, explain_path(figure, subject, from_us, to_us), opened.source,
        filters=opened.filters, notes=opened.notes, **trust(measured.accounts), **more,  # type: ignore[arg-type]
    )  # fmt: skip
