"""The power chart of the overview: today over yesterday, the contract, the shift; what ECharts gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from domain.plant import Site
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages.overview_view import points_ms, sum_kwh
from web_interface.services.live import ShopNow

Data = dict[str, Any]
HOUR_US = 3_600_000_000
TODAY, YESTERDAY, NOW = 0, 1, 2  # order of the series
_LABELS_MEET_US = 3 * HOUR_US  # a shift that begins so early has its name where the contract has its label


def day_bounds_us(now_us: int, fmt: Format) -> tuple[int, int]:
    """The site's day around `now_us`, UTC microseconds; 23 or 25 hours long when the clock changes."""
    start = datetime.combine(fmt.local(now_us).date(), time(), fmt.zone)
    end = datetime.combine(start.date() + timedelta(days=1), time(), fmt.zone)
    return round(start.timestamp() * 1e6), round(end.timestamp() * 1e6)


def chart_series(shop: ShopNow) -> dict[int, list[Any]]:
    """Points of each series; the dot of now carries its value."""
    now = [] if shop.power_kw is None else [[shop.now_us // 1_000_000 * 1000, round(shop.power_kw)]]
    return {TODAY: points_ms(shop.power_trend), YESTERDAY: points_ms(shop.yesterday), NOW: now}


def series_changes(old: Mapping[int, Sequence[Any]], new: Mapping[int, Sequence[Any]]) -> Data:
    """What the browser needs to get from `old` to `new`: points to push where only the end grew, else whole series to set."""
    push: list[list[Any]] = []
    anew: dict[str, Sequence[Any]] = {}
    for i, points in new.items():
        before = old.get(i, [])
        kept = max(0, len(before) - 1)
        if points == before:
            continue
        if (
            i != NOW
            and kept
            and len(points) >= len(before)
            and points[:kept] == before[:kept]
            and points[kept][0] == before[kept][0]
        ):
            push += [[i, *point] for point in points[kept:]]
        else:
            anew[str(i)] = points
    return ({"push": push} if push else {}) | ({"set": anew} if anew else {})


def top_kw(shop: ShopNow, site: Site) -> tuple[float, float]:
    """Top of the power axis and the step of its ticks: three to five round steps over all that is drawn."""
    known = [v for _, v in (*shop.power_trend, *shop.yesterday) if v is not None]
    highest = max([*known, site.contract_kw or 0.0, shop.power_kw or 0.0, 1.0]) * 1.06
    steps = (base * 10.0**power for power in range(-1, 6) for base in (1, 2, 3, 4, 5, 6, 8))
    fitting = [(math.ceil(highest / step) * step, step) for step in steps if 2 < math.ceil(highest / step) <= 5]
    return min(fitting, default=(highest, highest / 4))


def chart_view(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Ranges and ticks in the site's time."""
    start, end = day_bounds_us(shop.now_us, fmt)
    ticks = [[us // 1000, fmt.clock(us), round((us - start) / HOUR_US)] for us in range(start, end, HOUR_US)]
    ticks.append([end // 1000, "24:00", round((end - start) / HOUR_US)])
    compact = [shop.shift.from_us // 1000, shop.shift.to_us // 1000] if shop.shift else None
    return {
        "ticks": ticks,
        "range": [start // 1000, end // 1000],
        "compact": compact,
        "unit": fmt.unit("kW"),
        "digits": 0,
        "lang": fmt.lang,
        "zone": site.timezone,
        "label": t("chart.power", fmt.lang),
        "avoid": site.contract_kw,
    }


def legend_words(shop: ShopNow, fmt: Format) -> dict[str, str]:
    """The legend carries the sums, yesterday's up to the same minute."""
    known = {"today": shop.power_trend, "yesterday": shop.yesterday}
    sums = {key: sum_kwh(trend, shop.now_us) if any(v is not None for _, v in trend) else None for key, trend in known.items()}
    return {key: t(f"chart.{key}", fmt.lang, energy=_energy(kwh, fmt)) for key, kwh in sums.items()}


def gaps(shop: ShopNow, fmt: Format) -> list[Data]:
    """Stretches of today without any value, for the hatch of missing data: from, to (ms) and how long."""
    found: list[Data] = []
    start: int | None = None
    for at, value in (*shop.power_trend, (shop.now_us, shop.power_kw)):
        if value is None and start is None:
            start = at
        elif value is not None and start is not None:
            found.append(_gap(start, at, fmt))
            start = None
    return [*found, _gap(start, shop.now_us, fmt)] if start is not None and start < shop.now_us else found


def _gap(start_us: int, end_us: int, fmt: Format) -> Data:
    words = t("chart.gap", fmt.lang, duration=fmt.duration((end_us - start_us) / 1e6))
    return {"from": start_us // 1000, "to": end_us // 1000, "name": words if end_us - start_us >= 2 * HOUR_US else ""}


def gap_area(found: Sequence[Data]) -> Data:
    """The gaps as a mark area of the series of now."""
    return {
        "silent": True,
        "itemStyle": {"color": "hatch(--st-nodata)"},
        "label": {
            "position": "inside",
            "color": "var(--text2)",
            "fontSize": 12,
            "lineHeight": 16,
            "fontFamily": "Inter",
            "backgroundColor": "var(--surface)",
            "padding": [2, 4],
        },
        "data": [[{"xAxis": gap["from"], "name": gap["name"]}, {"xAxis": gap["to"]}] for gap in found],
    }


def _energy(kwh: float | None, fmt: Format) -> str:
    """A day's energy reads in MWh from 100 kWh on."""
    value, unit = (fmt.number(kwh / 1000, 2), fmt.unit("MWh")) if kwh is not None and 100 <= kwh < 10_000 else fmt.energy(kwh)
    return f"{value}\u00a0{unit}"


def chart_options(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """ECharts options; colours are tokens that the browser fills in."""
    points = chart_series(shop)
    top, step = top_kw(shop, site)
    now_words = t("chart.now", fmt.lang, value="{@[1]}")
    return {
        "grid": {"left": 44, "right": 14, "top": 14, "bottom": 24},
        "xAxis": {},
        "yAxis": {"min": 0, "max": top, "interval": step},
        "series": [
            {
                "name": t("chart.today.name", fmt.lang),
                "type": "line",
                "data": points[TODAY],
                "symbol": "none",
                "z": 4,
                "sampling": "lttb",
                "connectNulls": False,
                "lineStyle": {"color": "var(--s1)", "width": 2.2},
                "itemStyle": {"color": "var(--s1)"},
                "areaStyle": {"color": "var(--s1)", "opacity": "var(--area)"},
                "markLine": _contract(site, fmt),
                "markArea": _shift(shop, fmt),
            },
            {
                "name": t("chart.yesterday.name", fmt.lang),
                "type": "line",
                "data": points[YESTERDAY],
                "symbol": "none",
                "z": 3,
                "sampling": "lttb",
                "connectNulls": False,
                "lineStyle": {"color": "var(--text3)", "width": 1.5, "type": [4, 3]},
                "itemStyle": {"color": "var(--text3)"},
            },
            {
                "name": "_now",
                "type": "scatter",
                "data": points[NOW],
                "symbolSize": 8,
                "z": 6,
                "silent": True,
                "markArea": gap_area(gaps(shop, fmt)),
                "itemStyle": {"color": "var(--s1)", "opacity": 1, "borderColor": "var(--surface)", "borderWidth": 1.5},
                "label": {
                    "show": True,
                    "position": "right",
                    "distance": 10,
                    "formatter": now_words,
                    "color": "var(--s1)",
                    "fontSize": 13,
                    "fontWeight": 600,
                    "fontFamily": "Inter",
                    "backgroundColor": "var(--surface)",
                    "padding": [2, 4],
                },
            },
        ],
    }


def narrow_options(fmt: Format) -> Data:
    """What a phone's chart does otherwise: no axis of power, the contract's name at the right, no words beside the dot."""
    quiet = {"markLine": {"label": {"position": "insideEndTop"}}, "markArea": {"label": {"show": False}}}
    return {
        "grid": {"left": 14, "right": 14, "top": 8, "bottom": 24},
        "yAxis": {"axisLabel": {"show": False}, "axisLine": {"show": False}, "splitLine": {"show": False}},
        "series": [quiet, {}, {"label": {"show": False}}],
    }


def _contract(site: Site, fmt: Format) -> Data:
    if site.contract_kw is None:
        return {"data": []}
    label = {
        "position": "insideStartTop",
        "formatter": t("chart.contract", fmt.lang, limit=fmt.number(site.contract_kw, 0)),
        "color": "var(--text)",
        "fontSize": 12,
        "fontWeight": 600,
        "fontFamily": "Inter",
        "distance": [6, 5],
    }
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": "var(--text)", "width": 1.5, "type": "solid"},
        "label": label,
        "data": [{"yAxis": site.contract_kw}],
    }


def _shift(shop: ShopNow, fmt: Format) -> Data:
    if shop.shift is None:
        return {"data": []}
    first_hours = shop.shift.from_us - day_bounds_us(shop.now_us, fmt)[0] < _LABELS_MEET_US
    position = "insideTopRight" if first_hours else "insideTop"  # the contract's label stands at the left
    label = {"position": position, "color": "var(--text3)", "fontSize": 12, "fontFamily": "Inter", "distance": 4}
    return {
        "silent": True,
        "itemStyle": {"color": "var(--shift-tint)"},
        "label": label,
        "data": [
            [
                {"xAxis": shop.shift.from_us // 1000, "name": t("chart.shift", fmt.lang, name=shop.shift.name)},
                {"xAxis": shop.shift.to_us // 1000},
            ]
        ],
    }
