"""The six KPI tiles of the overview as plain data: figure, bar or spark, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.efficiency import DEFAULT_CARD
from domain.energy import ShiftWindow
from domain.plant import Site
from domain.state import MachineState
from web_interface.components.marks import STATE_ORDER, state_letter, state_name
from web_interface.format import Format
from web_interface.locale import t
from web_interface.services.live import MachineNow, ShopNow

Data = dict[str, Any]
_STEADY = 0.005  # a delta under half a per cent is "on plan"
_EARLY = 0.05  # of a shift: before that no forecast
_LONG_WORD = 10  # letters: a word from this length on leaves a narrow tile no room for what is compared
_HEADROOM = 1.125  # scale of the power bar over the contract: the contract's tick stands at 89 %


def tiles(shop: ShopNow, site: Site, fmt: Format) -> Mapping[str, Data]:
    """Data of each tile by its name."""
    return {
        "power": power_tile(shop, site, fmt),
        "energy": energy_tile(shop, site, fmt),
        "cost": cost_tile(shop, site, fmt),
        "kef": kef_tile(shop, site, fmt),
        "states": states_tile(shop, fmt),
        "data": data_tile(shop, fmt),
    }


def elapsed_share(shift: ShiftWindow | None, now_us: int) -> float:
    """Share of the running shift that is over, 0..1."""
    if shift is None or shift.to_us <= shift.from_us:
        return 0.0
    return min(1.0, max(0.0, (now_us - shift.from_us) / (shift.to_us - shift.from_us)))


def _bar(fill: float, target: float | None = None, forecast: float | None = None, tone: str = "normal") -> Data:
    """Shares of the full width, as per cent of it; beyond the end is drawn at the end."""
    end = min(1.0, max(0.0, fill))
    return {
        "fill": _percent(end),
        "target": None if target is None else _percent(min(0.985, max(0.0, target))),
        "from": _percent(end),
        "to": _percent(max(end, min(1.0, forecast or 0.0))),
        "tone": tone,
    }


def _percent(share: float) -> float:
    return round(share * 100, 1)


def power_tile(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Power now against the contract."""
    kw, contract = shop.power_kw, site.contract_kw
    tile: Data = {"name": t("tile.power", fmt.lang), "value": fmt.power(kw), "unit": fmt.unit("kW"), "bar": None, "aside": []}
    tile["full"] = fmt.value(kw, "kW", 2)
    tile["stale"] = None if kw is not None else [[t("tile.power.none", fmt.lang), ""]]
    tile["letter"] = state_letter(MachineState.NO_DATA, fmt.lang)
    if contract is None:
        tile["note"] = [[t("tile.power.no_contract", fmt.lang), "em-quiet"]]
        return tile
    reserve = None if kw is None else contract - kw
    over = reserve is not None and reserve < 0
    scale = max(contract * _HEADROOM, kw or 0.0)
    tile["bar"] = _bar((kw or 0.0) / scale, contract / scale, tone="over" if over else "normal")
    words = t("tile.power.over" if over else "tile.power.reserve", fmt.lang)
    amount = fmt.number(None if reserve is None else abs(reserve), 0)
    tile["note"] = [
        [t("tile.power.contract", fmt.lang, limit=fmt.number(contract, 0)), ""],
        [f" · {words} ", "em-alarm" if over else ""],
        [amount, "em-b em-alarm" if over else "em-b"],
    ]
    tile["aside"] = [[f"{words} ", ""], [f"{amount}\u00a0{fmt.unit('kW')}", "em-b"]]
    return tile


