"""Readings of one device become batches of samples, each judged.

What has to be done for a reading is compiled once per plan (found by the identity of Reading.points), so that a common
reading, all good and in range, costs one comparison a value and no object a value.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_processing.checks import Check, Counter, Frozen, Hampel, RateOfChange
from domain.plant import Device, Plant, Tag
from domain.plausible import LARGEST, noise_floor, plausible_range
from domain.profile import Point
from domain.quality import FIRST_BAD, Quality
from domain.quantity import Kind
from domain.sample import Batch, Reading, Sample, TagEvent, TagId, TextSample

EmitEvent = Callable[[TagEvent], None]

GOOD = int(Quality.GOOD)
OUT_OF_RANGE, NO_VALUE = int(Quality.OUT_OF_RANGE), int(Quality.NO_VALUE)
EVENT_PERIOD_US = 60_000_000  # the same kind of event of one tag at most once in that time: a mad device must not flood
MAX_PLANS = 64  # plans of one device kept compiled; partial reads of a back-off may make new tuples

Judge = Callable[[int, float], int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Compiled for one tuple of points. `rows`: (low, high, judges) a value in canonical units; `kept` picks the registered
    ones where some point is not registered, else None."""

    points: tuple[str, ...]
    tag_ids: tuple[TagId, ...]
    rows: tuple[tuple[float, float, tuple[Judge, ...]], ...]
    kept: tuple[int, ...] | None


class DeviceProcessor:
    """Turns the readings of one device into batches. State per tag lives here, not in the plans."""

    def __init__(self, device: Device, tags: Sequence[Tag], emit_event: EmitEvent) -> None:
        """`tags`: registered tags; those of other devices are ignored."""
        self.device = device
        self.rejected: Counts[str] = Counts()
        self._emit = emit_event
        self._tags = {tag.point: tag for tag in tags if tag.device_id == device.id}
        self._checks: dict[str, tuple[Check, ...]] = {}
        self._ranges: dict[str, tuple[float, float]] = {}
        self._counters: dict[TagId, Counter] = {}
        self._plans: dict[int, _Plan] = {}
        self._texts: dict[str, str] = {}
        self._last_event: dict[tuple[TagId, str], int] = {}
        for point in device.profile.points:
            tag = self._tags.get(point.tag)
            if tag is not None:
                self._checks[point.tag] = self._checks_of(point, tag)
                self._ranges[point.tag] = plausible_range(point, device.options)

    def process(self, reading: Reading) -> Batch:
        """Judge one reading. Values that are bad become None; uncertain ones keep what the device said."""
        plan = self._plans.get(id(reading.points))
        if plan is None or plan.points is not reading.points:
            plan = self._compile(reading.points)
        values, qualities = list(reading.values), list(reading.qualities)
        if plan.kept is not None:
            values, qualities = [values[i] for i in plan.kept], [qualities[i] for i in plan.kept]
            self.rejected["unregistered"] += len(plan.points) - len(plan.kept)
        time_us = reading.time_us
        for i, (low, high, judges) in enumerate(plan.rows):
            value = values[i]
            if value is None:
                if qualities[i] < FIRST_BAD:
                    qualities[i] = NO_VALUE
            elif low <= value <= high:
                for judge in judges:
                    found = judge(time_us, value)
                    if found and not qualities[i]:
                        qualities[i] = found
                if qualities[i] >= FIRST_BAD:
                    values[i] = None
            elif qualities[i] >= FIRST_BAD or not -LARGEST <= value <= LARGEST:
                values[i] = None
                if qualities[i] < FIRST_BAD:
                    qualities[i] = NO_VALUE
            else:
                qualities[i] = qualities[i] or OUT_OF_RANGE
        texts = self._changed_texts(reading) if reading.texts else ()
        return Batch(reading.device_id, time_us, plan.tag_ids, values, qualities, texts)

    def prime(self, sample: Sample) -> None:
        """Tell the last stored value of a counter, after a start."""
        counter = self._counters.get(sample.tag_id)
        if counter is not None and sample.value is not None:
            counter.prime(sample.time_us, sample.value)

    def knows(self, tags: Sequence[Tag]) -> bool:
        """Are these the very tags it was made for?"""
        return {tag.point: tag for tag in tags} == self._tags

    @property
    def counter_ids(self) -> Iterable[TagId]:
        """Tags whose growth it follows."""
        return self._counters.keys()

    def _compile(self, points: tuple[str, ...]) -> _Plan:
        kept = tuple(i for i, point in enumerate(points) if point in self._tags)
        named = [points[i] for i in kept]
        plan = _Plan(
            points,
            tuple(self._tags[point].id for point in named),
            tuple(
                (*self._ranges.get(point, (-LARGEST, LARGEST)), tuple(check.judge for check in self._checks.get(point, ())))
                for point in named
            ),
            None if len(kept) == len(points) else kept,
        )
        if len(self._plans) >= MAX_PLANS + len(self._tags):  # values with times of their own come one by one
            self._plans.clear()
        self._plans[id(points)] = plan  # the plan holds the tuple, so its id is not given to another
        return plan

    def _checks_of(self, point: Point, tag: Tag) -> tuple[Check, ...]:
        report = _Reporter(tag.id, self._emit, self._last_event)
        if point.kind is Kind.COUNTER:
            counter = self._counters[tag.id] = Counter(tag.counter_spec, report)
            return (counter,)
        checks: list[Check] = []
        if point.kind is Kind.GAUGE and tag.max_rate is not None:
            checks.append(RateOfChange(tag.max_rate))
        if point.spike:
            checks.append(Hampel(noise_floor(point, self.device.options), report))
        if point.frozen_after_s is not None:
            checks.append(Frozen(point.frozen_after_s))
        return tuple(checks)

    def _changed_texts(self, reading: Reading) -> tuple[TextSample, ...]:
        changed = []
        for point, text in reading.texts.items():
            tag = self._tags.get(point)
            if tag is not None and self._texts.get(point) != text:
                self._texts[point] = text
                changed.append(TextSample(tag.id, reading.time_us, text))
        return tuple(changed)


