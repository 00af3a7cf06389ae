"""What most detectors share: a condition that must hold for some minutes makes a finding, and ends it when it is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from analysis.detectors.minute import MINUTE_US, Minute
from analysis.detectors.waste import WasteTimes
from domain.finding import Evidence, Finding, Severity

TOLERANCE_US = 2 * MINUTE_US  # shorter pauses in a condition do not end it
UPDATE_US = 15 * MINUTE_US  # a lasting finding is told again that often

Memory = dict[str, Any]  # plain JSON


class Detector(Protocol):
    """Fed with the minutes of one subject in time order. The same object serves the live stream and history."""

    rule: ClassVar[str]
    version: ClassVar[int]

    def feed(self, minute: Minute) -> list[Finding]:
        """Findings that began, grew or ended with this minute."""
        ...

    def finish(self, now_us: int) -> list[Finding]:
        """Time passed without minutes: what ended meanwhile."""
        ...

    def memory(self) -> Memory:
        """Everything `restore` needs to go on as if nothing had happened."""
        ...

    def restore(self, memory: Memory) -> None: ...


def run(detector: Detector, minutes: Sequence[Minute]) -> list[Finding]:
    """Over history: the last word on each finding, in order of time."""
    found: dict[tuple[str, int], Finding] = {}
    for minute in minutes:
        for finding in detector.feed(minute):
            found[(finding.key, finding.from_us)] = finding
    return [found[key] for key in sorted(found, key=lambda key: key[1])]


@dataclass(slots=True)
class Judgement:
    """That the condition holds in a step, what it wastes there, and numbers to be summed for the evidence."""

    waste_kwh: float | None = None
    sums: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""


@dataclass(slots=True)
class Episode:
    from_us: int
    last_us: int
    steps: int = 0
    waste_kwh: float | None = None
    sums: dict[str, float] = field(default_factory=dict)
    detail: str = ""
    told_us: int | None = None
    waste_times: WasteTimes = field(default_factory=WasteTimes)

    @property
    def minutes(self) -> float:
        return (self.last_us - self.from_us) / MINUTE_US

    def mean(self, name: str) -> float:
        """Of what was summed once a step."""
        return self.sums.get(name, 0.0) / max(1, self.steps)


class EpisodeDetector:
    """Base: subclasses say whether a minute fulfils the condition, and what the evidence is."""

    rule: ClassVar[str]
    version: ClassVar[int] = 1

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        self.subject, self.parameters = subject, parameters
        self._episode: Episode | None = None

    # -- for subclasses ------------------------------------------------------------------------------------------------

    def judge(self, minute: Minute) -> Judgement | None:
        """None: the condition does not hold or cannot be judged."""
        raise NotImplementedError

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        """Facts of the whole episode."""
        raise NotImplementedError

    # -- the stream ----------------------------------------------------------------------------------------------------

    def feed(self, minute: Minute) -> list[Finding]:
        """As promised by Detector."""
        return self.step(minute.time_us, minute.end_us, self.judge(minute))

    def step(self, begin_us: int, end_us: int, judgement: Judgement | None) -> list[Finding]:
        """One stretch with its judgement; a minute, or a longer window."""
        told = self._end_if(begin_us - TOLERANCE_US) if judgement is not None else []
        if judgement is None:
            return self._end_if(end_us - TOLERANCE_US)
        episode = self._episode
        if episode is None:
            episode = self._episode = Episode(begin_us, end_us)
        episode.last_us = end_us
        episode.steps += 1
        episode.detail = judgement.detail or episode.detail
        if judgement.waste_kwh is not None:
            episode.waste_kwh = (episode.waste_kwh or 0.0) + judgement.waste_kwh
            episode.waste_times.add(begin_us, end_us, judgement.waste_kwh)
        for name, value in judgement.sums.items():
            episode.sums[name] = episode.sums.get(name, 0.0) + value
        if episode.minutes < self.parameters.get("min_minutes", 0.0):
            return told
        if episode.told_us is None or end_us - episode.told_us >= UPDATE_US:
            episode.told_us = end_us
            told.append(self._finding(episode, None))
        return told

    def finish(self, now_us: int) -> list[Finding]:
        """As promised by Detector."""
        return self._end_if(now_us - TOLERANCE_US)

    @property
    def holding_minutes(self) -> float:
        """How long the condition has held by now; 0 when it does not."""
        return self._episode.minutes if self._episode is not None else 0.0

    def _end_if(self, last_before_us: int) -> list[Finding]:
        """The episode is over when it last held before that time."""
        episode = self._episode
        if episode is None or episode.last_us > last_before_us:
            return []
        self._episode = None
        return [self._finding(episode, episode.last_us)] if episode.told_us is not None else []

    def _finding(self, episode: Episode, to_us: int | None) -> Finding:
        waste = episode.waste_kwh
        return Finding(
            self.rule, self.version, self.subject, episode.from_us, to_us, self.severity(episode), self.evidence(episode),
            waste_kwh=waste, detail=episode.detail, waste_spans=episode.waste_times.spans(),
        )  # fmt: skip

    def severity(self, episode: Episode) -> Severity:
        """Medium from a certain waste on."""
        enough = self.parameters.get("medium_kwh")
        wasted = episode.waste_kwh is not None and enough is not None and episode.waste_kwh >= enough
        return Severity.MEDIUM if wasted else Severity.LOW

    # -- memory --------------------------------------------------------------------------------------------------------

    def memory(self) -> Memory:
        """As promised by Detector."""
        e = self._episode
        if e is None:
            return {}
        return {
            "episode": {
                "from_us": e.from_us, "last_us": e.last_us, "steps": e.steps, "waste_kwh": e.waste_kwh, "sums": dict(e.sums),
                "detail": e.detail, "told_us": e.told_us, "waste_times": e.waste_times.memory(),
            }
        }  # fmt: skip

    def restore(self, memory: Memory) -> None:
        """As promised by Detector."""
        kept = memory.get("episode")
        if kept is not None:
            kept = {**kept, "waste_times": WasteTimes(kept.get("waste_times", ()))}
        self._episode = Episode(**kept) if kept is not None else None
