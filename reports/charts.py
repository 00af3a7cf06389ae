"""Drawings of the reports as reportlab flowables: they stay readable in grey (patterns for states, direct labels)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from domain.state import MachineState
from reports.fonts import BOLD, REGULAR

INK = HexColor("#17202A")
INK2 = HexColor("#46535F")
LINE = HexColor("#DCE2E7")
BLUE = HexColor("#1B3A57")
AREA = HexColor("#DAE1E8")
TEAL = HexColor("#1E7D75")
AMBER = HexColor("#A9761A")
WHITE = HexColor("#FFFFFF")
RED = HexColor("#C8102E")
GREY = HexColor("#7C8994")

ORDER = (MachineState.PRODUCTION, MachineState.IDLE, MachineState.ALARM, MachineState.OFF, MachineState.NO_DATA)


def draw_state(canvas: Any, state: MachineState, x: float, y: float, width: float, height: float) -> None:
    """One state bar: solid production, hatched idle, red frame alarm, outlined off, back-hatched no data."""
    if width <= 0:
        return
    canvas.saveState()
    canvas.setLineWidth(0.6)
    if state is MachineState.PRODUCTION:
        canvas.setFillColor(TEAL)
        canvas.rect(x, y, width, height, stroke=0, fill=1)
    elif state is MachineState.ALARM:
        canvas.setStrokeColor(RED)
        canvas.setLineWidth(1.2)
        canvas.rect(x + 0.6, y + 0.6, max(width - 1.2, 0.2), height - 1.2, stroke=1, fill=0)
    elif state is MachineState.OFF:
        canvas.setStrokeColor(GREY)
        canvas.rect(x, y, width, height, stroke=1, fill=0)
    else:
        _hatched(canvas, state is MachineState.IDLE, x, y, width, height)
    canvas.restoreState()


def _hatched(canvas: Any, idle: bool, x: float, y: float, width: float, height: float) -> None:
    canvas.setStrokeColor(AMBER if idle else GREY)
    path = canvas.beginPath()
    path.rect(x, y, width, height)
    canvas.clipPath(path, stroke=0, fill=0)
    offset = -height
    while offset < width:
        if idle:
            canvas.line(x + offset, y, x + offset + height, y + height)
        else:
            canvas.line(x + offset, y + height, x + offset + height, y)
        offset += 4
    if not idle:
        canvas.setDash(2, 1.5)
    canvas.rect(x, y, width, height, stroke=1, fill=0)


class StateBar(Flowable):  # type: ignore[misc]  # reportlab has no types
    """Time by state of one machine, to scale: `seconds` over `total_s`."""

    def __init__(self, seconds: Mapping[MachineState, float], total_s: float, width: float, height: float = 9) -> None:
        super().__init__()
        self._seconds, self._total_s, self.width, self.height = seconds, total_s, width, height

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Own size, points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw on the canvas reportlab has set."""
        x = 0.0
        for state in ORDER:
            width = self.width * self._seconds.get(state, 0.0) / self._total_s if self._total_s else 0.0
            draw_state(self.canv, state, x, 0, width, self.height)
            x += width


