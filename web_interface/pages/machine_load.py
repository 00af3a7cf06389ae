"""How a machine was loaded in the last four weeks: hour by day, and how long it drew how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from domain.plant import Machine, Tag
from domain.ports import RollupRow, Step
from web_interface.components import LiveChart, Part, el, empty, facts
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.trend import UNIT_STYLE, axis, state_borders

Data = dict[str, Any]
DAYS, LEVELS, MOST_POINTS = 28, 7, 400
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class HeatMap(Part, component="../components/heat_map.js"):
    """Days by hours."""


@dataclass(frozen=True, slots=True)
class Duration:
    """`points`: (hours at this power or above, kW), falling; `known_h` of `asked_h` hours were measured."""

    points: Sequence[tuple[float, float]]
    max_kw: float
    mean_kw: float
    known_h: float
    asked_h: float

    def at_share(self, share: float) -> float:
        """Power that was drawn or exceeded in that share of the known time, kW."""
        return next((kw for hours, kw in self.points if hours >= share * self.known_h), self.points[-1][1])

    def hours_above(self, kw: float) -> float:
        """Time at that power or above, h."""
        return max((hours for hours, power in self.points if power >= kw), default=0.0)


def first_day(now_us: int, zone: ZoneInfo) -> date:
    """Of the days shown; today is the last."""
    return datetime.fromtimestamp(now_us / 1e6, zone).date() - timedelta(days=DAYS - 1)


def begin_of(day: date, zone: ZoneInfo) -> int:
    """UTC us."""
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1_000_000


def by_hour(rows: Sequence[RollupRow], zone: ZoneInfo) -> Mapping[tuple[date, int], float]:
    """Mean power (kW) by day and hour of the site's clock. The hour that autumn repeats is the mean of both."""
    found: dict[tuple[date, int], list[float]] = {}
    for row in rows:
        if row.mean is not None:
            local = datetime.fromtimestamp(row.time_us / 1e6, zone)
            found.setdefault((local.date(), local.hour), []).append(row.mean)
    return {key: sum(values) / len(values) for key, values in found.items()}


def heat(hours: Mapping[tuple[date, int], float], first: date, machine: Machine, fmt: Format) -> Data:
    """Data of the component; levels are equal steps up to the greatest hour."""
    top = max(hours.values(), default=0.0)

    def cell(day: date, hour: int) -> list[Any]:
        kw = hours.get((day, hour))
        name = f"{fmt.date(day)} {hour:02d}:00"
        if kw is None:
            return [None, f"{name}: {t('machine.heat.none', fmt.lang)}", ""]
        level = min(LEVELS - 1, int(max(kw, 0.0) / top * LEVELS)) if top > 0 else 0
        return [level, f"{name}: {fmt.value(kw, 'kW')}", fmt.significant(kw, 2, 1)]

    days = []
    for n in reversed(range(DAYS)):
        day = first + timedelta(days=n)
        query = {"tab": "machine", "machine": machine.id, "period": "custom", "at": day.isoformat(), "to": day.isoformat()}
        name = f"{t(f'calendar.day.{WEEKDAYS[day.weekday()]}', fmt.lang)} {fmt.date(day)[:5]}"
        label = t("machine.heat.open", fmt.lang, day=fmt.date(day))
        cells = [cell(day, hour) for hour in range(24)]
        days.append({"name": name, "href": "/energy?" + urlencode(query), "label": label, "cells": cells})
    scale = {"low": fmt.value(0.0, "kW", 0), "high": fmt.value(top, "kW"), "none": t("machine.heat.none", fmt.lang)}
    hour_names = [f"{hour:02d}" for hour in range(24)]
    return {"hours": hour_names, "days": days, "label": t("machine.heat.label", fmt.lang), "scale": scale}


