"""Inspection of parts: what was measured of one item between two triggers, and what is thought of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


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


@dataclass(frozen=True, slots=True)
class QualityModel:
    """A version of what judges the items of a device; only one of a device is `active`. `document`: see analysis.inspection."""

    device_id: str
    version: int
    kind: str  # limits | distance | forest
    document: Mapping[str, object]
    items: int
    made_us: int
    author: str
    active: bool = False

    @property
    def name(self) -> str:
        """As verdicts show it."""
        return f"{self.kind} {self.version}"


class InspectionStore(Protocol):
    """Items are added and labelled; models are added and switched."""

    async def add_items(self, items: Sequence[InspectedItem]) -> None:
        """An item that is there already stays as it is."""
        ...

    async def items(self, device_id: str, limit: int) -> Sequence[InspectedItem]:
        """The newest, the newest first."""
        ...

    async def last_numbers(self) -> Mapping[str, int]:
        """Of the last item of each device."""
        ...

    async def label(self, device_id: str, number: int, label: Outcome) -> bool:
        """False where there is no such item."""
        ...

    async def add_model(self, model: QualityModel) -> None: ...
    async def models(self, device_id: str | None = None) -> Sequence[QualityModel]:
        """All versions, the newest first."""
        ...

    async def activate(self, device_id: str, version: int | None) -> None:
        """One version, or none."""
        ...


@dataclass(frozen=True, slots=True)
class FrameField:
    """One field of a pasted frame: its bytes as hex, its value as text, and why it could not be read (empty: it could)."""

    tag: str
    raw: str
    value: str
    error: str
