"""The last known state of one device whose far side speaks by itself, and readings made of it. Pure, but for its own state.

Each tag's times only grow: a value that comes with the time of an earlier one, or with none, gets the next microsecond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from data_collection.driver import Cost
from data_collection.values import PointValue
from domain.plant import Device
from domain.profile import Group
from domain.quality import FIRST_BAD, Quality
from domain.sample import Reading

MOST_SUBSETS: Final = 48  # processing keeps 64 plans a device compiled
NO_COST: Final = Cost(0, 0, 0.0)
DEFAULT_TIMEOUT_S: Final = 1.0
FUTURE_US: Final = 5_000_000  # a source's clock may be so far ahead before its times are not taken


@dataclass(slots=True)
class Seen:
    """What was last told of one point: `value` None when `quality` is bad, `text` of a text point."""

    time_us: int
    value: float | None
    quality: int
    text: str | None = None


class Picture:
    """Implements data_collection.driver.DevicePlan for a device that is told of, not asked."""

    def __init__(self, device: Device, timeout_s: float | None = None) -> None:
        self.device = device
        self.timeout_s = timeout_s or device.profile.quirks.timeout_s or DEFAULT_TIMEOUT_S
        self.faults: Counter[str] = Counter()
        self.heard_s: float | None = None  # monotonic: when anything of it was last heard
        self.values: Mapping[str, PointValue] = {point.tag: PointValue(point) for point in device.profile.points}
        self._groups = {
            group: tuple(p.tag for p in device.profile.points if p.group is group and not self.values[p.tag].text)
            for group in Group
        }
        self._texts = {
            group: tuple(p.tag for p in device.profile.points if p.group is group and self.values[p.tag].text) for group in Group
        }
        # values with times of their own come one by one
        self._singles: dict[tuple[str, ...], tuple[str, ...]] = {(tag,): (tag,) for tag in self.values}
        self._subsets: dict[tuple[str, ...], tuple[str, ...]] = {points: points for points in self._groups.values()}
        self._seen: dict[str, Seen] = {}

    def points(self, group: Group) -> tuple[str, ...]:
        """See DevicePlan."""
        return self._groups[group]

    def cost(self, group: Group) -> Cost:
        """Nothing is asked."""
        return NO_COST

    # ---- taking in ----

    def take(self, tag: str, raw: object, time_us: int, quality: Quality = Quality.GOOD) -> None:
        """One point was told: its raw value, when, and how good. Raises KeyError for a tag the device does not have."""
        meaning = self.values[tag]
        last = self._seen.get(tag)
        if last is not None and time_us <= last.time_us:
            time_us = last.time_us + 1
        if meaning.text:
            self._seen[tag] = Seen(time_us, None, int(quality), meaning.words(raw) if quality < FIRST_BAD else None)
            return
        value, found = (None, quality) if quality >= FIRST_BAD else meaning.number(raw)
        if found is Quality.DECODE_ERROR and quality < FIRST_BAD:
            self.faults["decode"] += 1
        self._seen[tag] = Seen(time_us, value, int(found if found >= FIRST_BAD else quality))

    def heard(self, now_s: float) -> None:
        """The far side gave a sign of life."""
        self.heard_s = now_s

    def silent(self, now_s: float, since_s: float) -> bool:
        """Has it said nothing for longer than two scan intervals and the timeout? `since_s`: begin of the connection."""
        last = since_s if self.heard_s is None else max(self.heard_s, since_s)
        return now_s - last > 2.0 * self.device.scan_s + self.timeout_s

    # ---- handing on ----

    def seen(self, tag: str) -> Seen | None:
        """What was last told of the tag."""
        return self._seen.get(tag)

    def readings(self, tags: Iterable[str]) -> list[Reading]:
        """What the tags (just taken in) show: one reading for each instant, in order."""
        at: dict[int, list[str]] = {}
        for tag in tags:
            at.setdefault(self._seen[tag].time_us, []).append(tag)
        return [self._made(time_us, at[time_us]) for time_us in sorted(at)]

    def confirmed(self, group: Group, time_us: int) -> Reading | None:
        """All points of a group as they still are at `time_us`; None where nothing was told yet or all is newer.

        A point that was never told has no value.
        """
        tags = self._groups[group]
        seen = [self._seen.get(tag) for tag in tags]
        if not any(seen) and not any(tag in self._seen for tag in self._texts[group]):
            return None
        newest = max((s.time_us for s in seen if s is not None), default=0)
        time_us = max(time_us, newest + 1) if newest - time_us < FUTURE_US else newest + 1
        for s in seen:
            if s is not None:
                s.time_us = time_us
        texts = {tag: s.text for tag in self._texts[group] if (s := self._seen.get(tag)) is not None and s.text is not None}
        return Reading(
            self.device.id, time_us, tags, [None if s is None else s.value for s in seen],
            [int(Quality.NO_VALUE) if s is None else s.quality for s in seen], texts,
        )

    def late(self, raws: Mapping[str, object], time_us: int, quality: Quality = Quality.GOOD) -> Reading:
        """A reading of values older than what is known, at their own time; what is known stays. Raises KeyError as `take`."""
        numbers = self._interned(tuple(tag for tag in raws if not self.values[tag].text))
        found = [self.values[tag].number(raws[tag]) for tag in numbers]
        return Reading(
            self.device.id, time_us, numbers, [value for value, _ in found], [int(reason or quality) for _, reason in found]
        )

    def still(self, group: Group, at_us: int) -> Reading | None:
        """Those points of a group that were last told before `at_us`, as they still are then; None where there are none."""
        tags = [tag for tag in self._groups[group] if (s := self._seen.get(tag)) is not None and s.time_us < at_us]
        texts = [tag for tag in self._texts[group] if (s := self._seen.get(tag)) is not None and s.time_us < at_us]
        for tag in (*tags, *texts):
            self._seen[tag].time_us = at_us
        return self._made(at_us, [*tags, *texts]) if tags or texts else None

    def forget(self) -> None:
        """The connection is over: nothing that was told before is vouched for."""
        self._seen = {tag: Seen(s.time_us, None, int(Quality.NO_COMMUNICATION)) for tag, s in self._seen.items()}
        self.heard_s = None

    def _made(self, time_us: int, tags: list[str]) -> Reading:
        numbers = self._interned(tuple(tag for tag in tags if not self.values[tag].text))
        seen = [self._seen[tag] for tag in numbers]
        texts = {tag: text for tag in tags if (text := self._seen[tag].text) is not None}
        return Reading(self.device.id, time_us, numbers, [s.value for s in seen], [s.quality for s in seen], texts)

    def _interned(self, points: tuple[str, ...]) -> tuple[str, ...]:
        """The same tuple for the same points: what is compiled for a reading is found by its identity."""
        known = self._singles.get(points) or self._subsets.get(points)
        if known is None:
            if len(self._subsets) >= MOST_SUBSETS:
                self._subsets = {tags: tags for tags in self._groups.values()}
            known = self._subsets[points] = points
        return known
