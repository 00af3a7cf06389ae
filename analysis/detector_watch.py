"""Detectors live: minutes of each meter from the bus, findings kept and, when they last, told as alerts.

What is on the hot path is a few additions a sample. Once in ten seconds whole minutes are judged, a little late so that states
are believed and stored. After a restart the detectors go on from their memory and first hear the minutes they missed, from the
roll-ups; so a finding that stood when the product stopped goes on, however it stopped. A machine that is new here is first
judged over the two weeks before, as far as they were kept.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.alerts import AlertEngine
from analysis.detectors.catalog import SITE, machine_detectors, supply_detectors
from analysis.detectors.episode import Detector
from analysis.detectors.minute import MINUTE_US, Minute, MinuteFold, channels_of
from analysis.detectors.sources import KeptMinutes
from analysis.detectors.unusual import Anomaly
from analysis.prices import Prices, cost_of_finding
from domain.errors import StorageError
from domain.finding import AnomalyModel, Finding, FindingStore, Severity
from domain.plant import Machine, Plant, Tag
from domain.ports import Clock
from domain.sample import Batch, TagId

log = logging.getLogger(__name__)

TICK_S = 10.0
RETRY_S = 30.0
LAG_US = 2 * MINUTE_US  # minutes are judged that late: states are believed by then, and on the disk
LEARN_US = 14 * 24 * 3600 * 1_000_000  # minutes longer ago are not made up for
CATCH_UP_S = 0.2
A_FEW = 60
STEP_US = 24 * 3600 * 1_000_000  # of what was missed, at a time
KEEP_US = 5 * MINUTE_US  # memory is stored that often
ALERT_MIN = 60  # a finding that has lasted that long is an alert; one of medium severity at once
MOST_ALERTS = 5  # of one rule at a time; the others are told in one alert together
MOST_PENDING = 10_000


@dataclass(slots=True)
class _Subject:
    """A machine, or the supply of the site, with its detectors. `seen_us`: minutes before it were judged."""

    id: str
    machine: Machine | None
    detectors: list[Detector]
    signature: object
    live_from_us: int  # first whole minute that came over the bus
    seen_us: int | None = None
    restored: bool = False


    def behind(self, until_us: int) -> bool:
        """Is there more of the past to hear?"""
        return not self.restored and (self.seen_us is None or self.seen_us < until_us)


@dataclass(slots=True)
class _Meter:
    channels: dict[int, Tag]
    fold: MinuteFold
    subjects: list[_Subject] = field(default_factory=list)


class DetectorWatch:
    """`apply` the plant, subscribe `on_batch`, run `run` as one supervised task."""

    def __init__(
        self, plant: Plant, tags: Sequence[Tag], *, store: FindingStore, minutes: KeptMinutes, alerts: AlertEngine,
        clock: Clock, prices: Prices,
    ) -> None:  # fmt: skip
        self._store, self._minutes, self._alerts, self._clock, self._prices = store, minutes, alerts, clock, prices
        self._meters: dict[str, _Meter] = {}
        self._plans: dict[int, tuple[tuple[TagId, ...], tuple[tuple[int, int], ...]]] = {}
        self._memory: Mapping[str, str] | None = None
        self._models: dict[str, AnomalyModel] = {}
        self._pending: dict[tuple[str, int], Finding] = {}
        self._running: dict[str, Finding] = {}
        self._kept_us = 0
        self._returned = False
        self.findings_lost = 0
        self.apply(plant, tags)

    # -- wiring ----------------------------------------------------------------------------------------------------

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed. Subjects that did not keep their detectors and what they have learned."""
        before = {subject.id: subject for meter in self._meters.values() for subject in meter.subjects}
        by_device: dict[str, list[Tag]] = {}
        for tag in tags:
            by_device.setdefault(tag.device_id, []).append(tag)
        folds = {device_id: meter.fold for device_id, meter in self._meters.items()}
        self._meters, self._plans = {}, {}
        for machine in plant.machines:
            channels = channels_of(by_device.get(machine.meter or "", ()))
            if machine.meter is not None and 0 in channels:
                meter = self._meter(machine.meter, channels, folds)
                meter.subjects.append(self._subject(machine, plant, before))
        supply = supply_device(plant, by_device)
        if supply is not None:
            meter = self._meter(supply, channels_of(by_device[supply]), folds)
            meter.subjects.append(self._subject(None, plant, before))
        kept = {subject.id for meter in self._meters.values() for subject in meter.subjects}
        now_us = self._clock.now_us()
        for subject_id in before.keys() - kept:  # removed: nobody can tell whether it lasts
            self._end_all(subject_id, now_us)

    def _meter(self, device_id: str, channels: dict[int, Tag], folds: Mapping[str, MinuteFold]) -> _Meter:
        meter = self._meters.get(device_id)
        if meter is None:
            interval_s = next(iter(channels.values())).interval_s
            fold = folds.get(device_id) or MinuteFold(channels[0].interval_s if 0 in channels else interval_s)
            meter = self._meters[device_id] = _Meter(channels, fold)
        return meter

    def _subject(self, machine: Machine | None, plant: Plant, before: Mapping[str, _Subject]) -> _Subject:
        subject_id = machine.id if machine is not None else SITE
        model = self._models.get(subject_id)
        signature = (machine and (machine.meter, machine.states), plant.detectors, model and model.version)
        old = before.get(subject_id)
        if old is not None and old.signature == signature:
            old.machine = machine
            return old
        detectors = self._detectors(machine, plant)
        live_from_us = -(-self._clock.now_us() // MINUTE_US) * MINUTE_US
        fresh = _Subject(subject_id, machine, detectors, signature, live_from_us)
        if old is not None:  # parameters changed: what was learned goes on where the rule is the same
            memories = {detector.rule: detector.memory() for detector in old.detectors}
            for detector in detectors:
                if detector.rule in memories:
                    detector.restore(memories[detector.rule])
            rules = {detector.rule for detector in detectors}
            for rule in memories.keys() - rules:
                self._end(f"{rule}:{subject_id}", self._clock.now_us())
            fresh.seen_us, fresh.restored = old.seen_us, old.restored
        return fresh

    def _detectors(self, machine: Machine | None, plant: Plant) -> list[Detector]:
        if machine is None:
            return supply_detectors(plant.detectors)
        idle_above_kw = machine.states.idle_above_kw if machine.states is not None else None
        found = machine_detectors(machine.id, plant.detectors, idle_above_kw)
        parameters = plant.detectors.of(Anomaly.rule, machine.id)
        if parameters is not None:
            found.append(Anomaly(machine.id, parameters, self._models.get(machine.id)))
        return found

    # -- the hot path ----------------------------------------------------------------------------------------------

    def on_batch(self, batch: Batch) -> None:
        """Bus sink."""
        meter = self._meters.get(batch.device_id)
        if meter is None:
            return
        plan = self._plans.get(id(batch.tag_ids))
        if plan is None or plan[0] is not batch.tag_ids:
            if len(self._plans) > 5000:
                self._plans.clear()
            channel_of = {tag.id: channel for channel, tag in meter.channels.items()}
            places = tuple((i, channel_of[tag_id]) for i, tag_id in enumerate(batch.tag_ids) if tag_id in channel_of)
            plan = self._plans[id(batch.tag_ids)] = (batch.tag_ids, places)
        if plan[1]:
            meter.fold.add_batch(plan[1], batch.time_us, batch.values, batch.qualities)

    # -- the slow path ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Judge minutes, keep findings and memory, until cancelled."""
        while True:
            try:
                pause_s = TICK_S if await self.tick() else CATCH_UP_S
            except (StorageError, OSError) as exc:
                log.warning("findings wait for the store: %s", exc)
                pause_s = RETRY_S
            await self._clock.sleep(pause_s)

    async def tick(self) -> bool:
        """What is due now; False while there is more of the past to hear. Raises StorageError; nothing is lost by it."""
        if self._memory is None:
            self._memory = await self._store.memory()
            for model in await self._store.models():
                self._models.setdefault(model.machine_id, model)
            for meter in self._meters.values():
                for subject in meter.subjects:
                    self._take_model(subject)
        now_us = self._clock.now_us()
        until_us = now_us - LAG_US
        until_us -= until_us % MINUTE_US
        everything = True
        for meter in list(self._meters.values()):
            fresh = meter.fold.take(until_us)
            for subject in meter.subjects:
                restored = await self._judge(meter, subject, fresh, until_us)
                if not restored:  # a day of the past may take long to read: what it told is shown at once
                    await self._keep_findings()
                everything &= restored
        if everything and self._alerts.loaded and not self._returned:
            self._returned = True
            self._return_unfounded()
        ended = await self._keep_findings()
        if ended or now_us - self._kept_us >= KEEP_US:
            await self._keep_memory(now_us)
        return not any(s.behind(until_us) for meter in self._meters.values() for s in meter.subjects)

    async def _judge(self, meter: _Meter, subject: _Subject, fresh: Sequence[Minute], until_us: int) -> bool:
        """True when the subject has heard everything up to `until_us`."""
        machine_id = subject.machine.id if subject.machine is not None else None
        if not subject.restored:
            begin = self._remember(subject, until_us)
            end = min(until_us, begin + STEP_US)
            if begin < end:
                missed = await self._minutes.read(meter.channels, machine_id, begin, end, frequency=machine_id is None)
                await self._feed(subject, missed, end)
            if end >= until_us >= subject.live_from_us:
                subject.restored = True
                for finding in [f for f in self._running.values() if f.subject == subject.id]:
                    self._tell(finding)
            return subject.restored
        seen_us = subject.seen_us or 0
        due = [minute for minute in fresh if minute.time_us >= seen_us]
        await self._feed(subject, await self._minutes.complete(due, machine_id), until_us)
        return True

    async def _feed(self, subject: _Subject, minutes: Sequence[Minute], until_us: int) -> None:
        for detector in subject.detectors:
            for minute in minutes:
                for finding in detector.feed(minute):
                    self._note(finding, tell=subject.restored)
            for finding in detector.finish(until_us):
                self._note(finding, tell=subject.restored)
            if len(minutes) > A_FEW:
                await asyncio.sleep(0)  # a day of minutes takes milliseconds: others want their turn
        subject.seen_us = until_us

    # -- findings --------------------------------------------------------------------------------------------------

    def _note(self, finding: Finding, *, tell: bool = True) -> None:
        """`tell`: False while the past is heard, which alarms nobody any more."""
        self._pending[(finding.key, finding.from_us)] = finding
        while len(self._pending) > MOST_PENDING:
            self._pending.pop(next(iter(self._pending)))
            self.findings_lost += 1
        if finding.to_us is None:
            self._running[finding.key] = finding
        else:
            self._running.pop(finding.key, None)
        if tell or finding.to_us is not None:
            self._tell(finding)

    def _tell(self, finding: Finding) -> None:
        """Lasting findings as alerts: a few of each rule by themselves, the others together."""
        key = f"finding:{finding.key}"
        if finding.to_us is not None:
            self._alerts.return_alert(key)
            if not any(f.rule == finding.rule for f in self._running.values()):
                self._alerts.return_alert(f"finding:{finding.rule}:more")
            return
        lasted_min = (self._clock.now_us() - finding.from_us) / MINUTE_US
        if finding.severity is Severity.LOW and lasted_min < ALERT_MIN:
            return
        prefix = f"finding:{finding.rule}:"
        if not self._alerts.standing(key) and len(self._alerts.standing_keys(prefix)) >= MOST_ALERTS:
            self._alerts.raise_alert(f"{prefix}more", "findings_more", finding.severity.priority, detail=finding.rule)
            return
        first = finding.evidence[0] if finding.evidence else None
        self._alerts.raise_alert(
            key, finding.rule, finding.severity.priority, machine_id=None if finding.subject == SITE else finding.subject,
            value=first.value if first else None, limit=first.limit if first else None, unit=first.unit if first else "",
            detail=finding.detail,
        )  # fmt: skip

    def running(self) -> Sequence[Finding]:
        """What lasts now, the oldest first."""
        return sorted(self._running.values(), key=lambda finding: finding.from_us)

    def pending(self) -> Sequence[Finding]:
        """Not stored yet."""
        return list(self._pending.values())

    def _end(self, key: str, now_us: int) -> None:
        finding = self._running.get(key)
        if finding is not None:
            self._note(replace(finding, to_us=max(now_us, finding.from_us + 1)))

    def _end_all(self, subject_id: str, now_us: int) -> None:
        for finding in list(self._running.values()):
            if finding.subject == subject_id:
                self._end(finding.key, now_us)

    def _return_unfounded(self) -> None:
        """Alerts from before the start whose finding is over."""
        wanted = {f"finding:{key}" for key in self._running} | {f"finding:{f.rule}:more" for f in self._running.values()}
        for key in self._alerts.standing_keys("finding:"):
            if key not in wanted:
                self._alerts.return_alert(key)

    # -- memory ----------------------------------------------------------------------------------------------------

    def _remember(self, subject: _Subject, until_us: int) -> int:
        """Take over what was stored, once. Where the minutes begin that were not heard yet."""
        if subject.seen_us is not None:
            return subject.seen_us
        kept = json.loads((self._memory or {}).get(subject.id, "{}"))
        for detector in subject.detectors:
            memory = kept.get("rules", {}).get(detector.rule)
            if memory is not None and memory["version"] == detector.version:
                detector.restore(memory["state"])
        for finding in kept.get("running", ()):
            self._running[f"{finding['rule']}:{subject.id}"] = Finding(
                finding["rule"], finding["version"], subject.id, finding["from_us"], None, Severity(finding["severity"])
            )
        subject.seen_us = min(until_us, max(kept.get("seen_us", 0), until_us - LEARN_US))
        return subject.seen_us

    async def _keep_findings(self) -> bool:
        """True when one of them has ended."""
        if not self._pending:
            return False
        await self._price_pending()
        saved = dict(self._pending)
        await self._store.save_findings(list(saved.values()))
        for key, finding in saved.items():
            if self._pending.get(key) is finding:
                del self._pending[key]
        return any(finding.to_us is not None for finding in saved.values())

    async def _price_pending(self) -> None:
        """Money for what is told anew; here, as hourly prices are read from the store, which may be away."""
        for key, finding in list(self._pending.items()):
            if finding.waste_kwh is None:
                continue
            until_us = finding.to_us or self._clock.now_us()
            book = await self._prices.book(finding.from_us, until_us)
            priced = replace(finding, waste_cost=cost_of_finding(book, finding, until_us))
            if self._pending.get(key) is finding:
                self._pending[key] = priced
            if self._running.get(finding.key) is finding:
                self._running[finding.key] = priced

    async def _keep_memory(self, now_us: int) -> None:
        memory = {}
        for meter in self._meters.values():
            for subject in meter.subjects:
                if subject.seen_us is not None:
                    memory[subject.id] = json.dumps(self._state_of(subject))
        await self._store.save_memory(memory)
        self._kept_us = now_us

    def _state_of(self, subject: _Subject) -> dict[str, object]:
        running = [
            {"rule": f.rule, "version": f.version, "from_us": f.from_us, "severity": f.severity.value}
            for f in self._running.values()
            if f.subject == subject.id
        ]
        rules = {d.rule: {"version": d.version, "state": d.memory()} for d in subject.detectors}
        return {"seen_us": subject.seen_us, "running": running, "rules": rules}

    # -- models ----------------------------------------------------------------------------------------------------

    def use_model(self, model: AnomalyModel) -> None:
        """A machine's picture was learned anew: judged by it from now on."""
        self._models[model.machine_id] = model
        for meter in self._meters.values():
            for subject in meter.subjects:
                if subject.id == model.machine_id:
                    self._take_model(subject)

    def _take_model(self, subject: _Subject) -> None:
        model = self._models.get(subject.id)
        for place, detector in enumerate(subject.detectors):
            if model is not None and isinstance(detector, Anomaly) and detector.model_version != model.version:
                self._end(f"{Anomaly.rule}:{subject.id}", self._clock.now_us())
                subject.detectors[place] = Anomaly(subject.id, detector.parameters, model)


def supply_device(plant: Plant, by_device: Mapping[str, Sequence[Tag]]) -> str | None:
    """The meter that watches the supply: the main one, else the first that measures voltages; None when none does."""
    candidates = [plant.site.main_meter, *(machine.meter for machine in plant.machines)]
    for device_id in candidates:
        if device_id is not None and len(channels_of(by_device.get(device_id, ())).keys() & set(range(4, 10))) >= 3:
            return device_id
    return None