class PowerChart(Flowable):  # type: ignore[misc]
    """Mean power of quarter hours as steps from zero, with contract line, mean and the greatest demand window named in place."""

    def __init__(
        self, points: Sequence[tuple[int, float | None]], from_us: int, to_us: int, *, width: float, height: float,
        contract_kw: float | None, labels: Mapping[str, str], clock: Callable[[int], str], number: Callable[[float], str],
        mean_kw: float | None, peak: tuple[int, float] | None, peak_min: int = 30,
    ) -> None:
        super().__init__()
        self.width, self.height = width, height
        self._points, self._from, self._to = points, from_us, to_us
        self._contract, self._labels, self._clock, self._number = contract_kw, labels, clock, number
        self._mean, self._peak, self._peak_us = mean_kw, peak, peak_min * 60_000_000
        known = [kw for _, kw in points if kw is not None]
        self._top, self._step = _scale(max([*known, contract_kw or 0.0, 1.0]))

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Own size, points."""
        return self.width, self.height

    def _x(self, time_us: int) -> float:
        left = 28.0
        clipped = min(max(time_us, self._from), self._to)
        return left + (self.width - left) * (clipped - self._from) / (self._to - self._from)

    def _y(self, kw: float) -> float:
        return 16 + (self.height - 26) * kw / self._top

    def draw(self) -> None:
        """Draw on the canvas reportlab has set."""
        self._grid()
        for run in _runs(self._points):
            self._area(run)
        if self._mean is not None:
            self._level(self._mean, self._labels["mean"], dashed=True)
        if self._contract is not None:
            self._level(self._contract, self._labels["contract"], dashed=False)
        if self._peak is not None:
            self._draw_peak(self._peak)

    def _grid(self) -> None:
        canvas = self.canv
        canvas.setFont(REGULAR, 8)
        level = 0.0
        while level <= self._top + 1e-9:
            y = self._y(level)
            canvas.setStrokeColor(INK2 if level == 0 else LINE)
            canvas.setLineWidth(0.5)
            canvas.line(28, y, self.width, y)
            canvas.setFillColor(INK2)
            canvas.drawRightString(22, y - 3, self._number(level))
            level += self._step
        hours = max(1, round((self._to - self._from) / 3.6e9))
        every = max(1, -(-hours // 8))
        if every > 6:  # whole days
            every = -(-every // 24) * 24
        for hour in range(0, hours + 1, every):
            time_us = self._from + hour * 3_600_000_000
            x = self._x(time_us)
            canvas.drawCentredString(min(max(x, 40), self.width - 14), 2, self._clock(time_us))

    def _area(self, run: Sequence[tuple[int, float]]) -> None:
        quarter = 900 * 1_000_000
        canvas = self.canv
        fill, edge = canvas.beginPath(), canvas.beginPath()
        fill.moveTo(self._x(run[0][0]), self._y(0))
        edge.moveTo(self._x(run[0][0]), self._y(run[0][1]))
        for time_us, kw in run:
            for path in (fill, edge):
                path.lineTo(self._x(time_us), self._y(kw))
                path.lineTo(self._x(time_us + quarter), self._y(kw))
        fill.lineTo(self._x(run[-1][0] + quarter), self._y(0))
        fill.close()
        canvas.setFillColor(AREA)
        canvas.drawPath(fill, stroke=0, fill=1)
        canvas.setStrokeColor(BLUE)
        canvas.setLineWidth(1.2)
        canvas.drawPath(edge, stroke=1, fill=0)

    def _level(self, kw: float, label: str, *, dashed: bool) -> None:
        canvas, y = self.canv, self._y(kw)
        canvas.saveState()
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(0.7 if dashed else 1.3)
        if dashed:
            canvas.setDash(4, 3)
        canvas.line(28, y, self.width, y)
        canvas.restoreState()
        if dashed:
            self._label(label, REGULAR, 46, y - 10)
        else:
            self._label(label, BOLD, self.width - canvas.stringWidth(label, BOLD, 8), y + 4)

    def _label(self, text: str, font: str, x: float, y: float) -> None:
        """Readable over whatever is drawn there."""
        canvas = self.canv
        canvas.setFillColor(WHITE)
        canvas.roundRect(x - 2, y - 2, canvas.stringWidth(text, font, 8) + 4, 9.5, 1.5, stroke=0, fill=1)
        canvas.setFillColor(INK)
        canvas.setFont(font, 8)
        canvas.drawString(x, y, text)

    def _draw_peak(self, peak: tuple[int, float]) -> None:
        canvas, (time_us, kw) = self.canv, peak
        left, right, y = self._x(time_us), self._x(time_us + self._peak_us), self._y(kw)
        canvas.setStrokeColor(INK)
        canvas.setLineWidth(2.4)
        canvas.line(left, y, right, y)
        text = self._labels["peak"]
        half = canvas.stringWidth(text, BOLD, 8) / 2
        middle = min(max((left + right) / 2, 30 + half), self.width - half)
        if self._contract is None or not y - 4 < self._y(self._contract) < y + 16:
            self._label(text, BOLD, middle - half, y + 6)
            return
        # no room below the contract's line: above it, left of the line's own name, with a stroke that leads there
        line = self._y(self._contract)
        middle = min(middle, self.width - canvas.stringWidth(self._labels["contract"], BOLD, 8) - 8 - half)
        foot = min((left + right) / 2, middle + half)
        canvas.setLineWidth(0.5)
        canvas.line(foot, min(y, line), foot, max(y, line) + 4)
        self._label(text, BOLD, middle - half, line + 4)


class DayBars(Flowable):  # type: ignore[misc]
    """One bar a day from zero: idling hatched at the foot, the rest solid; the highest is named. `bars`: (label, kWh, idle)."""

    def __init__(
        self, bars: Sequence[tuple[str, float | None, float]], *, width: float, height: float, number: Callable[[float], str]
    ) -> None:
        super().__init__()
        self.width, self.height, self._bars, self._number = width, height, bars, number
        self._top, self._step = _scale(max([kwh or 0.0 for _, kwh, _ in bars] + [0.1]))

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Own size, points."""
        return self.width, self.height

    def draw(self) -> None:
        """Draw on the canvas reportlab has set."""
        canvas, left = self.canv, 36.0
        canvas.setFont(REGULAR, 8)
        for at in range(4):
            y = self._y(at * self._step)
            canvas.setStrokeColor(INK2 if at == 0 else LINE)
            canvas.setLineWidth(0.5)
            canvas.line(left, y, self.width, y)
            canvas.setFillColor(INK2)
            canvas.drawRightString(left - 6, y - 3, self._number(at * self._step))
        wide = (self.width - left) / max(len(self._bars), 1)
        most = max((kwh or 0.0 for _, kwh, _ in self._bars), default=0.0)
        every = max(1, -(-28 // max(int(wide), 1)))
        for at, (label, kwh, idle) in enumerate(self._bars):
            x = left + at * wide
            self._bar(x + wide * 0.15, wide * 0.7, kwh, idle)
            canvas.setFillColor(INK2)
            canvas.setFont(REGULAR, 8)
            if at % every == 0:
                canvas.drawCentredString(x + wide / 2, 2, label)
            if kwh is not None and kwh == most > 0:
                canvas.setFillColor(INK)
                canvas.setFont(BOLD, 8)
                canvas.drawCentredString(min(max(x + wide / 2, left + 16), self.width - 16), self._y(kwh) + 3, self._number(kwh))

    def _y(self, kwh: float) -> float:
        return 14 + (self.height - 26) * kwh / self._top

    def _bar(self, x: float, wide: float, kwh: float | None, idle: float) -> None:
        if kwh is None:
            draw_state(self.canv, MachineState.NO_DATA, x, self._y(0), wide, 6)
            return
        foot = self._y(min(idle, kwh))
        if idle > 0:
            draw_state(self.canv, MachineState.IDLE, x, self._y(0), wide, foot - self._y(0))
        self.canv.setFillColor(BLUE)
        self.canv.rect(x, foot, wide, self._y(kwh) - foot, stroke=0, fill=1)


def _scale(top: float) -> tuple[float, float]:
    """A round top and step with three or four grid lines."""
    for exponent in range(-2, 7):
        for step in (1, 2, 3, 5, 6):
            size = step * 10.0**exponent
            if size * 3 >= top * 1.05:
                return size * 3, size
    return top, top / 3


def _runs(points: Sequence[tuple[int, float | None]]) -> list[list[tuple[int, float]]]:
    """Stretches without a gap: a gap stays empty."""
    runs: list[list[tuple[int, float]]] = [[]]
    for time_us, kw in points:
        if kw is None:
            runs.append([])
        else:
            runs[-1].append((time_us, kw))
    return [run for run in runs if run]
