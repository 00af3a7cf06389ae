"""Where power or energy goes: main meter, boards, machines, other load. Pure: the shop in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.energy import EnergyAccount
from domain.plant import Site
from domain.quality import Quality
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages.overview_chart import day_bounds_us
from web_interface.pages.overview_view import machine_href, sum_kwh
from web_interface.services.live import MachineNow, ShopNow

Data = dict[str, Any]
NOW, SHIFT, DAY = "now", "shift", "day"  # power now; energy of the running shift; energy since the site's midnight
_REST_SHARE = 0.01  # of the feed: less than this is not worth a branch of its own
_REST_SHARE_KWH = 0.02  # the feed's energy is its mean power summed up, good to about this
_GAP_SHARE = 0.02  # of the period without the feed's power: more, and its energy is not known
_ESTIMATED_SHARE = 0.01  # of a machine's energy: from there on it is drawn as estimated
_WIDTH_US = 300_000_000


def flow(shop: ShopNow, site: Site, fmt: Format, of: str = NOW, day: Mapping[str, EnergyAccount] | None = None) -> Data:
    """Branches in kW (`of` now) or kWh (shift, day). `day`: account of the day by machine, None until it is known."""
    groups: dict[str, list[Data]] = {}
    for m in shop.machines:
        row = _power_row(m, fmt) if of == NOW else _energy_row(m, m.shift if of == SHIFT else (day or {}).get(m.machine.id), fmt)
        groups.setdefault(m.machine.board or m.machine.section, []).append(row)
    rows = [row for found in groups.values() for row in found]
    measured = shop.power_kw if of == NOW else fed_kwh(shop, site, _begin_us(shop, fmt, of))
    feed = measured
    if feed is None and of != NOW:
        feed = shop.shift_energy_kwh if of == SHIFT else _sum(rows)
    about = "≈\u00a0" if of != NOW and measured is not None else ""
    unit = fmt.unit("kW" if of == NOW else "kWh")
    for row in rows:
        row["share"] = fmt.percent(row["value"] / feed if feed else None, 0)
    return {
        "main": _node(t("flow.main", fmt.lang), f"{about}{fmt.number(feed, 0)}\u00a0{unit}", fmt),
        "groups": [
            {**_node(name, text := _board_text(found, fmt), fmt, f"{text}\u00a0{unit}"), "rows": found}
            for name, found in groups.items()
        ],
        "rest": None if of == DAY and day is None else _rest(rows, feed, about, unit, fmt),
        "words": _words(unit, fmt.lang),
        "empty": t("flow.empty", fmt.lang),
        "label": f"{t('flow.title', fmt.lang)}: {t(f'flow.{of}', fmt.lang)}",
    }


def _begin_us(shop: ShopNow, fmt: Format, of: str) -> int:
    midnight = day_bounds_us(shop.now_us, fmt)[0]
    return shop.shift.from_us if of == SHIFT and shop.shift is not None else midnight


def fed_kwh(shop: ShopNow, site: Site, from_us: int) -> float | None:
    """Energy through the main meter since `from_us`, kWh, from its means of 5 min.

    None without a main meter, where the day's means begin later (a night shift), or where too many of them are missing.
    """
    if not site.main_meter or not shop.power_trend or shop.power_trend[0][0] > from_us:
        return None
    inside = [(at, kw) for at, kw in shop.power_trend if from_us <= at < shop.now_us]
    missing = sum(kw is None for _, kw in inside[:-1])  # the running one may not have begun
    if not inside or missing > len(inside) * _GAP_SHARE:
        return None
    last_us, last_kw = inside[-1]
    running = max(0.0, 1 - (shop.now_us - last_us) / _WIDTH_US)  # the part of the running mean that is still to come
    return sum_kwh(inside, shop.now_us) - (last_kw or 0.0) * running * _WIDTH_US / 3.6e9


def _sum(rows: Sequence[Data]) -> float | None:
    return sum(r["value"] for r in rows) if any(not r["missing"] for r in rows) else None


def _rest(rows: Sequence[Data], feed: float | None, about: str, unit: str, fmt: Format) -> Data | None:
    """Other load: fed, but reaching no machine. A silent machine counts with its last known power.."""
    rest = (feed or 0.0) - sum(r["value"] for r in rows)
    if not feed or rest <= feed * (_REST_SHARE_KWH if about else _REST_SHARE):
        return None
    name, text = t("flow.rest", fmt.lang), f"{about}{fmt.number(rest, 0 if about else 1)}"
    return {**_node(name, f"{name} {text}", fmt, f"{text}\u00a0{unit}"), "value": round(rest, 1)}


def _node(name: str, text: str, fmt: Format, value: str = "") -> Data:
    """Name, what is drawn beside it, and both in words for who does not see the drawing."""
    return {"name": name, "text": text, "label": t("flow.node", fmt.lang, name=name, value=value or text)}


def _board_text(rows: Sequence[Data], fmt: Format) -> str:
    """The sum as its branches are drawn; with something estimated in it, about."""
    about = "≈\u00a0" if any((r["missing"] and r["value"]) or r["estimated"] for r in rows) else ""
    return about + fmt.number(sum(r["value"] for r in rows), 0)


def _power_row(m: MachineNow, fmt: Format) -> Data:
    """Power now; of a silent machine the last known one, said to be about."""
    if m.power_kw is None:
        known = "" if m.last_good_kw is None else f"≈\u00a0{fmt.number(m.last_good_kw, 1)}"
        return _row(m, known or fmt.number(None), m.last_good_kw, missing=True)
    doubtful = m.power_quality != Quality.GOOD
    return _row(m, ("≈\u00a0" if doubtful else "") + fmt.number(m.power_kw, 1), m.power_kw, estimated=doubtful)


def _energy_row(m: MachineNow, account: EnergyAccount | None, fmt: Format) -> Data:
    """Energy of a period; about, where a part of it is estimated."""
    kwh = account.energy_kwh if account is not None else None
    if account is None or kwh is None:
        return _row(m, fmt.number(None), None, missing=True)
    estimated = account.source == "integrated_power" or account.estimated_kwh > max(kwh * _ESTIMATED_SHARE, 0.05)
    return _row(m, ("≈\u00a0" if estimated else "") + fmt.number(kwh, 0), kwh, estimated=estimated)


def _row(m: MachineNow, text: str, value: float | None, *, missing: bool = False, estimated: bool = False) -> Data:
    return {
        "id": m.machine.id,
        "href": machine_href(m.machine.id),
        "name": m.machine.name,
        "text": text,
        "value": round(max(0.0, value or 0.0), 1),
        "state": m.state.value,
        "missing": missing,
        "estimated": estimated,
    }


def _words(unit: str, lang: str) -> Data:
    """How a branch is told to who does not see it: sentences that the browser fills in.

    With each new value the figure travels once, not three times.
    """
    leaf = t("flow.leaf", lang, name="{name}", value=f"{{text}}\u00a0{unit}", share="{share}")
    none = t("flow.leaf.none", lang, name="{name}")
    return {"leaf": leaf, "none": none, "estimated": t("flow.leaf.estimated", lang, words=leaf)}
