"""Rules that raise alerts: what is watched, over which part of the plant, how it is damped and when it is normal."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from domain.alert import Priority
from domain.state import MachineState


class RuleKind(Enum):
    """What a rule watches; the value that is compared with its borders stands in brackets.

    level [unit of the tag], rate [unit of the tag per `per`], deviation [% of the expected value], state [s in one of
    `states`], no_data [s without a usable value of the tag], communication [s without any answer of the device].
    """

    LEVEL = "level"
    RATE = "rate"
    DEVIATION = "deviation"
    STATE = "state"
    NO_DATA = "no_data"
    COMMUNICATION = "communication"

    @property
    def is_duration(self) -> bool:
        """Has it one border, `longer_than_s`?"""
        return self in {RuleKind.STATE, RuleKind.NO_DATA, RuleKind.COMMUNICATION}

    @property
    def needs_point(self) -> bool:
        """Does it watch a tag?"""
        return self not in {RuleKind.STATE, RuleKind.COMMUNICATION}


class ScopeKind(Enum):
    """Which subjects: one tag, a machine, all devices of a profile, all machines of a section, all machines of the site."""

    TAG = "tag"
    MACHINE = "machine"
    PROFILE = "profile"
    SECTION = "section"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Scope:
    """`name`: the tag, machine, profile or section ("" for the site). `point`: the tag within each device, "active_power"."""

    kind: ScopeKind
    name: str = ""
    point: str | None = None


class BaselineKind(Enum):
    """Where the expected value comes from: a constant, another tag, the tag's own median at the same hour, or another part."""

    CONSTANT = "constant"
    TAG = "tag"
    MEDIAN = "median"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Baseline:
    """`value` of a constant; `name` of a tag or model; `days` the median looks back (same hour of the day of the site)."""

    kind: BaselineKind
    value: float | None = None
    name: str = ""
    days: int = 14


PER_S: Mapping[str, int] = {"s": 1, "min": 60, "h": 3600}
"""Time unit of a rate -> its seconds."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule. Borders as in LimitRule, in the unit of the kind; None is not watched.

    `only_while`: normal (suppressed by design) unless the machine is in one of these states; `only_in_shifts`: normal
    unless one of these shifts runs ("*": any), None always watched. `message`: language -> words of its own.
    """

    id: str
    kind: RuleKind
    scope: Scope
    high: float | None = None
    critical_high: float | None = None
    low: float | None = None
    critical_low: float | None = None
    hysteresis: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    per: str = "min"  # rate: s | min | h
    over_s: float | None = None  # rate: taken over that long; None: one `per`, at least 5 scan intervals
    baseline: Baseline | None = None
    states: tuple[MachineState, ...] = ()
    longer_than_s: float | None = None
    only_while: frozenset[MachineState] = frozenset()
    only_in_shifts: tuple[str, ...] | None = None
    priority: Priority | None = None
    message: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True

    @property
    def version(self) -> str:
        """8 hex digits of what decides: alerts and rehearsals carry it."""
        base = self.baseline
        expected = None if base is None else [base.kind.value, base.value, base.name, base.days]
        decisive = [
            self.kind.value, self.scope.kind.value, self.scope.name, self.scope.point, self.high, self.critical_high, self.low,
            self.critical_low, self.hysteresis, self.on_delay_s, self.off_delay_s, self.per, self.over_s,
            expected, [state.value for state in self.states], self.longer_than_s,
            sorted(state.value for state in self.only_while), self.only_in_shifts,
        ]  # fmt: skip
        return f"{zlib.crc32(json.dumps(decisive).encode()):08x}"

    @property
    def borders(self) -> Mapping[str, float]:
        """Side -> border, of those that are watched."""
        if self.kind.is_duration:
            return {} if self.longer_than_s is None else {self.kind.value: self.longer_than_s}
        named = {"critical_high": self.critical_high, "high": self.high, "low": self.low, "critical_low": self.critical_low}
        return {side: border for side, border in named.items() if border is not None}
