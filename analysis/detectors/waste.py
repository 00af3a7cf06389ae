"""When energy was wasted, by quarter hour: what a price by the hour of the day needs to know of a finding."""

from __future__ import annotations

from collections.abc import Iterable

from domain.finding import WasteSpan

QUARTER_US = 900_000_000
MOST_SPANS = 672  # a week around the clock; of longer waste the oldest stretches are told as one


class WasteTimes:
    """Grows in order of time. Its memory is plain JSON and stays below `MOST_SPANS` entries however long the waste lasts."""

    __slots__ = ("_spans",)

    def __init__(self, memory: Iterable[tuple[int, int, float]] = ()) -> None:
        self._spans = [(int(begin), int(end), float(kwh)) for begin, end, kwh in memory]

    def add(self, from_us: int, to_us: int, energy_kwh: float) -> None:
        """`energy_kwh` was wasted evenly over [from_us, to_us)."""
        at = from_us
        while at < to_us:
            end = min((at // QUARTER_US + 1) * QUARTER_US, to_us)
            self._add(at, end, energy_kwh * (end - at) / (to_us - from_us))
            at = end

    def _add(self, begin_us: int, end_us: int, kwh: float) -> None:
        last = self._spans[-1] if self._spans else None
        if last is not None and last[0] // QUARTER_US == begin_us // QUARTER_US:
            self._spans[-1] = (last[0], max(last[1], end_us), last[2] + kwh)
            return
        self._spans.append((begin_us, end_us, kwh))
        if len(self._spans) > MOST_SPANS:
            first, second = self._spans[:2]
            self._spans[:2] = [(first[0], second[1], first[2] + second[2])]

    def share(self, other: WasteTimes, energy_kwh: float) -> None:
        """`energy_kwh` was wasted over the times of `other`, in proportion to its energies."""
        total = sum(kwh for _, _, kwh in other._spans)
        for begin, end, kwh in other._spans if total > 0 else ():
            self.add(begin, end, energy_kwh * kwh / total)

    def spans(self) -> tuple[WasteSpan, ...]:
        """As findings carry it."""
        return tuple(WasteSpan(*span) for span in self._spans)

    def memory(self) -> list[tuple[int, int, float]]:
        """What the constructor takes."""
        return list(self._spans)
