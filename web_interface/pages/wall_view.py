"""What a screen on the wall shows: power over its curve, tiles of machines, open alerts. Pure: the shop in, plain data out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from domain.alert import Alert, Priority
from domain.plant import Plant, Site
from domain.state import MachineState
from web_interface.components.marks import STATE_ORDER, priority_letter, priority_name, state_letter, state_name
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import overview_view as view
from web_interface.pages.overview_chart import day_bounds_us, top_kw
from web_interface.services.live import MachineNow, ShopNow

Data = dict[str, Any]
_HOUR_US = 3_600_000_000
_TICKS = 5  # at most: the labels are large


def shift_words(shop: ShopNow, fmt: Format) -> str:
    """Which shift runs and how long it still lasts."""
    if shop.shift is None:
        return t("wall.no_shift", fmt.lang)
    left = fmt.duration(max(0.0, (shop.shift.to_us - shop.now_us) / 1e6))
    return t("wall.shift", fmt.lang, name=shop.shift.name, left=left)


def window_us(shop: ShopNow, fmt: Format) -> tuple[int, int]:
    """What the curve spans, UTC microseconds: the running shift, or the site's day where no shift runs or it passes midnight.

    The shop knows its power of one day; a night shift would begin with an hour of nothing.
    """
    start, end = day_bounds_us(shop.now_us, fmt)
    shift = shop.shift
    return (shift.from_us, shift.to_us) if shift is not None and start <= shift.from_us and shift.to_us <= end else (start, end)


def power(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Power now, what is left of the contract in words, the curve of today over yesterday's."""
    kw, contract = shop.power_kw, site.contract_kw
    over = kw is not None and contract is not None and kw > contract
    note: list[list[str]] = []
    if kw is None:
        note = [[t("tile.power.none", fmt.lang), ""]]
    elif contract is None:
        note = [[t("tile.power.no_contract", fmt.lang), ""]]
    else:
        amount = f"{fmt.number(abs(contract - kw), 0)}\u00a0{fmt.unit('kW')}"
        note = [[t("wall.over" if over else "wall.reserve", fmt.lang) + " ", ""], [amount, "em-b"]]
    return {
        "name": t("tile.power", fmt.lang),
        "value": fmt.power(kw),
        "unit": fmt.unit("kW"),
        "over": over,
        "known": kw is not None,
        "note": note,
        "legend": {"today": t("chart.today.name", fmt.lang), "yesterday": t("chart.yesterday.name", fmt.lang)},
        "label": t("chart.power", fmt.lang),
        "curve": curve(shop, site, fmt),
    }


def curve(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Lines in per cent of the plot, x from the left, y from the bottom; a None breaks a line. `gaps`: [from %, width %]."""
    start, end = window_us(shop, fmt)
    top = top_kw(shop, site)[0]

    def x(at: int) -> float:
        return round((at - start) / (end - start) * 100, 2)

    def line(trend: Sequence[tuple[int, float | None]]) -> list[list[float | None]]:
        return [[x(at), None if kw is None else round(max(0.0, kw) / top * 100, 1)] for at, kw in trend if start <= at <= end]

    today = line([(at, kw) for at, kw in shop.power_trend if at <= shop.now_us])
    contract = site.contract_kw
    return {
        "today": today,
        "yesterday": line(shop.yesterday),
        "gaps": _gaps(today),
        "now": None if shop.power_kw is None else [x(shop.now_us), round(max(0.0, shop.power_kw) / top * 100, 1)],
        "contract": None
        if contract is None
        else {"y": round(contract / top * 100, 1), "text": t("wall.contract", fmt.lang, limit=fmt.value(contract, "kW", 0))},
        "ticks": [[x(at), _hour(at, end, fmt)] for at in _ticks(start, end)],
    }


def _gaps(line: Sequence[Sequence[float | None]]) -> list[list[float]]:
    """Stretches without a value between or after known ones."""
    found: list[list[float]] = []
    for (at, value), (after, _) in pairwise(line):
        if value is None and at is not None and after is not None:
            if found and abs(found[-1][0] + found[-1][1] - at) < 0.01:
                found[-1][1] = round(after - found[-1][0], 2)
            else:
                found.append([at, round(after - at, 2)])
    return found


def _ticks(start_us: int, end_us: int) -> Sequence[int]:
    """Both ends and whole hours between them, evenly spaced."""
    hours = max(1, round((end_us - start_us) / _HOUR_US))
    step = next((n for n in range(1, hours + 1) if hours % n == 0 and hours // n < _TICKS), hours)
    return [*range(start_us, end_us, step * _HOUR_US), end_us]


def _hour(at_us: int, end_us: int, fmt: Format) -> str:
    words = fmt.clock(at_us)
    return "24:00" if at_us == end_us and words == "00:00" else words


def machines(shop: ShopNow, fmt: Format) -> Data:
    """A tile a machine in the plant's order, and how many are in which state."""
    counts = {state: sum(m.state is state for m in shop.machines) for state in STATE_ORDER}
    return {
        "tiles": [tile(m, shop, fmt) for m in shop.machines],
        "counts": [[s.value, state_letter(s, fmt.lang), state_name(s, fmt.lang), counts[s]] for s in STATE_ORDER],
        "empty": t("machines.empty", fmt.lang),
        "label": t("machines.title", fmt.lang),
        "page": t("wall.page", fmt.lang, n="{n}", all="{all}"),
    }


def tile(m: MachineNow, shop: ShopNow, fmt: Format) -> Data:
    """One machine. A silent one shows no figure but since when it is silent; missing is never 0."""
    state = state_name(m.state, fmt.lang)
    silent = m.shown_kw is None
    since = fmt.duration((shop.now_us - m.state_since_us) / 1e6, coarse=True)
    return {
        "id": m.machine.id,
        "href": view.machine_href(m.machine.id),
        "name": m.machine.name,
        "state": m.state.value,
        "letter": state_letter(m.state, fmt.lang),
        "value": "" if silent else fmt.number(m.shown_kw, 1),
        "unit": fmt.unit("kW"),
        "silent": [state if m.state is MachineState.NO_DATA else "—", since] if silent else None,
        "label": f"{m.machine.name}: {state}, {fmt.value(m.shown_kw, 'kW', 1)}",
    }


def alerts(active: Sequence[Alert], plant: Plant, now_us: int, fmt: Format) -> Data:
    """The open alerts, the most urgent first, and how many of each priority."""
    shown = view.alerts(active, plant, now_us, fmt, may_acknowledge=False)
    keep = ("key", "priority", "letter", "prioName", "name", "when", "text", "open", "returned")
    return {
        "title": t("alerts.title", fmt.lang),
        "rows": [{key: row[key] for key in keep} for row in shown["rows"]],
        "counts": [
            [p.value, priority_letter(p, fmt.lang), priority_name(p, fmt.lang), sum(a.priority is p for a in active)]
            for p in Priority
        ],
        "empty": shown["empty"],
    }
