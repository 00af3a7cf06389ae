"""The fixed grid of polls of one line: what is due when. Pure; times are monotonic seconds.

All devices of a line share one wire, so their polls are laid one behind the other from the start of the cycle, the quick
ones first. What remains of the cycle is one idle stretch, and there a silent device may cost its time-out without making
any other late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.profile import Group

SLOW_S: Final = 60.0
DAILY_S: Final = 86400.0
BAD_TICK_S: Final = 1.0  # how often a device polled without pause reports that it is silent


def interval_of(group: Group, scan_s: float) -> float:
    """Nominal seconds between polls of a group."""
    return {Group.FAST: scan_s, Group.SLOW: max(SLOW_S, scan_s), Group.DAILY: DAILY_S}[group]


@dataclass(slots=True)
class Slot:
    """One group of one device (`index` on its line). `due` is the next grid point; `bad`: its last reading was bad as a whole."""

    index: int
    group: Group
    interval_s: float
    due: float = 0.0
    bad: bool = False
    skipped: int = 0
    limit_s: float = 30.0  # a read that takes longer hangs

    def advance(self, now_s: float) -> None:
        """Go to the next grid point. A late poll does not shift it; of several overdue points only the last is kept."""
        if self.interval_s <= 0:
            self.due = now_s
            return
        self.due += self.interval_s
        overdue = int((now_s - self.due) / self.interval_s)
        if overdue > 0:
            self.due += overdue * self.interval_s
            self.skipped += overdue

    def __lt__(self, other: Slot) -> bool:
        return self.due < other.due


def layout(durations_s: Sequence[float], cycle_s: float, reserve: float = 1.25) -> list[float]:
    """Offsets of the devices' polls within the shortest cycle, seconds; `durations_s` is what each poll takes.

    Back to back with some reserve, short ones first; evenly over the cycle when they do not fit.
    """
    order = sorted(range(len(durations_s)), key=lambda i: durations_s[i])
    offsets = [0.0] * len(durations_s)
    total = reserve * sum(durations_s)
    squeeze = 1.0 if total <= cycle_s or total <= 0 else max(cycle_s, 0.0) / total
    at = 0.0
    for i in order:
        offsets[i] = at
        at += reserve * durations_s[i] * squeeze
    return offsets
