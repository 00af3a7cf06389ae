"""The rule `anomaly`: a machine's electrical picture is unlike the weeks it was learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from analysis.anomaly import Scorer
from analysis.change import AdaptiveScorer
from analysis.detectors.episode import Episode, EpisodeDetector, Judgement, Memory
from analysis.detectors.minute import CHANNELS, Minute
from domain.finding import AnomalyModel, Contribution, Evidence, Finding, Severity

FEATURES = ("active_power", "reactive_power", "current_l1", "current_l2", "current_l3", "power_factor")
"""Channels a model may use; those that the machine's meter has are chosen at training."""
_SHARE = "share."
FAST_MIN, SLOW_MIN = 60.0, 14 * 1440.0  # minutes of production
ADAPTIVE_SIGMAS = 3.0
ADAPTIVE_FROM = 3000  # minutes of production (a week of shifts) before the untrained scorer speaks


def group_of(minute: Minute) -> str | None:
    """Which model judges the minute; None in between states and when off."""
    if minute.production_s >= 59.5:
        return "production"
    return "idle" if minute.idle_s >= 59.5 else None


def features_of(minute: Minute, channels: Sequence[str]) -> list[float] | None:
    """Values of the channels; None when one is missing."""
    values = [minute.means[CHANNELS.index(channel)] for channel in channels]
    return None if any(value is None for value in values) else [value for value in values if value is not None]


def training_rows(minutes: Sequence[Minute], enough: float = 0.9) -> tuple[tuple[str, ...], dict[str, list[list[float]]]]:
    """(channels, rows by group). A channel takes part when it is known in at least `enough` of the minutes that count."""
    judged = [(group, minute) for minute in minutes if (group := group_of(minute)) is not None]
    channels = tuple(
        channel
        for channel in FEATURES
        if judged and sum(m.means[CHANNELS.index(channel)] is not None for _, m in judged) >= enough * len(judged)
    )
    rows: dict[str, list[list[float]]] = {"production": [], "idle": []}
    for group, minute in judged if channels else ():
        row = features_of(minute, channels)
        if row is not None:
            rows[group].append(row)
    return channels, rows


class Anomaly(EpisodeDetector):
    """With a trained model: T² of its channels over the threshold. Without: power of production far off its own slow mean."""

    rule = "anomaly"

    def __init__(self, subject: str, parameters: Mapping[str, float], model: AnomalyModel | None = None) -> None:
        super().__init__(subject, parameters)
        self._scorer = Scorer(model.numbers) if model is not None else None
        self.model_version = model.version if model is not None else 0
        self._adaptive = AdaptiveScorer(FAST_MIN, SLOW_MIN)

    def judge(self, minute: Minute) -> Judgement | None:
        group = group_of(minute)
        if group is None:
            return None
        if self._scorer is None:
            return self._judge_untrained(group, minute)
        row = features_of(minute, self._scorer.channels)
        score = self._scorer.score(group, row) if row is not None else None
        if score is None or score.ratio <= 1:
            return None
        sums = {"ratio": score.ratio, "power_kw": minute.power_kw or 0.0}
        return Judgement(sums=sums | {_SHARE + name: share for name, share in score.shares.items()}, detail=group)

    def _judge_untrained(self, group: str, minute: Minute) -> Judgement | None:
        if group != "production" or minute.power_kw is None:
            return None
        score = self._adaptive.add(minute.power_kw)
        if self._adaptive.count < ADAPTIVE_FROM or abs(score) <= ADAPTIVE_SIGMAS:
            return None
        sums = {"ratio": abs(score) / ADAPTIVE_SIGMAS, "power_kw": minute.power_kw, _SHARE + "active_power": 1.0}
        return Judgement(sums=sums, detail=group)

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        return (
            Evidence("score_ratio", episode.mean("ratio"), "1", 1.0),
            Evidence("power_mean", episode.mean("power_kw"), "kW"),
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
            Evidence("model_version", float(self.model_version), "1"),
        )

    def severity(self, episode: Episode) -> Severity:
        return Severity.MEDIUM if episode.mean("ratio") > 3 else Severity.LOW

    def _finding(self, episode: Episode, to_us: int | None) -> Finding:
        finding = super()._finding(episode, to_us)
        shares = {name.removeprefix(_SHARE): episode.mean(name) for name in episode.sums if name.startswith(_SHARE)}
        total = sum(shares.values())
        ordered = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
        return replace(finding, contributions=tuple(Contribution(name, share / total) for name, share in ordered if total > 0))

    def memory(self) -> Memory:
        smoothed = self._scorer.memory() if self._scorer is not None else {}
        return super().memory() | {"model": self.model_version, "smoothed": smoothed, "adaptive": self._adaptive.memory()}

    def restore(self, memory: Memory) -> None:
        super().restore(memory)
        if "adaptive" in memory:
            self._adaptive.restore(memory["adaptive"])
        if self._scorer is not None and memory.get("model") == self.model_version:
            self._scorer.restore(memory["smoothed"])
