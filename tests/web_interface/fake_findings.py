"""Findings of the invented shop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.anomaly_training import Told, Trainings, check_period
from domain.access import Actor, Role
from domain.detector import RULES
from domain.errors import Conflict, Forbidden, NotFound
from domain.finding import (
    AnomalyModel,
    AnomalyTraining,
    Contribution,
    Evidence,
    Finding,
    FindingRehearsal,
    Severity,
    TrainingStage,
)
from tests.web_interface import fake_shop as shop

MIN = shop.MIN
NUMBERS: Mapping[str, object] = {
    "channels": ["active_power", "current_l1", "current_l2", "current_l3"], "smoothing": 0.2, "alpha": 0.001,
    "groups": {
        "production": {"rows": 7100, "threshold": 9.1, "above": 0.001, "centre": [21.4, 33.0, 33.4, 32.8], "scale": [0.8, 1.2, 1.3, 1.2]},
        "idle": {"rows": 2020, "threshold": 8.2, "above": 0.0, "centre": [1.92, 4.1, 4.0, 4.2], "scale": [0.05, 0.1, 0.1, 0.1]},
    },
}  # fmt: skip


class FakeFindings:
    """FindingService."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.trainings = Trainings()
        self._trained: list[AnomalyModel] = []
        now = clock.now_us()
        self.items = [
            Finding(
                "long_idle", 1, "lathe-2", now - 95 * MIN, None, Severity.MEDIUM,
                (Evidence("duration", 95, "min", 30), Evidence("power_mean", 2.4, "kW")), 3.8, 31.3,
            ),
            Finding(
                "anomaly", 1, "furnace-1", now - 130 * MIN, now - 70 * MIN, Severity.MEDIUM,
                (Evidence("score_ratio", 3.6, "1", 1), Evidence("power_mean", 21.7, "kW"), Evidence("duration", 60, "min", 10),
                 Evidence("model_version", 2, "1")),
                contributions=(Contribution("current_l2", 0.71), Contribution("active_power", 0.2), Contribution("current_l1", 0.09)),
                detail="production",
            ),
            Finding(
                "program_power", 1, "haas-vf2", now - 300 * MIN, now - 250 * MIN, Severity.LOW,
                (Evidence("power_mean", 9.8, "kW", 8.2), Evidence("power_usual", 6.9, "kW"), Evidence("duration", 50, "min", 15)),
                2.4, 19.8, detail="VAL_2041.NC",
            ),
            Finding(
                "low_cos_phi", 1, "grinder-1", now - 420 * MIN, now - 350 * MIN, Severity.LOW,
                (Evidence("cos_phi", 0.58, "1", 0.7), Evidence("tg_phi", 1.4, "1", 0.35), Evidence("kvar_needed", 5.3, "kvar"),
                 Evidence("power_mean", 5.1, "kW"), Evidence("duration", 70, "min", 30)),
            ),
            Finding(
                "voltage_range", 1, "site", now - 600 * MIN, now - 570 * MIN, Severity.MEDIUM,
                (Evidence("voltage_worst", 204.2, "V", 207), Evidence("voltage_deviation", -11.2, "%"), Evidence("duration", 30, "min")),
            ),
            Finding(
                "off_shift", 1, "compressor-1", now - 1500 * MIN, now - 1200 * MIN, Severity.MEDIUM,
                (Evidence("duration", 300, "min", 15), Evidence("power_mean", 6.2, "kW", 0.8)), 31.0, 255.3,
            ),
        ]  # fmt: skip

    def _known(self, machine: str | None, rule: str | None = None) -> None:
        known = tuple(tool.machine.id for tool in shop.TOOLS)
        if machine not in {None, "site", *known}:
            raise NotFound("machine", str(machine), known[:5])
        if rule is not None and rule not in RULES:
            raise NotFound("rule", rule, tuple(RULES)[:5])

    async def findings(
        self, from_us: int, to_us: int, *, machine: str | None = None, rule: str | None = None, limit: int = 1000
    ) -> Sequence[Finding]:
        self._known(machine, rule)
        found = [f for f in self.items if f.from_us < to_us and (f.to_us is None or f.to_us > from_us)]
        return [f for f in found if machine in {None, f.subject} and rule in {None, f.rule}][:limit]

    def running(self) -> Sequence[Finding]:
        return [f for f in self.items if f.to_us is None]

    async def models(self, machine: str | None = None) -> Sequence[AnomalyModel]:
        self._known(machine)
        now = self._clock.now_us()
        begin, end = now - 23 * 1440 * MIN, now - 9 * 1440 * MIN
        first = AnomalyModel("furnace-1", 2, end, begin, end, 9120, "Иванов", NUMBERS)
        return [model for model in (*reversed(self._trained), first) if machine in {None, model.machine_id}]

    async def train(self, machine: str, actor: Actor, *, days: int = 14, keep: bool = True) -> tuple[AnomalyModel, FindingRehearsal]:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("training needs the role engineer")
        now = self._clock.now_us()
        model = AnomalyModel(machine, 3, now, now - days * 1440 * MIN, now, 9000, actor.name, NUMBERS)
        return model, await self.rehearse("anomaly", machine)

    async def start_training(
        self, machine: str, from_us: int, to_us: int, actor: Actor, *, keep: bool = True
    ) -> AnomalyTraining:
        """By the product's own jobs; a period of less than two days has too little data."""
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("training needs the role engineer")
        self._known(machine)
        check_period(from_us, to_us, self._clock.now_us())

        async def work(told: Told) -> tuple[AnomalyModel, FindingRehearsal]:
            told(TrainingStage.LEARNING, 0.4)
            if to_us - from_us < 2 * 1440 * MIN:
                raise Conflict(
                    f"of {machine!r} only 7 whole minutes in one state are known in the 1 days of the period; 200 are needed:"
                    " set its states, or choose a longer period with data"
                )
            model = AnomalyModel(machine, 3, self._clock.now_us(), from_us, to_us, 9000, actor.name, NUMBERS)
            if keep:
                self._trained.append(model)
            return model, await self.rehearse("anomaly", machine)

        return self.trainings.start(machine, from_us, to_us, work, keep=keep)

    async def cancel_training(self, job_id: str, actor: Actor) -> AnomalyTraining:
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("training needs the role engineer")
        return self.trainings.cancel(job_id)

    async def rehearse(
        self, rule: str, machine: str, *, days: int = 30, parameters: Mapping[str, float] | None = None
    ) -> FindingRehearsal:
        self._known(machine, rule)
        for name in parameters or {}:
            if name not in RULES[rule]:
                raise Conflict(f"{rule} has no parameter {name!r}")
        now = self._clock.now_us()
        begin = now - days * 1440 * MIN
        return FindingRehearsal(rule, machine, begin, now, 7, 410.0, 12.4, now - now % (1440 * MIN), 3, 41000, tuple(self.items[:2]))

    async def changes(self, machine: str, channel: str, from_us: int, to_us: int) -> Sequence[tuple[int, float, float]]:
        self._known(machine)
        return [(to_us - 1440 * MIN, 6.1, 6.9)]