def duration(rows: Sequence[RollupRow], width_s: int, asked_s: float) -> Duration | None:
    """Load duration curve of buckets of `width_s`; None without any measured one."""
    known = sorted((row.mean for row in rows if row.mean is not None), reverse=True)
    if not known:
        return None
    width_h = width_s / 3600
    every = max(1, len(known) // MOST_POINTS)
    places = sorted({*range(0, len(known), every), len(known) - 1})
    points = [((n + 1) * width_h, known[n]) for n in places]
    top = max((row.max for row in rows if row.max is not None), default=known[0])
    return Duration(points, top, sum(known) / len(known), len(known) * width_h, asked_s / 3600)


class LoadView:
    """Drawn into the present slot when its mode is chosen."""

    def __init__(self, page: shell.Page, machine: Machine, tag: Tag | None) -> None:
        self._page, self._machine, self._tag, self._fmt = page, machine, tag, page.viewer.fmt

    async def build(self, mode: str) -> None:
        """`mode` heat | duration."""
        zone = ZoneInfo(self._page.services.plant.plant.site.timezone)
        now_us = self._page.hub.shop().now_us
        first = first_day(now_us, zone)
        from_us = begin_of(first, zone)
        rows: Sequence[RollupRow] = ()
        step = Step.H1 if mode == "heat" else Step.M15
        if self._tag is not None:
            rows = (await self._page.services.history.rollup(self._tag.name, step, from_us, now_us)).rows
        if not any(row.mean is not None for row in rows):
            empty("schedule", self._page.t("machine.no_values"), self._page.t("machine.no_values.words"), testid="load-empty")
        elif mode == "heat":
            HeatMap(heat(by_hour(rows, zone), first, self._machine, self._fmt), "heat-map")
        else:
            self._build_duration(rows, step, (now_us - from_us) / 1e6)

    def _build_duration(self, rows: Sequence[RollupRow], step: Step, asked_s: float) -> None:
        found = duration(rows, step.seconds, asked_s)
        if found is None:
            return
        page, fmt = self._page, self._fmt
        with el("div", "em-duration"):
            LiveChart(self._options(found), self._view(found), testid="duration-chart")
            facts(self._facts(found), testid="duration-facts")
        words = page.t("machine.duration.note", known=fmt.number(found.known_h, 0), asked=fmt.number(found.asked_h, 0))
        el("p", "em-quiet", words)

    def _facts(self, found: Duration) -> list[tuple[str, str]]:
        page, fmt = self._page, self._fmt
        rows = [
            (page.t("machine.duration.max"), fmt.value(found.max_kw, "kW")),
            (page.t("machine.duration.mean"), fmt.value(found.mean_kw, "kW")),
            *((page.t("machine.duration.share", share=fmt.percent(share, 0)), fmt.value(found.at_share(share), "kW"))
              for share in (0.1, 0.5, 0.9)),
        ]  # fmt: skip
        states = self._machine.states
        if states is not None:
            border = fmt.value(states.production_above_kw, "kW")
            above = fmt.duration(found.hours_above(states.production_above_kw) * 3600, coarse=True)
            rows.append((page.t("machine.duration.above", border=border), above))
        return rows

    def _options(self, found: Duration) -> Data:
        states = self._machine.states
        borders = [] if states is None else [states.idle_above_kw, states.production_above_kw]
        data = [[0.0, found.points[0][1]], *([hours, kw] for hours, kw in found.points)]
        line = {
            "name": self._page.t("machine.chart.power"), "type": "line", "step": "start", "data": data, "symbol": "none",
            "lineStyle": {"color": "var(--s1)", "width": 2}, "itemStyle": {"color": "var(--s1)"},
            "areaStyle": {"color": "var(--s1)", "opacity": "var(--area)"}, "markLine": state_borders(states, self._fmt),
        }  # fmt: skip
        scale = axis([kw for _, kw in found.points], zero=True, marks=tuple(borders))
        named: Data = {**scale, "name": self._fmt.unit("kW"), "nameGap": 8, "nameTextStyle": UNIT_STYLE}
        return {"grid": {"left": 48, "right": 14, "top": 26, "bottom": 24}, "yAxis": named, "series": [line]}

    def _view(self, found: Duration) -> Data:
        page, eighth = self._page, found.known_h / 8
        step = max(1, round(eighth / 12)) * 12 if eighth > 6 else max(1, round(eighth))
        ticks = [[hours, self._fmt.value(float(hours), "h", 0)] for hours in range(0, int(found.known_h) + 1, step)]
        return {
            "ticks": ticks, "range": [0, found.known_h], "compact": None, "unit": self._fmt.unit("kW"), "digits": 1,
            "lang": page.lang, "along": self._fmt.unit("h"), "label": page.t("machine.history.duration"),
        }
