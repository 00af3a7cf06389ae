"""The floor plan as plain data. Pure: shop and plan in, data out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from domain.floor import FloorPlan, Place
from web_interface.components.marks import state_letter, state_name
from web_interface.format import MISSING, Format
from web_interface.locale import t
from web_interface.pages.overview_view import machine_href
from web_interface.services.live import MachineNow, ShopNow

Data = dict[str, Any]
WORDS = ("unplaced", "unplaced.hint", "place", "move")


def floor(shop: ShopNow, plan: FloorPlan, fmt: Format) -> Data:
    """What the component starts with. Raises ValueError for a plan without a picture."""
    if plan.picture is None:
        raise ValueError("a plan without a picture is not drawn")
    return {
        "src": f"/api/floor/picture?v={plan.picture.digest[:16]}",
        "ratio": round(plan.picture.width / plan.picture.height, 4),
        "alt": t("floor.title", fmt.lang),
        "marks": marks(shop, fmt),
        "places": {machine: [place.x_percent, place.y_percent] for machine, place in plan.places.items()},
        "words": {name.replace(".", "_"): t(f"floor.{name}", fmt.lang) for name in WORDS},
    }


def marks(shop: ShopNow, fmt: Format) -> list[Data]:
    """Every machine in the plant's order, placed or not."""
    return [_mark(m, fmt) for m in shop.machines]


def _mark(m: MachineNow, fmt: Format) -> Data:
    state = state_name(m.state, fmt.lang)
    return {
        "id": m.machine.id,
        "href": machine_href(m.machine.id),
        "name": m.machine.name,
        "state": m.state.value,
        "letter": state_letter(m.state, fmt.lang),
        "kw": MISSING if m.shown_kw is None else fmt.number(m.shown_kw, 1),
        "unit": "" if m.shown_kw is None else fmt.unit("kW"),
        "label": f"{m.machine.name}: {state}, {fmt.value(m.shown_kw, 'kW', 1)}",
    }


def changed(before: Collection[Data], after: Collection[Data]) -> Mapping[str, Data] | None:
    """By machine id what differs; None when these are not the same machines."""
    if [(m["id"], m["name"]) for m in before] != [(m["id"], m["name"]) for m in after]:
        return None
    pairs = zip(before, after, strict=True)
    return {new["id"]: {key: value for key, value in new.items() if old[key] != value} for old, new in pairs if old != new}


def places_of(sent: object, known: Collection[str]) -> Mapping[str, Place]:
    """What the browser says, machine id -> [x %, y %]; machines that are gone meanwhile are left out. Raises ValueError."""
    if not isinstance(sent, Mapping):
        raise ValueError("expected places by machine")
    found: dict[str, Place] = {}
    for machine, pair in sent.items():
        if machine in known:
            x, y = (float(part) for part in pair)
            found[str(machine)] = Place(round(x, 2), round(y, 2))
    return found
