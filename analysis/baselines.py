"""The service of energy baselines: trying out, storing in versions, savings of any window, and where a saving comes from."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from analysis import baseline as model
from analysis.baseline import CannotFit
from analysis.baseline_data import BaselineData
from analysis.basic_figures import stamp
from domain.access import Actor, Role
from domain.baseline import (
    STATISTICS,
    Baseline,
    BaselineDefinition,
    BaselineDraft,
    BaselineFit,
    BaselineRefused,
    BaselineStore,
    PeriodRow,
    Reason,
    Savings,
    Variable,
    VariableKind,
)
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.explain import Explanation, Span, Term, substitute
from domain.plant import Tag
from domain.ports import Clock
from domain.quantity import Quantity
from domain.stores import AuditStore

MOST_VARIABLES = 8
FIGURE = "baseline.saving"
_SYMBOL = re.compile(r"[^\W\d]\w{0,29}\Z")
_UNITS = {
    VariableKind.PARTS: "1", VariableKind.HOURS: "h", VariableKind.ON_HOURS: "h", VariableKind.HEATING: "K·d",
    VariableKind.COOLING: "K·d", VariableKind.SHIFTS: "1",
}  # fmt: skip


class Offloads(Protocol):
    """Runs a function of a module in the worker process."""

    def run(self, function: Callable[..., Any], *args: Any) -> Awaitable[Any]: ...


class Baselines:
    """Implements web_interface.services.BaselineService."""

    def __init__(self, data: BaselineData, store: BaselineStore, audit: AuditStore, clock: Clock, offload: Offloads) -> None:
        self._data, self._store, self._audit, self._clock, self._offload = data, store, audit, clock, offload

    # -- stored ones -----------------------------------------------------------------------------------------------

    async def all(self) -> Sequence[Baseline]:
        """Newest first, all versions."""
        return await self._store.all()

    async def get(self, baseline_id: int) -> Baseline:
        """Raises NotFound."""
        found = await self._store.get(baseline_id)
        if found is None:
            raise NotFound("baseline", str(baseline_id), tuple(str(b.id) for b in (await self._store.all())[:5]))
        return found

    async def draft(self, definition: BaselineDefinition) -> BaselineDraft:
        """Fit without storing. Raises ConfigError for a definition that makes no sense; reasons are in the draft."""
        definition = self._checked(definition)
        rows = tuple(await self._data.rows(definition, definition.train_from_us, definition.train_to_us))
        try:
            made = await self._fit(definition, rows)
        except CannotFit as refused:
            return BaselineDraft(definition, rows, None, refused.reasons)
        return BaselineDraft(definition, rows, made, made.reasons)

    async def create(self, definition: BaselineDefinition, actor: Actor) -> Baseline:
        """A new one. Raises Forbidden, ConfigError, BaselineRefused (no model), Conflict (the name is taken)."""
        await self._need(actor, definition.name)
        if any(b.definition.name == definition.name for b in await self._store.all()):
            raise Conflict(f"a baseline {definition.name!r} exists already; fit it anew to get its next version")
        return await self._keep(definition, actor, "baseline_create", None)

    async def fit_anew(self, baseline_id: int, definition: BaselineDefinition, actor: Actor) -> Baseline:
        """The next version under the name of an existing one, which stays as it is. Raises as `create`, NotFound."""
        await self._need(actor, definition.name)
        before = await self.get(baseline_id)
        if definition.name != before.definition.name:
            raise ConfigError(f"name: is {definition.name!r}; expected {before.definition.name!r}, whose next version this is")
        return await self._keep(definition, actor, "baseline_version", before)

    async def delete(self, baseline_id: int, actor: Actor) -> None:
        """One version. Raises NotFound, Forbidden."""
        await self._need(actor, str(baseline_id))
        before = await self.get(baseline_id)
        await self._write(actor, "baseline_delete", before, _words(before), None)
        await self._store.delete(baseline_id)

    # -- figures ---------------------------------------------------------------------------------------------------

    async def training(self, baseline_id: int) -> Sequence[PeriodRow]:
        """The periods of the training window as they stand now. Raises NotFound."""
        definition = (await self.get(baseline_id)).definition
        return await self._data.rows(definition, definition.train_from_us, definition.train_to_us)

    async def savings(self, baseline_id: int, from_us: int, to_us: int) -> Savings:
        """Against the stored model; it is never fitted anew here. Raises NotFound, ConfigError (a source is gone)."""
        stored = await self.get(baseline_id)
        rows = await self._data.rows(stored.definition, from_us, to_us)
        return await asyncio.to_thread(model.savings, stored, rows, from_us, to_us)  # a year of hours takes a while

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Opens baseline.saving; option baseline=<id>, else the newest of the subject. Raises NotFound."""
        if figure not in {"baseline", FIGURE}:
            raise NotFound("figure", figure, (FIGURE,))
        wanted = options.get("baseline", "")
        own = [b for b in await self._store.all() if b.definition.subject == subject or str(b.id) == wanted]
        chosen = next((b for b in own if not wanted or str(b.id) == wanted), None)
        if chosen is None:
            raise NotFound("baseline", wanted or subject)
        return explanation_of(await self.savings(chosen.id, from_us, to_us), subject)

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _fit(self, definition: BaselineDefinition, rows: Sequence[PeriodRow]) -> BaselineFit:
        whole = [row for row in rows if row.whole]
        names = [variable.name for variable in definition.variables]
        x = [[float(v) for v in row.values if v is not None] for row in whole]
        y = [row.energy_kwh or 0.0 for row in whole]
        made: BaselineFit = await self._offload.run(model.fit, names, x, y, definition.period.value, len(rows) - len(whole))
        return made

    async def _keep(self, definition: BaselineDefinition, actor: Actor, action: str, before: Baseline | None) -> Baseline:
        draft = await self.draft(definition)
        if draft.fit is None:
            raise BaselineRefused(draft.reasons)
        made = Baseline(0, draft.definition, draft.fit, 1, model.RULE_VERSION, self._clock.now_us(), actor.name)
        await self._write(actor, action, made, None if before is None else _words(before), _words(made))
        return await self._store.save(made)

    def _checked(self, definition: BaselineDefinition) -> BaselineDefinition:
        """The definition with units filled in. Raises ConfigError that names the field."""
        name, now_us = definition.name.strip(), self._clock.now_us()
        if not name or len(name) > 100 or not name.isprintable():
            raise ConfigError("name: is empty or too long; expected a text of at most 100 characters")
        if not definition.train_from_us < definition.train_to_us:
            raise ConfigError("train: ends before it begins; expected from before to")
        if definition.train_from_us >= now_us:
            raise ConfigError("train: begins in the future; expected a window with figures")
        if not definition.variables:
            raise BaselineRefused([Reason("no_variables")])
        if len(definition.variables) > MOST_VARIABLES:
            raise ConfigError(f"variables: are {len(definition.variables)}; expected 1 to {MOST_VARIABLES}")
        self._data.sources(definition.subject)
        variables = tuple(self._variable(n, v, definition.subject) for n, v in enumerate(definition.variables))
        names = [v.name for v in variables]
        if twice := [n for n in names if names.count(n) > 1]:
            raise ConfigError(f"variables: {twice[0]!r} stands twice; expected each name once")
        return BaselineDefinition(
            name, definition.subject, definition.period, variables, definition.train_from_us, definition.train_to_us
        )

    def _variable(self, number: int, variable: Variable, subject: str) -> Variable:
        place = f"variables[{number}]"
        if not _SYMBOL.match(variable.name):
            raise ConfigError(f"{place}.name: is {variable.name!r}; expected a letter, then letters, digits and _, at most 30")
        if variable.kind is VariableKind.TAG and variable.statistic not in STATISTICS:
            raise ConfigError(f"{place}.statistic: is {variable.statistic!r}; expected one of {', '.join(STATISTICS)}")
        try:
            unit = self._unit(variable, subject)
        except ConfigError as exc:
            raise ConfigError(f"{place}.{exc}") from exc
        return Variable(variable.name, variable.kind, variable.source, variable.base_c, variable.statistic, unit)

    def _unit(self, variable: Variable, subject: str) -> str:
        """Unit of the variable; its source exists and suits. Raises ConfigError."""
        if variable.kind.is_degree_days:
            if self.tag_of(variable).quantity is not Quantity.TEMPERATURE:
                raise ConfigError(f"source: {variable.source!r} is no temperature; expected an outdoor temperature")
            if variable.base_c is None or not -40 <= variable.base_c <= 60:
                raise ConfigError("base_c: is missing or no temperature; expected -40 to 60 °C, 18 for heating as a rule")
        if variable.kind in {VariableKind.HOURS, VariableKind.ON_HOURS}:
            self._data.sources(variable.source or subject)
        return self.tag_of(variable).unit if variable.kind is VariableKind.TAG else _UNITS[variable.kind]

    def tag_of(self, variable: Variable) -> Tag:
        """Raises ConfigError."""
        if not variable.source:
            raise ConfigError("source: is missing; expected the name of a tag")
        return self._data.tag(variable.source)

    async def _need(self, actor: Actor, subject: str) -> None:
        if not actor.role.allows(Role.ENGINEER):
            now_us = self._clock.now_us()
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"baseline {subject}"[:300], result="failed")
            raise Forbidden("changing baselines needs the role engineer")

    async def _write(self, actor: Actor, action: str, baseline: Baseline, old: str | None, new: str | None) -> None:
        now_us = self._clock.now_us()
        await self._audit.append(now_us, actor.name, actor.source, action, baseline.definition.name, old=old, new=new)


