"""From a value as a protocol's library gives it (number, truth, text) to a point's value in its canonical unit. Pure."""

from __future__ import annotations

import math

from domain.profile import Point
from domain.quality import Quality
from domain.quantity import Kind, canonical_factor

LONGEST_TEXT = 500


class PointValue:
    """Compiled for one point: what its raw value means (raw * factor + offset). `text`: does the point travel as a text?"""

    __slots__ = ("_words", "factor", "offset", "point", "text")

    def __init__(self, point: Point) -> None:
        factor = canonical_factor(point.quantity, point.unit)
        self.point, self.text = point, point.kind is Kind.TEXT
        self.factor, self.offset = point.scale * factor, point.offset * factor
        self._words = {name.strip().casefold(): number for number, name in point.enum.items()}

    def number(self, raw: object) -> tuple[float | None, Quality]:
        """The value in the canonical unit. A word counts by the point's enum; what is no number is a decode error."""
        if isinstance(raw, bool):
            raw = int(raw)
        if isinstance(raw, str):
            word = self._words.get(raw.strip().casefold())
            if word is not None:
                return float(word), Quality.GOOD
            try:
                return self._finite(float(raw))
            except ValueError:
                return None, Quality.DECODE_ERROR if raw.strip() else Quality.NO_VALUE
        if raw is None:
            return None, Quality.NO_VALUE
        if not isinstance(raw, int | float):
            return None, Quality.DECODE_ERROR
        try:
            return self._finite(float(raw))
        except OverflowError:  # a whole number of any length, as JSON may hold
            return None, Quality.DECODE_ERROR

    def _finite(self, value: float) -> tuple[float | None, Quality]:
        scaled = value * self.factor + self.offset
        return (scaled, Quality.GOOD) if math.isfinite(scaled) else (None, Quality.NO_VALUE)

    def words(self, raw: object) -> str:
        """The text of a text point: of a number its name in the point's enum where it has one."""
        if isinstance(raw, bool):
            raw = int(raw)
        if isinstance(raw, int) and raw in self.point.enum:
            return self.point.enum[raw]
        text = "" if raw is None else str(raw)
        return "".join(char for char in text[:LONGEST_TEXT] if char.isprintable())
