"""Machines as rows of a table: under the overview, and whole on the page of machines. Pure: the shop in, plain data out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from web_interface.components.marks import STATE_ORDER, state_letter, state_name
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages import overview_view as view
from web_interface.pages.table_search import MANY, table_search
from web_interface.services.live import MachineNow, ShopNow

Data = dict[str, Any]
SHORT = ("name", "state", "since", "power", "energy", "kef", "strip")  # under the overview
WHOLE = ("name", "state", "since", "power", "spark", "load", "energy", "kef", "strip")
LEFT = frozenset({"name", "state", "spark", "strip"})
UNSORTED = frozenset({"spark", "strip"})
GROUPINGS: Mapping[str, Callable[[MachineNow], str]] = {
    "section": lambda m: m.machine.section,
    "board": lambda m: m.machine.board,
    "all": lambda _m: "",
}


def machine_columns(fmt: Format, keys: Sequence[str] = SHORT) -> list[Data]:
    """Head of the table; the last column takes the room that is left."""
    found: list[Data] = []
    for key in keys:
        column: Data = {"key": key, "name": t(f"machines.col.{key}", fmt.lang), "align": "left" if key in LEFT else "right"}
        if key in UNSORTED:
            column["sort"] = False
        found.append(column)
    found[-1]["grow"] = True
    return found


def machine_rows(
    shop: ShopNow, fmt: Format, keys: Sequence[str] = SHORT, group: Callable[[MachineNow], str] = view.section_title
) -> list[Data]:
    """One row a machine, in the plant's order; figures sort as numbers. `find`: what a search looks through beside the cells."""
    return [
        {
            "id": m.machine.id,
            "href": view.machine_href(m.machine.id),
            "group": group(m),
            "kind": m.state.value,
            "find": f"{m.machine.section} {m.machine.board} {m.machine.meter or ''}",
            "cells": {key: _CELLS[key](m, shop, fmt) for key in keys},
        }
        for m in shop.machines
    ]


def machine_groups(
    shop: ShopNow, fmt: Format, group: Callable[[MachineNow], str] = view.section_title
) -> list[Data]:
    """Heads of groups in the plant's order with sums of what is known: power in kW, energy of the shift in kWh."""
    found: dict[str, list[MachineNow]] = {}
    for m in shop.machines:
        found.setdefault(group(m), []).append(m)
    if list(found) == [""]:
        return []
    return [
        {
            "key": key,
            "title": key or t("machines.group.none", fmt.lang),
            "note": t("machines.group.count", fmt.lang, n=len(machines)),
            "cells": {"power": view.section_kw(machines, fmt), "energy": _energy(machines, fmt)},
        }
        for key, machines in found.items()
    ]


def machine_states(shop: ShopNow, fmt: Format) -> list[Data]:
    """How many machines are in each state, to choose by."""
    counts = {state: sum(m.state is state for m in shop.machines) for state in STATE_ORDER}
    return [
        {
            "key": state.value,
            "text": state_name(state, fmt.lang),
            "mark": [state.value, state_letter(state, fmt.lang)],
            "n": fmt.number(n, 0),
        }
        for state, n in counts.items()
    ]


def machine_search(lang: str, from_rows: int = MANY) -> Data:
    """Words of the field above machines."""
    return table_search(lang, "machines.search", "machines.search.none", from_rows)


def _energy(machines: Sequence[MachineNow], fmt: Format) -> str:
    known = [m.shift.energy_kwh for m in machines if m.shift is not None and m.shift.energy_kwh is not None]
    return fmt.number(sum(known), 0) if known else MISSING


# -- cells -------------------------------------------------------------------------------------------------------------------


def _name(m: MachineNow, _shop: ShopNow, _fmt: Format) -> Data:
    return {"text": m.machine.name, "bold": True}


def _state(m: MachineNow, _shop: ShopNow, fmt: Format) -> Data:
    return {"text": state_name(m.state, fmt.lang), "mark": [m.state.value, state_letter(m.state, fmt.lang)]}


def _since(m: MachineNow, shop: ShopNow, fmt: Format) -> Data:
    seconds = (shop.now_us - m.state_since_us) / 1e6
    return {"text": fmt.duration(seconds), "sort": round(seconds)}


def _power(m: MachineNow, _shop: ShopNow, fmt: Format) -> Data:
    kw = m.shown_kw
    return {"text": fmt.number(kw, 1), "sort": -1.0 if kw is None else round(kw, 1), "bold": True}


def _load(m: MachineNow, _shop: ShopNow, fmt: Format) -> Data:
    """Power against what the machine is rated for, percent."""
    if m.shown_kw is None or not m.machine.rated_kw:
        return {"text": MISSING, "sort": -1}
    percent = round(m.shown_kw / m.machine.rated_kw * 100)
    return {"text": fmt.percent(percent / 100, 0), "sort": percent, "load": max(0, min(percent, 100))}


def _shift_energy(m: MachineNow, _shop: ShopNow, fmt: Format) -> Data:
    kwh = m.shift.energy_kwh if m.shift else None
    return {"text": fmt.number(kwh, 0), "sort": round(kwh or 0.0)}


def _kef(m: MachineNow, shop: ShopNow, fmt: Format) -> Data:
    """The figure, after the name of its card where cards differ."""
    name = view.kef_name(m, shop, fmt.lang).removeprefix(t("card.kef", fmt.lang)).strip()
    value = m.kef.value if m.kef is not None else None
    return {"text": f"{name} {MISSING if value is None else fmt.kef(value)}".strip(), "sort": round(value or 0.0, 2)}


def _spark(m: MachineNow, shop: ShopNow, _fmt: Format) -> Data:
    return {"text": "", "spark": view.spark(m, shop.shift)}


def _strip(m: MachineNow, shop: ShopNow, _fmt: Format) -> Data:
    return {"text": "", "strip": view.strip(m, shop.shift, shop.now_us)}


_CELLS: Mapping[str, Callable[[MachineNow, ShopNow, Format], Data]] = {
    "name": _name, "state": _state, "since": _since, "power": _power, "spark": _spark, "load": _load, "energy": _shift_energy,
    "kef": _kef, "strip": _strip,
}  # fmt: skip