def _words(baseline: Baseline) -> str:
    d, f = baseline.definition, baseline.fit
    return json.dumps(
        {
            "version": baseline.version, "subject": d.subject, "period": d.period.value, "train_from_us": d.train_from_us,
            "train_to_us": d.train_to_us, "variables": [[v.name, v.kind.value, v.source] for v in d.variables],
            "intercept_kwh": f.intercept_kwh, "coefficients": {c.name: c.value for c in f.coefficients}, "r2": f.r2, "n": f.n,
        }, ensure_ascii=False,
    )  # fmt: skip


def explanation_of(savings: Savings, subject: str) -> Explanation:
    """The saving opened: sums, the model, each period, and what speaks against it."""
    stored, made = savings.baseline, savings.baseline.fit
    terms = [
        Term("E_expected", savings.expected_kwh, "kWh", "baseline"),
        Term("E_measured", savings.measured_kwh, "kWh", "counter"),
        Term("a", made.intercept_kwh, "kWh", "baseline"),
    ]
    terms += [
        Term(f"b_{c.name}", c.value, f"kWh/{v.unit}" if v.unit not in {"", "1"} else "kWh", "baseline")
        for c, v in zip(made.coefficients, stored.definition.variables, strict=True)
    ]
    terms.append(Term("uncertainty_90", savings.uncertainty_kwh, "kWh", "baseline"))
    formula = "E_expected - E_measured"
    points = [p for p in savings.points if p.status == "counted"]
    lost = [p for p in savings.points if p.status != "counted"]
    total = len(savings.points)
    window = f"from={stamp(savings.from_us)}&to={stamp(savings.to_us)}"
    reasons = tuple(f"baseline.fix.{reason.key}" for reason in savings.reasons)
    return Explanation(
        FIGURE, stored.rule_version, subject, savings.from_us, savings.to_us, savings.saving_kwh, "kWh", formula,
        substitute(formula, terms), tuple(terms),
        f"/api/baselines/{stored.id}/savings?{window}", "docs/analysis.md, Baselines; ISO 50006",
        spans=tuple(Span(p.row.from_us, p.row.to_us, p.row.label, p.saving_kwh, "kWh") for p in points[:100]),
        filters=(f"baseline={stored.definition.name} v{stored.version}", f"period={stored.definition.period.value}"),
        gaps=tuple(Span(p.row.from_us, p.row.to_us, p.status) for p in lost[:100]),
        completeness=savings.counted / total if total else 0.0, notes=reasons, options={"baseline": str(stored.id)},
    )  # fmt: skip