class _Reporter:
    """Makes events of one tag, the same kind at most once a minute."""

    __slots__ = ("_emit", "_last", "_tag_id")

    def __init__(self, tag_id: TagId, emit: EmitEvent, last: dict[tuple[TagId, str], int]) -> None:
        self._tag_id, self._emit, self._last = tag_id, emit, last

    def __call__(self, time_us: int, kind: str, detail: str) -> None:
        key = (self._tag_id, kind)
        last = self._last.get(key)
        if last is not None and 0 <= time_us - last < EVENT_PERIOD_US:
            return
        self._last[key] = time_us
        self._emit(TagEvent(self._tag_id, time_us, kind, detail))


class Processing:
    """All devices of the plant: picks the processor of a reading and counts for the books (read = kept + filtered + rejected).

    Nothing is filtered: every value that was read for a registered tag goes on.
    """

    def __init__(self, plant: Plant, tags: Sequence[Tag], emit_event: EmitEvent = lambda _event: None) -> None:
        self._emit = emit_event
        self._processors: dict[str, DeviceProcessor] = {}
        self._read = 0
        self._rejected: Counts[str] = Counts()
        self.apply(plant, tags)

    def apply(self, plant: Plant, tags: Sequence[Tag]) -> None:
        """The plant changed. Devices that did not keep the state of their checks; counts go on."""
        mine: dict[str, list[Tag]] = {}
        for tag in tags:
            mine.setdefault(tag.device_id, []).append(tag)
        processors = {}
        for device in plant.devices:
            known, own = self._processors.get(device.id), mine.get(device.id, [])
            if known is not None and known.device == device and known.knows(own):
                processors[device.id] = known
            else:
                processors[device.id] = DeviceProcessor(device, own, self._emit)
        for device_id, old in self._processors.items():
            if processors.get(device_id) is not old:
                self._rejected.update(old.rejected)
        self._processors = processors

    def process(self, reading: Reading) -> Batch | None:
        """The batch of a reading; None for a device that the plant does not (or no longer) have."""
        count = len(reading.points)
        self._read += count
        processor = self._processors.get(reading.device_id)
        if processor is None:
            self._rejected["unknown_device"] += count
            return None
        return processor.process(reading)

    def prime(self, samples: Iterable[Sample]) -> None:
        """Last stored values, after a start: counters go on from them."""
        owner = {tag_id: p for p in self._processors.values() for tag_id in p.counter_ids}
        for sample in samples:
            processor = owner.get(sample.tag_id)
            if processor is not None:
                processor.prime(sample)

    @property
    def read(self) -> int:
        """Values read since start."""
        return self._read

    @property
    def filtered(self) -> int:
        """Values left out on purpose: none."""
        return 0

    @property
    def rejected(self) -> Mapping[str, int]:
        """Values that could not go on, by reason: unknown_device, unregistered."""
        total = Counts(self._rejected)
        for processor in self._processors.values():
            total.update(processor.rejected)
        return dict(total)
