"""Alerts of one cause: three machines of a section that raise the same rule within seconds have one fault in common."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from analysis.alert_recorder import Occurrence
from domain.plant import Plant

TOGETHER_US = 10_000_000
FEWEST_MACHINES = 3


class CauseFinder:
    """Follows raises. A group is named "section:<section>:<rule>:<time of its first raise>"."""

    def __init__(self) -> None:
        self._section_of: dict[str, str] = {}
        self._recent: deque[tuple[int, str, str, Occurrence]] = deque()

    def apply(self, plant: Plant) -> None:
        """The plant changed."""
        self._section_of = {machine.id: machine.section for machine in plant.machines if machine.section}

    def raised(self, occurrence: Occurrence, time_us: int) -> Iterator[tuple[Occurrence, str]]:
        """Which occurrences belong to which group now, as far as that is news."""
        while self._recent and time_us - self._recent[0][0] > TOGETHER_US:
            self._recent.popleft()
        section = self._section_of.get(occurrence.alert.machine_id or "")
        if section is None:
            return
        rule = occurrence.alert.rule
        self._recent.append((time_us, section, rule, occurrence))
        alike = [entry for entry in self._recent if entry[1] == section and entry[2] == rule]
        if len({entry[3].alert.machine_id for entry in alike}) < FEWEST_MACHINES:
            return
        cause = next((e[3].alert.group for e in alike if e[3].alert.group), None) or f"section:{section}:{rule}:{alike[0][0]}"
        for _, _, _, member in alike:
            if member.alert.group is None and member.alert.state.is_active:
                yield member, cause
