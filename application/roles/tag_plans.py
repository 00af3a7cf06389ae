"""Names in messages to the numbers of tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.sample import Batch, Reading, TagId, TextSample

Plan = tuple[tuple[int, ...] | None, tuple[TagId, ...]]
"""Which of the points are registered, None for all; their numbers."""


class TagPlans:
    """Equal messages give batches with the very same tuple of numbers, so that what is compiled for it is found again."""

    def __init__(self) -> None:
        self._ids: Mapping[str, TagId] = {}
        self._plans: dict[tuple[str, tuple[str, ...]], Plan] = {}

    def replace(self, ids: Mapping[str, TagId]) -> None:
        """The registered tags by name."""
        self._ids = ids
        self._plans.clear()

    def number(self, name: str) -> TagId | None:
        return self._ids.get(name)

    def batch(self, reading: Reading, missing: Callable[[str], None]) -> tuple[Batch, int]:
        """The reading with numbers, and how many of its values have none: their names go to `missing`."""
        device = reading.device_id
        kept, ids = self._plan(device, reading.points)
        values, qualities = reading.values, reading.qualities
        if kept is not None:
            for index in set(range(len(reading.points))) - set(kept):
                missing(f"{device}.{reading.points[index]}")
            values, qualities = [values[i] for i in kept], [qualities[i] for i in kept]
        texts = []
        for point, text in reading.texts.items():
            number = self._ids.get(f"{device}.{point}")
            if number is None:
                missing(f"{device}.{point}")
            else:
                texts.append(TextSample(number, reading.time_us, text))
        return Batch(device, reading.time_us, ids, values, qualities, tuple(texts)), len(reading.points) - len(ids)

    def _plan(self, device: str, points: tuple[str, ...]) -> Plan:
        found = self._plans.get((device, points))
        if found is None:
            ids = [self._ids.get(f"{device}.{point}") for point in points]
            kept = tuple(index for index, number in enumerate(ids) if number is not None)
            known = tuple(number for number in ids if number is not None)
            found = self._plans[device, points] = (None if len(kept) == len(points) else kept, known)
        return found
