"""A small trend of one tag for any page: points from history at the finest step that fits, ticks in the site's time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.plant import Tag
from domain.ports import Step
from domain.quality import FIRST_BAD
from domain.quantity import Kind
from domain.state import StateThresholds
from web_interface.format import Format
from web_interface.locale import t
from web_interface.services.trends import HistoryService

MINUTE_US = 60_000_000
RAW_LIMIT = 4000
TICK_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440)
UNIT_STYLE = {"color": "var(--text3)", "fontSize": 12, "fontFamily": "Inter", "align": "right", "padding": [0, 8, 0, 0]}
Points = list[list[float | None]]


def step_for(from_us: int, to_us: int, interval_s: float) -> Step:
    """The finest table that answers with at most some 1500 points."""
    seconds = (to_us - from_us) / 1e6
    if seconds / max(interval_s, 0.05) <= 2400:
        return Step.RAW
    return next((step for step in (Step.M1, Step.M15, Step.H1) if seconds / step.seconds <= 1500), Step.D1)


async def trend_points(history: HistoryService, tag: Tag, from_us: int, to_us: int) -> Points:
    """[[ms, value or None], ...]: a gap or a bad value breaks the line, it is never drawn through."""
    step = step_for(from_us, to_us, tag.interval_s)
    if step is Step.RAW and tag.kind is not Kind.COUNTER:
        series = await history.raw(tag.name, from_us, to_us, RAW_LIMIT)
        return _with_gaps(
            [
                (t, None if q >= FIRST_BAD else v)
                for t, v, q in zip(series.times_us, series.values, series.qualities, strict=True)
            ],
            round(tag.interval_s * 3.5e6),
        )
    step = Step.M1 if step is Step.RAW else step
    rows = (await history.rollup(tag.name, step, from_us, to_us)).rows
    return _with_gaps([(row.time_us, row.mean) for row in rows], round(step.seconds * 1.5e6))


def _with_gaps(values: Sequence[tuple[int, float | None]], longest_us: int) -> Points:
    points: Points = []
    last_us: int | None = None
    for time_us, value in values:
        if last_us is not None and time_us - last_us > longest_us:
            points.append([(last_us + longest_us // 2) / 1000, None])
        points.append([time_us / 1000, None if value is None else round(value, 4)])
        last_us = time_us
    return points


def time_ticks(from_us: int, to_us: int, fmt: Format, most: int = 8) -> list[list[Any]]:
    """[ms, label, number] at round minutes of the site's clock."""
    minutes = (to_us - from_us) / MINUTE_US
    step = next((s for s in TICK_STEPS_MIN if minutes / s <= most), TICK_STEPS_MIN[-1])
    local = fmt.local(from_us)
    into = local.hour * 60 + local.minute + local.second / 60
    first_us = from_us + round((-into % step) * MINUTE_US)
    seconds = step < 1
    return [
        [us // 1000, fmt.clock(us, seconds), number] for number, us in enumerate(range(first_us, to_us + 1, step * MINUTE_US))
    ]


def axis(values: Sequence[float | None], *, zero: bool, marks: Sequence[float | None] = ()) -> dict[str, float]:
    """Round ends and step for ECharts' value axis: three to five ticks; zero is kept where it means something."""
    known = [v for v in (*values, *marks) if v is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    span = max(high - low, abs(high) * 0.02, 1e-6)
    step = _round_up(span / 3)
    bottom = low // step * step
    ticks = max(1, -int(-(high - bottom) // step))
    return {"min": round(bottom, 9), "max": round(bottom + step * ticks, 9), "interval": step}


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** (len(f"{int(value)}") - 1) if value >= 1 else 1.0
    while power > value:
        power /= 10
    return next((power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= value * 0.999), power * 10)


def state_borders(states: StateThresholds | None, fmt: Format) -> dict[str, Any]:
    """The borders of a machine's states as dashed lines with their names: the line and the bars of states explain each other."""
    borders = {} if states is None else {"idle": states.idle_above_kw, "production": states.production_above_kw}
    label = {"position": "insideEndTop", "color": "var(--text3)", "fontSize": 11, "fontFamily": "Inter"}
    return {
        "silent": True, "symbol": "none", "label": label,
        "data": [{"yAxis": kw, "label": {"formatter": _border(state, kw, fmt)}} for state, kw in borders.items()],
        "lineStyle": {"color": "var(--text3)", "width": 1, "type": [4, 3]},
    }  # fmt: skip


def _border(state: str, kw: float, fmt: Format) -> str:
    """Простой от 1,28 кВт."""
    border = fmt.value(kw, "kW", 0 if kw == round(kw) else None)
    return t("machine.border", fmt.lang, state=t(f"state.{state}", fmt.lang), border=border)
