"""What a source that speaks in typed values said about points, as a reading in canonical units.

For sources that bring numbers, truths and words instead of registers: messages, streams of a control, frames, plug-ins. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.plant import Device
from domain.profile import ModbusPoint, Point
from domain.quality import Quality
from domain.quantity import Kind, canonical_factor
from domain.sample import Reading

Raw = float | int | bool | str | None
"""As it came: None is "no value"."""

LONGEST_TEXT: Final = 255
NOTHING_SAID: Final = frozenset({"", "unavailable", "null", "none", "nan"})
"""Words that stand for "no value" where a number is expected; case apart."""
_TRUTHS: Final = {"true": 1.0, "on": 1.0, "false": 0.0, "off": 0.0}
_MOST_TUPLES: Final = 64
_GOOD, _NO_VALUE, _DECODE = int(Quality.GOOD), int(Quality.NO_VALUE), int(Quality.DECODE_ERROR)


class PointValue:
    """One point, compiled: turns what came into (value in canonical units, quality)."""

    __slots__ = ("_factor", "_offset", "_scale", "_words", "is_text", "point")

    def __init__(self, point: Point) -> None:
        self.point = point
        where = point.where
        self.is_text = point.kind is Kind.TEXT or (isinstance(where, ModbusPoint) and where.type == "string")
        self._factor = canonical_factor(point.quantity, point.unit)
        self._scale, self._offset = point.scale, point.offset
        self._words = {word.casefold(): float(number) for number, word in point.enum.items()}

    def number(self, raw: Raw) -> tuple[float | None, int]:
        """The value, or None with its reason: nothing said, or nothing that can be a number (DECODE_ERROR)."""
        if isinstance(raw, str):
            return self._word(raw)
        if raw is None:
            return None, _NO_VALUE
        try:
            value = (float(raw) * self._scale + self._offset) * self._factor
        except OverflowError:
            return None, _DECODE
        return (value, _GOOD) if math.isfinite(value) else (None, _NO_VALUE)

    def _word(self, raw: str) -> tuple[float | None, int]:
        """A word of the enumeration, a number in characters, a truth, or nothing."""
        text = raw.strip().casefold()
        if text in self._words:
            return self._words[text], _GOOD
        if text in NOTHING_SAID:
            return None, _NO_VALUE
        if text in _TRUTHS and not self._words:
            return self.number(_TRUTHS[text])
        try:
            number = float(text)
        except ValueError:
            return None, _DECODE
        return self.number(number)


def text_of(raw: Raw) -> str | None:
    """A text as it is kept: without control characters, at most 255 characters; None for "no value"."""
    if raw is None:
        return None
    if isinstance(raw, bool):
        return "1" if raw else "0"
    text = f"{raw:g}" if isinstance(raw, float) else str(raw)
    return "".join(c if c.isprintable() else " " for c in text[:LONGEST_TEXT]).strip()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A value that could not be used: which point, what came (shortened)."""

    point: str
    shown: str


class Assembler:
    """Makes a device's readings. The tuple of points is shared between readings that bring the same points."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.points = {point.tag: PointValue(point) for point in device.profile.points}
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}

    def reading(
        self, time_us: int, raws: Mapping[str, Raw], *, quality: Quality = Quality.GOOD, shown: Mapping[str, str] | None = None
    ) -> tuple[Reading | None, Sequence[Refusal]]:
        """One reading at `time_us` of what came, by tag; tags that are no points are left out. None when nothing is left.

        `quality` (uncertain) is given to what would be good. The refusals name values that are not what their point expects.
        """
        names: list[str] = []
        values: list[float | None] = []
        qualities: list[int] = []
        texts: dict[str, str] = {}
        refused: list[Refusal] = []
        for tag, raw in raws.items():
            point = self.points.get(tag)
            if point is None:
                continue
            if point.is_text:
                text = text_of(raw)
                if text is not None:
                    texts[tag] = text
                continue
            value, code = point.number(raw)
            if code == _DECODE:
                refused.append(Refusal(tag, repr(raw)[:60]))
            names.append(tag)
            values.append(value)
            qualities.append(code or int(quality))
        if not names and not texts:
            return None, refused
        return Reading(self.device.id, time_us, self._tuple(names), values, qualities, texts, shown or {}), refused

    def silent(self, time_us: int, quality: Quality) -> Reading | None:
        """All number points without value, for one reason: the source is gone."""
        names = [tag for tag, point in self.points.items() if not point.is_text]
        if not names:
            return None
        return Reading(self.device.id, time_us, self._tuple(names), (None,) * len(names), (int(quality),) * len(names))

    def _tuple(self, names: Sequence[str]) -> tuple[str, ...]:
        key = tuple(names)
        known = self._tuples.get(key)
        if known is None:
            if len(self._tuples) >= _MOST_TUPLES:
                self._tuples.clear()
            known = self._tuples[key] = key
        return known