def energy_tile(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Energy of the shift against the part of the plan that is due by now."""
    kwh, plan, share = shop.shift_energy_kwh, site.shift_plan_kwh, elapsed_share(shop.shift, shop.now_us)
    value, unit = fmt.energy(kwh)
    name = t(_named("tile.energy", shop), fmt.lang)
    tile: Data = {"name": name, "value": value, "unit": unit, "full": fmt.value(kwh, "kWh", 2), "bar": None}
    if plan is None or kwh is None:
        words = "tile.energy.no_plan" if plan is None else "tile.energy.none"
        tile["note"] = [[t(words, fmt.lang), "em-quiet"]]
        return tile
    forecast = kwh / share if share > _EARLY else None
    scale = max(plan, forecast or 0.0, kwh) * 1.04 or 1.0
    tile["bar"] = _bar(kwh / scale, plan * share / scale, None if forecast is None else forecast / scale)
    if share <= _EARLY:  # against next to nothing any difference is a wild percentage
        tile["note"] = [[t("tile.energy.early", fmt.lang, plan=fmt.value(plan, "kWh", 0)), ""]]
        return tile
    tile["note"] = _against_plan(kwh / (plan * share) - 1, fmt)
    return tile


def _against_plan(delta: float, fmt: Format) -> list[list[str]]:
    if abs(delta) < _STEADY:
        return [[t("tile.energy.on_plan", fmt.lang), ""]]
    tone = "em-good" if delta < 0 else "em-alarm"
    sign = "▼" if delta < 0 else "▲"
    words = t("tile.energy.saving" if delta < 0 else "tile.energy.excess", fmt.lang)
    return [
        [f"{sign}\u00a0{fmt.percent(abs(delta), 1 if abs(delta) < 0.1 else 0)}", f"em-b {tone}"],
        *_compared_with(t("tile.energy.to_plan", fmt.lang), words),
        [words, f"em-b {tone}"],
    ]


def _compared_with(what: str, meaning: str) -> list[list[str]]:
    """What stands between a delta and the word of its meaning: in a narrow tile a dot, sooner beside a long word."""
    return [[f" {what} ", "em-spare" if len(meaning) < _LONG_WORD else "em-spare-soon"], [" · ", "em-instead"]]


def cost_tile(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Cost of the shift and where it is heading."""
    cost, share = shop.shift_cost, elapsed_share(shop.shift, shop.now_us)
    tile: Data = {"name": t(_named("tile.cost", shop), fmt.lang), "bar": None}
    tile["full"] = f"{fmt.number(cost, 2)}\u00a0{site.currency}"
    tile["value"], tile["unit"] = fmt.money(cost)
    if cost is None:
        words = "tile.cost.no_tariff" if shop.shift_price.so_far is None else "tile.energy.none"
        tile["note"] = [[t(words, fmt.lang), "em-quiet"]]
        return tile
    price, ahead = shop.shift_price.whole, shop.shift_price.ahead
    plan = site.shift_plan_kwh * price if site.shift_plan_kwh and price else None
    forecast = None
    if share > _EARLY and shop.shift_energy_kwh is not None and ahead is not None:  # the rest at the prices of its own hours
        forecast = cost + shop.shift_energy_kwh * (1 / share - 1) * ahead
    largest = max(plan or 0.0, forecast or 0.0, cost)
    tile["value"], tile["unit"] = fmt.money(cost, largest)  # one unit for all three
    scale = largest * 1.04 or 1.0
    tile["bar"] = _bar(
        cost / scale, None if plan is None else plan * share / scale, None if forecast is None else forecast / scale
    )
    note: list[list[str]] = []
    if forecast is not None:
        note += [[t("tile.cost.forecast", fmt.lang) + " ", ""], [f"≈\u00a0{fmt.money(forecast, largest)[0]}", "em-b"]]
    if plan is not None:
        note += [[(", " if note else "") + t("tile.cost.plan", fmt.lang, plan=fmt.money(plan, largest)[0]), ""]]
    tile["note"] = note
    return tile


def kef_tile(shop: ShopNow, site: Site, fmt: Format) -> Data:
    """Efficiency of the shift (card K1) with its course against the target."""
    kef = shop.kef.value if shop.kef else None
    target = site.kef_target
    name = t(_named("tile.kef", shop), fmt.lang)
    tile: Data = {"name": name, "value": fmt.kef(kef), "unit": "", "help": kef_help(shop, fmt)}
    tile["spark"] = kef_spark(shop, target)
    if kef is None or target is None:
        words = "tile.kef.none" if kef is None else "tile.kef.no_target"
        tile["note"] = [[t(words, fmt.lang), "em-quiet"]]
        return tile
    delta = round(kef, 2) - round(target, 2)
    if round(abs(delta), 2) == 0:
        tile["note"] = [[t("tile.kef.at_target", fmt.lang, target=fmt.kef(target)), ""]]
        return tile
    tone = "em-good" if delta > 0 else "em-alarm"
    meaning = t("tile.kef.better" if delta > 0 else "tile.kef.worse", fmt.lang)
    tile["note"] = [
        [fmt.signed(delta, 2), f"em-b {tone}"],
        *_compared_with(t("tile.kef.to_target", fmt.lang, target=fmt.kef(target)), meaning),
        [meaning, f"em-b {tone}"],
    ]
    return tile


def kef_help(shop: ShopNow, fmt: Format) -> str:
    """Which card the figure is; K1 also stands for a shop whose machines have different cards."""
    card = shop.kef.card if shop.kef is not None else DEFAULT_CARD
    own = {m.kef.card for m in shop.machines if m.kef is not None}
    if card != DEFAULT_CARD:
        return t(f"figure.kef.{card}", fmt.lang)
    return t("tile.kef.help", fmt.lang) + (f". {t('kef.note.mixed', fmt.lang)}" if own - {card} else "")


def kef_spark(shop: ShopNow, target: float | None) -> Data | None:
    """Points over the shift, both axes 0..100; the target's height on the same scale."""
    if not shop.kef_trend or shop.shift is None:
        return None
    known = [v for _, v in shop.kef_trend if v is not None] + ([target] if target is not None else [])
    low, high = min(known, default=0.0) - 0.05, max(known, default=1.0) + 0.05
    width = shop.shift.to_us - shop.shift.from_us

    def y(v: float | None) -> float | None:
        return None if v is None else round((v - low) / (high - low) * 100, 1)

    begin = shop.shift.from_us
    points = [[round((at - begin) / width * 100, 1), y(v)] for at, v in shop.kef_trend if at >= begin]
    return {"points": points, "target": y(target)}


def states_tile(shop: ShopNow, fmt: Format) -> Data:
    """How many machines are in which state; a cell a machine in the order of the cards."""
    counts = {state: sum(m.state is state for m in shop.machines) for state in STATE_ORDER}
    return {
        "name": t("tile.states", fmt.lang),
        "value": "",
        "states": [[s.value, state_letter(s, fmt.lang), state_name(s, fmt.lang), str(counts[s])] for s in STATE_ORDER],
        "cells": [[m.state.value, f"{m.machine.name}: {state_name(m.state, fmt.lang)}"] for m in shop.machines],
        "note": [[_states_words(counts, fmt), ""]],
    }


def _states_words(counts: Mapping[MachineState, int], fmt: Format) -> str:
    parts = [t("tile.states.working", fmt.lang, n=counts[MachineState.PRODUCTION])]
    for state, key in ((MachineState.ALARM, "alarm"), (MachineState.IDLE, "idle")):
        if counts[state] and len(parts) < 2:
            parts.append(t(f"tile.states.{key}", fmt.lang, n=counts[state]))
    return " · ".join(parts)


def data_tile(shop: ShopNow, fmt: Format) -> Data:
    """How complete the data of the shift are, and who is silent."""
    share = shop.shift_completeness if shop.shift is not None and shop.machines else None
    tile: Data = {"name": t("tile.data", fmt.lang), "full": "", "bar": _bar(share or 0.0, 0.98, tone="quiet")}
    shown = fmt.percent(share).removesuffix("%").rstrip("\u00a0")
    tile["value"], tile["unit"] = shown, "%"
    tile["note"] = [[silent_words(silent(shop.machines), shop, fmt), ""]]
    return tile


def silent(machines: Sequence[MachineNow]) -> Sequence[MachineNow]:
    """Machines without data, longest silence first."""
    return sorted((m for m in machines if m.state is MachineState.NO_DATA), key=lambda m: m.state_since_us)


def silent_words(quiet: Sequence[MachineNow], shop: ShopNow, fmt: Format) -> str:
    """Who does not answer and since when, else how many devices are online."""
    if not quiet:
        return t("tile.data.online", fmt.lang, online=shop.devices_online, n=shop.devices_total)
    age = fmt.duration((shop.now_us - quiet[0].state_since_us) / 1e6, coarse=True)
    if len(quiet) == 1:
        return t("tile.data.silent", fmt.lang, name=quiet[0].machine.name, age=age)
    return t("tile.data.silent_more", fmt.lang, name=quiet[0].machine.name, n=len(quiet) - 1)


def _named(key: str, shop: ShopNow) -> str:
    """While no shift runs the figures are those of the day, and say so."""
    return key if shop.shift is not None else f"{key}.day"
