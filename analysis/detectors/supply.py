"""The supply: imbalance of voltages and currents, voltage and frequency against EN 50160 and GOST 32144-2013, low cos φ.

Bounds (wording of the standards as commonly cited; see docs/analysis.md):
- Voltage: 10-min means. GOST 32144-2013, 4.2.2: within ±10 % of nominal during 100 % of a week. EN 50160, 4.2.2: within ±10 %
  during 95 % of a week. `voltage_range` watches each mean, `voltage_week` the share of the week.
- Frequency of an interconnected grid: 10 s means. GOST 32144-2013, 4.2.1: within ±0.2 Hz during 95 % of a week and ±0.4 Hz
  during 100 %. EN 50160, 4.2.1: ±1 % during 99.5 % of a year, which the former imply.
- Voltage imbalance: 10-min means of the negative-sequence ratio, at most 2 % during 95 % of a week (both standards).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from analysis.detectors.episode import Episode, EpisodeDetector, Judgement, Memory
from analysis.detectors.minute import MINUTE_US, PHASES, Minute
from domain.finding import Evidence, Finding, Severity

Three = tuple[float, float, float]
WINDOW_US = 10 * MINUTE_US
ENOUGH_MINUTES = 5  # a 10-min mean of fewer minutes is none


def negative_sequence_percent(u12: float, u23: float, u31: float) -> float | None:
    """u2 = negative over positive sequence in %, from the three line voltages alone. IEC 61000-4-30, 5.7.1; None when all are 0.

    With beta = sum U^4 / (sum U^2)^2: u2 = sqrt((1 - sqrt(3 - 6 beta)) / (1 + sqrt(3 - 6 beta))).
    """
    squares = u12 * u12 + u23 * u23 + u31 * u31
    if squares <= 0:
        return None
    beta = (u12**4 + u23**4 + u31**4) / (squares * squares)
    root = math.sqrt(max(0.0, 3 - 6 * beta))
    return 100 * math.sqrt(max(0.0, (1 - root) / (1 + root)))


def largest_deviation_percent(values: Three) -> float | None:
    """Largest deviation from the mean of three, in % of the mean. NEMA MG 1, 14.36 for line voltages; IEEE 112 for phases."""
    mean = sum(values) / PHASES
    return 100 * max(abs(value - mean) for value in values) / mean if mean > 0 else None


class _Windows:
    """10-min means on the clock's grid, from minutes."""

    def __init__(self) -> None:
        self._begin_us: int | None = None
        self._rows: list[Three] = []
        self._week = 0

    def add(self, minute: Minute, values: Three | None) -> tuple[int, int, Three] | None:
        """(begin, week, means) of the window that is over, if one is and it holds enough."""
        begin = minute.time_us - minute.time_us % WINDOW_US
        done = self._close() if begin != self._begin_us else None
        self._begin_us, self._week = begin, minute.week
        if values is not None:
            self._rows.append(values)
        if minute.end_us == begin + WINDOW_US:
            return self._close()
        return done

    def _close(self) -> tuple[int, int, Three] | None:
        rows, begin, self._rows, self._begin_us = self._rows, self._begin_us, [], None
        if begin is None or len(rows) < ENOUGH_MINUTES:
            return None
        a, b, c = (sum(row[i] for row in rows) / len(rows) for i in range(PHASES))
        return begin, self._week, (a, b, c)


def _per_phase(minute: Minute, nominal_phase_v: float) -> tuple[Three | None, float]:
    """Phase voltages and their nominal; line voltages (times sqrt 3) where a meter has only those."""
    if minute.phase_voltages_v is not None:
        return minute.phase_voltages_v, nominal_phase_v
    return minute.line_voltages_v, nominal_phase_v * math.sqrt(3)


class VoltageImbalance(EpisodeDetector):
    """10-min means of the negative-sequence ratio (line voltages), or of the largest deviation (phase voltages only)."""

    rule = "voltage_imbalance"

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        super().__init__(subject, parameters)
        self._line, self._phase = _Windows(), _Windows()

    def feed(self, minute: Minute) -> list[Finding]:
        line = self._line.add(minute, minute.line_voltages_v)
        phase = self._phase.add(minute, minute.phase_voltages_v)
        window = line or phase
        if window is None:
            return []
        begin, _, means = window
        imbalance = negative_sequence_percent(*means) if line is not None else largest_deviation_percent(means)
        holds = imbalance is not None and imbalance > self.parameters["limit_percent"]
        judgement = Judgement(sums={"percent": imbalance or 0.0, "line": float(line is not None)}) if holds else None
        return self.step(begin, begin + WINDOW_US, judgement)

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        name = "negative_sequence" if episode.mean("line") > 0.5 else "phase_deviation"
        return (
            Evidence(name, episode.mean("percent"), "%", self.parameters["limit_percent"]),
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
        )

    def severity(self, episode: Episode) -> Severity:
        return Severity.MEDIUM if episode.mean("percent") > 2 * self.parameters["limit_percent"] else Severity.LOW


