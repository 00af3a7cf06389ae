"""Inspection of parts: what was measured of one item between two triggers, and what is thought of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from domain.camera import ItemPicture
from domain.inspection_reason import Reason


class Outcome(Enum):
    """What is thought of an item. `NONE`: there is no verdict (yet)."""

    NONE = "none"
    GOOD = "good"
    REJECT = "reject"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`item`: its number. `score` 0 (as good as can be) to 1. `reasons`: what decided, the worst first.

    `model`: name and version, such as "limits 3"; empty without one.
    """

    item: int
    outcome: Outcome
    score: float = 0.0
    reasons: tuple[Reason, ...] = ()
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
    picture: ItemPicture | None = None


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items of a device: closed in [from_us, to_us), with that outcome and label, numbered below `before`. None: any."""

    from_us: int | None = None
    to_us: int | None = None
    outcome: Outcome | None = None
    label: Outcome | None = None
    before: int | None = None

    def takes(self, item: InspectedItem) -> bool:
        """Is it one of them?"""
        return (
            (self.from_us is None or item.closed_us >= self.from_us) and (self.to_us is None or item.closed_us < self.to_us)
            and (self.outcome is None or item.verdict.outcome is self.outcome)
            and (self.label is None or item.label is self.label) and (self.before is None or item.number < self.before)
        )  # fmt: skip


EVERY_ITEM: Final = ItemFilter()


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """Items of a device that were closed in a window. `late`: verdicts that were not written back in time."""

    device_id: str
    items: int
    outcomes: Mapping[Outcome, int]
    labels: Mapping[Outcome, int]
    written_back: int
    late: int

    @classmethod
    def of(cls, device_id: str, groups: Sequence[tuple[Outcome, Outcome, bool | None, int]]) -> ItemCounts:
        """From numbers of items by (outcome, label, written back)."""
        outcomes, labels = dict.fromkeys(Outcome, 0), dict.fromkeys(Outcome, 0)
        for outcome, label, _, n in groups:
            outcomes[outcome] += n
            labels[label] += n
        written = {back: sum(n for _, _, b, n in groups if b is back) for back in (True, False)}
        return cls(device_id, sum(outcomes.values()), outcomes, labels, written[True], written[False])


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
        """With their pictures. An item that is there already stays as it is."""
        ...

    async def items(self, device_id: str, limit: int, chosen: ItemFilter = EVERY_ITEM) -> Sequence[InspectedItem]:
        """The newest, the newest first; pictures without their bytes."""
        ...

    async def counts(self, device_id: str, from_us: int, to_us: int) -> ItemCounts:
        """Of the items closed in [from_us, to_us)."""
        ...

    async def picture(self, device_id: str, number: int) -> ItemPicture | None:
        """With its bytes."""
        ...

    async def pictures(self, device_id: str, numbers: Sequence[int]) -> Mapping[int, bytes]:
        """The bytes of those that are kept, by number."""
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
    """One field of a pasted frame: its bytes as hex, its value as text, and why it could not be read.

    `error`: too_short, encoding, number; empty: it could be read.
    """

    tag: str
    raw: str
    value: str
    error: str
