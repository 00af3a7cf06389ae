"""What people ask about findings and anomalies: lists, training a machine's model, rehearsals over the past, change points."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from analysis.anomaly import LEAST_ROWS, train
from analysis.anomaly_training import Told, Trainings, check_period
from analysis.change import change_points
from analysis.detector_watch import DetectorWatch, supply_device
from analysis.detectors.catalog import SITE, machine_detectors, supply_detectors
from analysis.detectors.episode import Detector
from analysis.detectors.minute import CHANNELS, MINUTE_US, Minute, channels_of
from analysis.detectors.sources import DAY_US, KeptMinutes
from analysis.detectors.unusual import Anomaly, training_rows
from analysis.prices import Prices, cost_of_finding
from domain.access import Actor, Role
from domain.detector import RULES, DetectorSettings
from domain.errors import Conflict, Forbidden, NotFound
from domain.finding import AnomalyModel, AnomalyTraining, Finding, FindingRehearsal, FindingStore, TrainingStage
from domain.plant import Machine, Plant, Tag
from domain.ports import Clock
from domain.stores import AuditStore

Run = Callable[..., Awaitable[Any]]
"""Runs a function of a module in the worker process: runtime.offload.Offload.run."""

TRAIN_DAYS, REHEARSE_DAYS = 14, 30
READ_SHARE, TRIED_FROM = 0.3, 0.6  # of a training's progress: reading ends, trying begins
MOST_EXAMPLES = 10
MOST_POINTS = 5000  # for change points; longer windows are thinned to means


class Findings:
    """Implements the service of findings and anomalies."""

    def __init__(
        self, plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], *, store: FindingStore, watch: DetectorWatch,
        minutes: KeptMinutes, audit: AuditStore, clock: Clock, run: Run, prices: Prices,
    ) -> None:  # fmt: skip
        self._plant, self._tags, self._store, self._watch, self._minutes = plant, tags, store, watch, minutes
        self._audit, self._clock, self._run, self._prices = audit, clock, run, prices
        self._trainings = Trainings()

    # -- findings --------------------------------------------------------------------------------------------------

    async def findings(
        self, from_us: int, to_us: int, *, machine: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        """Those that overlap the window, newest first. Raises NotFound for an unknown machine ("site" is the supply) or rule."""
        if machine is not None and machine != "site":
            self._machine(machine)
        if rule is not None and rule not in RULES:
            raise NotFound("rule", rule, tuple(RULES)[:5])
        stored = await self._store.findings(from_us, to_us, subject=machine, rule=rule, limit=limit)
        found = {(finding.key, finding.from_us): finding for finding in stored}
        for finding in self._watch.pending():
            overlaps = finding.from_us < to_us and (finding.to_us is None or finding.to_us > from_us)
            if overlaps and machine in {None, finding.subject} and rule in {None, finding.rule}:
                found[(finding.key, finding.from_us)] = finding
        return sorted(found.values(), key=lambda f: (-f.from_us, f.rule, f.subject))[:limit]

    def running(self) -> Sequence[Finding]:
        """What lasts now."""
        return self._watch.running()

    # -- models ----------------------------------------------------------------------------------------------------

    async def models(self, machine: str | None = None) -> Sequence[AnomalyModel]:
        """All versions, newest first. Raises NotFound for an unknown machine."""
        if machine is not None:
            self._machine(machine)
        return await self._store.models(machine)

    async def train(
        self, machine: str, actor: Actor, *, days: int = TRAIN_DAYS, keep: bool = True
    ) -> tuple[AnomalyModel, FindingRehearsal]:
        """A model of the last `days`, and what it would have told over the last 30. `keep`: it is stored and used from now on.

        Raises Forbidden (below engineer), NotFound, Conflict when too little is known of the machine.
        """
        await self._need_engineer(actor, f"anomaly:{machine}")
        end = self._now_minute()
        return await self._train(self._machine(machine), actor, end - days * DAY_US, end, keep=keep, told=_nobody)

    async def start_training(
        self, machine: str, from_us: int, to_us: int, actor: Actor, *, keep: bool = True
    ) -> AnomalyTraining:
        """A model of a chosen good period, as a job; what `train` raises for lack of data is the job's error.

        Raises Forbidden (below engineer), NotFound, ConfigError (the period), Conflict while one of that machine runs.
        """
        await self._need_engineer(actor, f"anomaly:{machine}")
        found = self._machine(machine)
        check_period(from_us, to_us, self._clock.now_us())
        begin, end = from_us // MINUTE_US * MINUTE_US, to_us // MINUTE_US * MINUTE_US

        async def work(told: Told) -> tuple[AnomalyModel, FindingRehearsal]:
            return await self._train(found, actor, begin, end, keep=keep, told=told)

        return self._trainings.start(machine, begin, end, work, keep=keep)

    @property
    def trainings(self) -> Trainings:
        """Those that run or have run since the start."""
        return self._trainings

    async def cancel_training(self, job_id: str, actor: Actor) -> AnomalyTraining:
        """Raises NotFound, Forbidden (below engineer)."""
        await self._need_engineer(actor, f"training:{job_id}")
        return self._trainings.cancel(job_id)

    async def _train(
        self, machine: Machine, actor: Actor, begin: int, end: int, *, keep: bool, told: Told
    ) -> tuple[AnomalyModel, FindingRehearsal]:
        parameters = self._plant().detectors.of(Anomaly.rule, machine.id) or DetectorSettings().of(Anomaly.rule) or {}
        minutes: list[Minute] = []
        days = 0
        async for day in self._days(machine, begin, end):
            minutes += day
            days += 1
            told(TrainingStage.READING, READ_SHARE * min(1.0, days * DAY_US / (end - begin)))
        channels, rows = training_rows(minutes)
        _check_enough(machine.id, rows, -(-(end - begin) // DAY_US))
        told(TrainingStage.LEARNING, READ_SHARE)
        numbers: dict[str, Any] = await self._run(train, channels, rows, parameters["alpha"])
        last = await self._store.models(machine.id)
        version = (last[0].version if last else 0) + 1
        now_us, count = self._clock.now_us(), sum(map(len, rows.values()))
        model = AnomalyModel(machine.id, version, now_us, begin, end, count, actor.name, numbers)
        now = self._now_minute()
        told(TrainingStage.TRYING, TRIED_FROM)
        rehearsal = await self._rehearse(
            Anomaly(machine.id, parameters, model), machine, now - REHEARSE_DAYS * DAY_US, now,
            lambda share: told(TrainingStage.TRYING, TRIED_FROM + (1 - TRIED_FROM) * share),
        )
        if keep:
            words = {
                "version": version, "from": begin, "to": end, "rows": model.rows, "would_have_fired": rehearsal.count,
            }  # fmt: skip
            await self._audit.append(
                now_us, actor.name, actor.source, "anomaly_train", f"machine:{machine.id}", new=json.dumps(words)
            )
            await self._store.save_model(model)
            self._watch.use_model(model)
        return model, rehearsal

    # -- rehearsal -------------------------------------------------------------------------------------------------

    async def rehearse(
        self, rule: str, machine: str, *, days: int = REHEARSE_DAYS, parameters: Mapping[str, float] | None = None
    ) -> FindingRehearsal:
        """What the rule would have told over the last `days`, with these parameters in place of the set ones.

        `machine`: a machine id, or "site" for the rules about the supply. Raises NotFound for an unknown machine or rule,
        Conflict for an unknown parameter, a value out of bounds or a rule that does not watch such a subject.
        """
        found = None if machine == SITE else self._machine(machine)
        if rule not in RULES:
            raise NotFound("rule", rule, tuple(RULES)[:5])
        detector = await self._detector(rule, found, self._draft(rule, machine, parameters or {}))
        end = self._now_minute()
        return await self._rehearse(detector, found, end - days * DAY_US, end)

    async def _detector(self, rule: str, machine: Machine | None, settings: DetectorSettings) -> Detector:
        """A fresh one, that has heard nothing yet. Raises Conflict when the rule watches another kind of subject."""
        if machine is None:
            own = supply_detectors(settings)
        elif rule == Anomaly.rule:
            models = await self._store.models(machine.id)
            return Anomaly(machine.id, settings.of(rule, machine.id) or {}, models[0] if models else None)
        else:
            own = machine_detectors(machine.id, settings, machine.states.idle_above_kw if machine.states is not None else None)
        found = next((detector for detector in own if detector.rule == rule), None)
        if found is None:
            who = "a machine, not the supply of the site" if machine is None else "the supply of the site, not one machine"
            raise Conflict(f"the rule {rule!r} watches {who}")
        return found

    def _draft(self, rule: str, machine: str, parameters: Mapping[str, float]) -> DetectorSettings:
        for name, value in parameters.items():
            known = RULES[rule].get(name)
            if known is None:
                raise Conflict(f"{rule} has no parameter {name!r}; it has {', '.join(RULES[rule])}")
            if not known.low <= value <= known.high:
                raise Conflict(f"{name} is {value:g}; expected {known.low:g} to {known.high:g} {known.unit}".rstrip())
        now = self._plant().detectors
        own = {**now.site.get(rule, {}), **now.machines.get(machine, {}).get(rule, {}), **parameters, "enabled": 1.0}
        return DetectorSettings({**now.site, rule: own} if machine == SITE else now.site, {machine: {rule: own}})

    async def _rehearse(
        self, detector: Detector, machine: Machine | None, from_us: int, to_us: int,
        progress: Callable[[float], None] = lambda _share: None,
    ) -> FindingRehearsal:  # fmt: skip
        told: dict[tuple[str, int], Finding] = {}
        known = done = 0
        async for day in self._days(machine, from_us, to_us):
            known += len(day)
            done += DAY_US
            progress(min(1.0, done / (to_us - from_us)))
            for minute in day:
                told.update({(f.key, f.from_us): f for f in detector.feed(minute)})
        told.update({(f.key, f.from_us): f for f in detector.finish(to_us)})
        book = await self._prices.book(from_us, to_us)
        found = [replace(f, waste_cost=cost_of_finding(book, f, to_us)) for f in told.values()]
        days = Counter(f.from_us // DAY_US * DAY_US for f in found)
        busiest = max(days, key=lambda day: (days[day], -day)) if days else None
        wastes = [f.waste_kwh for f in found if f.waste_kwh is not None]
        longest = sorted(found, key=lambda f: f.from_us - (f.to_us or to_us))[:MOST_EXAMPLES]
        minutes = sum(((f.to_us or to_us) - f.from_us) / MINUTE_US for f in found)
        return FindingRehearsal(
            detector.rule, SITE if machine is None else machine.id, from_us, to_us, len(found), minutes,
            sum(wastes) if wastes else None, busiest, days[busiest] if busiest is not None else 0, known, tuple(longest),
        )  # fmt: skip

    # -- change points ---------------------------------------------------------------------------------------------

    async def changes(self, machine: str, channel: str, from_us: int, to_us: int) -> Sequence[tuple[int, float, float]]:
        """(time_us, mean before, mean after) of the changes of level of one channel while the machine produced.

        Raises NotFound for an unknown machine or a channel its meter does not have.
        """
        found = self._machine(machine)
        known = [CHANNELS[place] for place in self._channels(found)]
        if channel not in known:
            raise NotFound("channel", channel, tuple(known)[:5])
        place = CHANNELS.index(channel)
        points: list[tuple[int, float]] = []
        async for day in self._days(found, from_us, to_us):
            for minute in day:
                value = minute.means[place]
                if value is not None and minute.production_s >= 59.5:
                    points.append((minute.time_us, value))
        step = -(-len(points) // MOST_POINTS) or 1
        groups = [points[i : i + step] for i in range(0, len(points), step)]
        values = [sum(value for _, value in group) / len(group) for group in groups]
        places: list[int] = await self._run(change_points, values) if values else []
        borders = [0, *places, len(values)]
        means = [sum(values[a:b]) / (b - a) for a, b in pairwise(borders) if b > a]
        return [(groups[at][0][0], means[i], means[i + 1]) for i, at in enumerate(places)]

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _days(self, machine: Machine | None, from_us: int, to_us: int) -> AsyncIterator[list[Minute]]:
        """Minutes of the machine (None: of the supply), a day at a time."""
        machine_id = None if machine is None else machine.id
        channels = self._supply_channels() if machine is None else self._channels(machine)
        for begin in range(from_us, to_us, DAY_US):
            end = min(begin + DAY_US, to_us)
            day: list[Minute] = await self._minutes.read(channels, machine_id, begin, end, frequency=machine is None)
            yield day

    def _supply_channels(self) -> dict[int, Tag]:
        by_device: dict[str, list[Tag]] = {}
        for tag in self._tags():
            by_device.setdefault(tag.device_id, []).append(tag)
        device = supply_device(self._plant(), by_device)
        return channels_of(by_device[device]) if device is not None else {}

    def _now_minute(self) -> int:
        return self._clock.now_us() // MINUTE_US * MINUTE_US

    def _channels(self, machine: Machine) -> dict[int, Tag]:
        return channels_of(tag for tag in self._tags() if tag.device_id == machine.meter)

    def _machine(self, machine_id: str) -> Machine:
        for machine in self._plant().machines:
            if machine.id == machine_id:
                return machine
        raise NotFound("machine", machine_id, tuple(machine.id for machine in self._plant().machines)[:5])

    async def _need_engineer(self, actor: Actor, subject: str) -> None:
        if not actor.role.allows(Role.ENGINEER):
            await self._audit.append(self._clock.now_us(), actor.name, actor.source, "refused", subject, result="failed")
            raise Forbidden(f"{actor.name} ({actor.role.value}) may not train models; needs {Role.ENGINEER.value}")


def _nobody(_stage: TrainingStage, _progress: float) -> None:
    """Who asks and waits is told by the answer."""


def _check_enough(machine_id: str, rows: Mapping[str, Sequence[object]], days: int) -> None:
    most = max((len(group) for group in rows.values()), default=0)
    if most < LEAST_ROWS:
        raise Conflict(
            f"of {machine_id!r} only {most} whole minutes in one state are known in the {days} days of the period;"
            f" {LEAST_ROWS} are needed: set its states, or choose a longer period with data"
        )