class CurrentImbalance(EpisodeDetector):
    """Largest deviation of a phase current from the mean of three, while the machine works and draws enough to tell."""

    rule = "current_imbalance"

    def judge(self, minute: Minute) -> Judgement | None:
        currents = minute.currents_a
        if currents is None or not minute.producing:
            return None
        mean = sum(currents) / PHASES
        deviation = largest_deviation_percent(currents)
        if mean < self.parameters["min_current_a"] or deviation is None or deviation <= self.parameters["limit_percent"]:
            return None
        return Judgement(sums={"percent": deviation, **{f"l{i + 1}": current for i, current in enumerate(currents)}})

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        return (
            Evidence("current_deviation", episode.mean("percent"), "%", self.parameters["limit_percent"]),
            *(Evidence(f"current_l{i}", episode.mean(f"l{i}"), "A") for i in (1, 2, 3)),
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
        )


class VoltageRange(EpisodeDetector):
    """A 10-min mean of a voltage outside nominal ± `tolerance_percent` (`nominal_v` is phase to neutral)."""

    rule = "voltage_range"

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        super().__init__(subject, parameters)
        self._windows = _Windows()

    def feed(self, minute: Minute) -> list[Finding]:
        voltages, nominal = _per_phase(minute, self.parameters["nominal_v"])
        window = self._windows.add(minute, voltages)
        if window is None:
            return []
        begin, _, means = window
        worst = max(means, key=lambda mean: abs(mean - nominal))
        percent = 100 * (worst / nominal - 1)
        holds = abs(percent) > self.parameters["tolerance_percent"]
        judgement = Judgement(sums={"v": worst, "percent": percent, "nominal": nominal}) if holds else None
        return self.step(begin, begin + WINDOW_US, judgement)

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        share = self.parameters["tolerance_percent"] / 100
        side = 1 + math.copysign(share, episode.mean("percent"))
        return (
            Evidence("voltage_worst", episode.mean("v"), "V", episode.mean("nominal") * side),
            Evidence("voltage_deviation", episode.mean("percent"), "%"),
            Evidence("duration", episode.minutes, "min"),
        )

    def severity(self, episode: Episode) -> Severity:
        return Severity.MEDIUM


class FrequencyRange(EpisodeDetector):
    """A 10 s mean of the frequency outside nominal ± `tolerance_hz`."""

    rule = "frequency_range"

    def judge(self, minute: Minute) -> Judgement | None:
        nominal, tolerance = self.parameters["nominal_hz"], self.parameters["tolerance_hz"]
        outside = [mean for mean in minute.frequency_10s if abs(mean - nominal) > tolerance]
        if not outside:
            return None
        worst = max(outside, key=lambda mean: abs(mean - nominal))
        return Judgement(sums={"hz": worst, "count": len(outside)})

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        nominal, tolerance = self.parameters["nominal_hz"], self.parameters["tolerance_hz"]
        mean = episode.mean("hz")
        return (
            Evidence("frequency_worst", mean, "Hz", nominal + math.copysign(tolerance, mean - nominal)),
            Evidence("count_10s", episode.sums.get("count", 0.0), "1"),
            Evidence("duration", episode.minutes, "min"),
        )

    def severity(self, episode: Episode) -> Severity:
        return Severity.MEDIUM


