"""Inspection of parts: what was measured of one item between two triggers, and what is thought of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Outcome(Enum):
    """What is thought of an item. `NONE`: there is no verdict (yet)."""

    NONE = "none"
    GOOD = "good"
    REJECT = "reject"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`item`: its number. `score` 0 (as good as can be) to 1. `reasons`: the features that decided, the worst first.

    `model`: name and version, such as "limits 3"; empty without one.
    """

    item: int
    outcome: Outcome
    score: float = 0.0
    reasons: tuple[str, ...] = ()
    model: str = ""

    @classmethod
    def none(cls) -> Verdict:
        """No item was judged yet."""
        return cls(0, Outcome.NONE)


@dataclass(frozen=True, slots=True)
class InspectedItem:
    """One item of a device: everything that was read of it in (opened_us, closed_us], as features by name, and the verdict.

    `written_back`: None where that is not asked for, False where it came too late.
    """

    device_id: str
    number: int
    opened_us: int
    closed_us: int
    features: Mapping[str, float]
    verdict: Verdict
    written_back: bool | None = None
    label: Outcome = Outcome.NONE  # what a person says of it


Feedback = Callable[[Verdict, float], bool]
"""(verdict, seconds since the trigger) -> was it written back in time?"""


@dataclass(slots=True)
class VerdictDesk:
    """Where verdicts go: lines that write them back open a place for their devices."""

    _open: dict[str, Feedback] = field(default_factory=dict)

    def open(self, device_id: str, feedback: Feedback) -> Callable[[], None]:
        """From now on verdicts on items of this device go to `feedback`. Returns how to end that."""
        self._open[device_id] = feedback

        def end() -> None:
            if self._open.get(device_id) is feedback:
                del self._open[device_id]

        return end

    def hand_in(self, device_id: str, verdict: Verdict, took_s: float) -> bool | None:
        """None where nobody wants it."""
        feedback = self._open.get(device_id)
        return None if feedback is None else feedback(verdict, took_s)
