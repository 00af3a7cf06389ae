"""How a machine is used: left idling, running outside the shifts, drawing more than usual, turning without cutting."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.detectors.episode import Episode, EpisodeDetector, Judgement, Memory
from analysis.detectors.histogram import LogHistogram
from analysis.detectors.minute import Minute
from domain.finding import Evidence

MOST_PROGRAMS = 200
NEW_NORMAL_MIN = 1440  # a condition that stood that long is learned as the machine's new habit
SEPARATION = 1.3  # the median of production lies at least that far above no load, else the two cannot be told apart


class LongIdle(EpisodeDetector):
    """Idle without a break for `min_minutes`, in the shifts (outside them `off_shift` speaks). All its energy is waste."""

    rule = "long_idle"

    def judge(self, minute: Minute) -> Judgement | None:
        if not minute.idle or minute.in_shift is False:
            return None
        return Judgement(minute.energy_kwh, {"power_kw": minute.power_kw or 0.0})

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        return (
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
            Evidence("power_mean", episode.mean("power_kw"), "kW"),
        )


class OffShift(EpisodeDetector):
    """Power above `above_kw` outside the shifts for `min_minutes`. All its energy is waste.

    `above_kw` 0 means the machine's own border between off and idle.
    """

    rule = "off_shift"

    def __init__(self, subject: str, parameters: Mapping[str, float], idle_above_kw: float | None) -> None:
        super().__init__(subject, parameters)
        self._above_kw = parameters["above_kw"] or idle_above_kw

    def judge(self, minute: Minute) -> Judgement | None:
        power = minute.power_kw
        if minute.in_shift is not False or power is None or self._above_kw is None or power < self._above_kw:
            return None
        return Judgement(minute.energy_kwh, {"power_kw": power})

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        return (
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
            Evidence("power_mean", episode.mean("power_kw"), "kW", self._above_kw),
        )


class ProgramPower(EpisodeDetector):
    """Production above the usual power of that program: over its `quantile` by more than `margin`, for `min_minutes`.

    What is usual is learned from the minutes of production themselves (`learn_minutes` of them before it speaks); minutes of a
    finding are not learned, until it has stood for a day of production. Waste: what lies above the usual median.
    """

    rule = "program_power"

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        super().__init__(subject, parameters)
        self._usual: dict[str, LogHistogram] = {}

    def judge(self, minute: Minute) -> Judgement | None:
        power = minute.power_kw
        if not minute.producing or power is None:
            return None
        usual = self._histogram(minute.program)
        found: Judgement | None = None
        if usual.total >= self.parameters["learn_minutes"]:
            limit = (usual.quantile(self.parameters["quantile"]) or 0.0) * (1 + self.parameters["margin"])
            median = usual.quantile(0.5) or 0.0
            if power > limit > 0:
                waste = max(0.0, power - median) / 60.0
                found = Judgement(waste, {"power_kw": power, "limit_kw": limit, "median_kw": median}, minute.program)
        if found is None or self.holding_minutes >= NEW_NORMAL_MIN:
            usual.add(power)
        return found

    def _histogram(self, program: str) -> LogHistogram:
        found = self._usual.get(program)
        if found is None:
            if len(self._usual) >= MOST_PROGRAMS:
                del self._usual[min(self._usual, key=lambda name: self._usual[name].total)]
            found = self._usual[program] = LogHistogram()
        return found

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        return (
            Evidence("power_mean", episode.mean("power_kw"), "kW", episode.mean("limit_kw")),
            Evidence("power_usual", episode.mean("median_kw"), "kW"),
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
        )

    def memory(self) -> Memory:
        return super().memory() | {"usual": {name: histogram.memory() for name, histogram in self._usual.items()}}

    def restore(self, memory: Memory) -> None:
        super().restore(memory)
        self._usual = {name: LogHistogram(bins) for name, bins in memory.get("usual", {}).items()}


class DryRun(EpisodeDetector):
    """Production near the no-load level for `min_minutes`: the spindle turns, nothing is cut. All its energy is waste.

    `no_load_kw` 0 means learned: the lowest twentieth of the minutes of production, when their median lies far enough above it.
    """

    rule = "dry_run"

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        super().__init__(subject, parameters)
        self._production = LogHistogram()

    def judge(self, minute: Minute) -> Judgement | None:
        power = minute.power_kw
        if not minute.producing or power is None:
            return None
        if minute.production_s >= 59.5:  # a cut that begins or ends within the minute tells nothing of the level
            self._production.add(power)
        no_load = self.no_load_kw()
        if no_load is None or power > no_load * (1 + self.parameters["margin"]):
            return None
        return Judgement(minute.energy_kwh, {"power_kw": power, "no_load_kw": no_load})

    def no_load_kw(self) -> float | None:
        """Set, or learned; None while it cannot be told."""
        if self.parameters["no_load_kw"] > 0:
            return self.parameters["no_load_kw"]
        if self._production.total < self.parameters["learn_minutes"]:
            return None
        low, median = self._production.quantile(0.05), self._production.quantile(0.5)
        return low if low is not None and median is not None and median >= SEPARATION * low else None

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        return (
            Evidence("power_mean", episode.mean("power_kw"), "kW", episode.mean("no_load_kw") * (1 + self.parameters["margin"])),
            Evidence("no_load", episode.mean("no_load_kw"), "kW"),
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
        )

    def memory(self) -> Memory:
        return super().memory() | {"production": self._production.memory()}

    def restore(self, memory: Memory) -> None:
        super().restore(memory)
        self._production = LogHistogram(memory.get("production", {}))