class _WeekShare:
    """Share of a calendar week's means that lie outside; tells as soon as the week's allowance is used up."""

    rule: ClassVar[str]
    version: ClassVar[int] = 1
    per_week: ClassVar[int]  # means in a whole week

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        self.subject, self.parameters = subject, parameters
        self._week: int | None = None
        self._from_us = self._last_us = self._total = self._outside = self._told = 0

    def count(self, week: int, begin_us: int, end_us: int, total: int, outside: int) -> list[Finding]:
        """Means of [begin_us, end_us)."""
        told: list[Finding] = []
        if week != self._week:
            if self._told:
                told.append(self._finding(self._last_us))
            self._week, self._from_us = week, begin_us
            self._total = self._outside = self._told = 0
        self._total += total
        self._outside += outside
        self._last_us = end_us
        allowed = self.parameters["share_percent"] / 100 * self.per_week
        if outside and self._outside > allowed:  # even if all the rest of the week were inside
            self._told += 1
            told.append(self._finding(None))
        return told

    def _finding(self, to_us: int | None) -> Finding:
        evidence = (
            Evidence("week_outside", 100 * self._outside / self.per_week, "%", self.parameters["share_percent"]),
            Evidence("week_known", 100 * self._total / self.per_week, "%"),
        )
        return Finding(self.rule, self.version, self.subject, self._from_us, to_us, Severity.MEDIUM, evidence)

    def finish(self, now_us: int) -> list[Finding]:
        """The week goes on."""
        return []

    def memory(self) -> Memory:
        """As promised by Detector."""
        return {
            "week": self._week, "from_us": self._from_us, "last_us": self._last_us, "total": self._total,
            "outside": self._outside, "told": self._told,
        }  # fmt: skip

    def restore(self, memory: Memory) -> None:
        """As promised by Detector."""
        self._week = memory.get("week")
        self._from_us, self._last_us = memory.get("from_us", 0), memory.get("last_us", 0)
        self._total, self._outside = memory.get("total", 0), memory.get("outside", 0)
        self._told = memory.get("told", 0)


class VoltageWeek(_WeekShare):
    """More than `share_percent` of a week's 10-min means outside nominal ± `tolerance_percent`."""

    rule = "voltage_week"
    per_week = 7 * 144

    def __init__(self, subject: str, parameters: Mapping[str, float]) -> None:
        super().__init__(subject, parameters)
        self._windows = _Windows()

    def feed(self, minute: Minute) -> list[Finding]:
        """As promised by Detector."""
        voltages, nominal = _per_phase(minute, self.parameters["nominal_v"])
        window = self._windows.add(minute, voltages)
        if window is None:
            return []
        begin, week, means = window
        tolerance = self.parameters["tolerance_percent"] / 100 * nominal
        outside = any(abs(mean - nominal) > tolerance for mean in means)
        return self.count(week, begin, begin + WINDOW_US, 1, int(outside))


class FrequencyWeek(_WeekShare):
    """More than `share_percent` of a week's 10 s means outside nominal ± `tolerance_hz`."""

    rule = "frequency_week"
    per_week = 7 * 8640

    def feed(self, minute: Minute) -> list[Finding]:
        """As promised by Detector."""
        nominal, tolerance = self.parameters["nominal_hz"], self.parameters["tolerance_hz"]
        outside = sum(abs(mean - nominal) > tolerance for mean in minute.frequency_10s)
        return self.count(minute.week, minute.time_us, minute.end_us, len(minute.frequency_10s), outside)


class LowCosPhi(EpisodeDetector):
    """Power factor P/S below `limit` while more than `min_kw` are drawn, for `min_minutes`.

    S from P and Q where Q is measured, else from the meter's power factor. Sums of P and S are divided, ratios never averaged.
    `target` is the cos φ that the compensation is worked out for: 0.944 (tg φ 0.35, supply below 1 kV). Source: docs/formulas.md.
    """

    rule = "low_cos_phi"

    def judge(self, minute: Minute) -> Judgement | None:
        power = minute.power_kw
        if power is None or power < self.parameters["min_kw"] or power <= 0:
            return None
        if minute.reactive_kvar is not None:
            apparent = math.hypot(power, minute.reactive_kvar)
        elif minute.power_factor:
            apparent = power / min(1.0, abs(minute.power_factor))
        else:
            return None
        if power / apparent >= self.parameters["limit"]:
            return None
        return Judgement(sums={"kw": power, "kva": apparent})

    def evidence(self, episode: Episode) -> tuple[Evidence, ...]:
        power, apparent = episode.mean("kw"), episode.mean("kva")
        cos_phi = power / apparent if apparent else 0.0
        tg_phi = math.tan(math.acos(min(1.0, cos_phi)))
        tg_target = math.tan(math.acos(self.parameters["target"]))
        return (
            Evidence("cos_phi", cos_phi, "1", self.parameters["limit"]),
            Evidence("tg_phi", tg_phi, "1", tg_target),
            Evidence("kvar_needed", power * (tg_phi - tg_target), "kvar"),
            Evidence("power_mean", power, "kW"),
            Evidence("duration", episode.minutes, "min", self.parameters["min_minutes"]),
        )
