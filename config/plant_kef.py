"""Field `kef` of a machine: its efficiency card with what the card needs."""

from __future__ import annotations

from collections.abc import Mapping

from config.fields import Fields
from config.problems import nearest
from domain.efficiency import CARDS, DEFAULT_CARD, KefSettings
from domain.plant import Device
from domain.quantity import Quantity

LEARNED = "learned"
# Input of a card -> the fields that give it, any of them; what the meter and the control give needs no field here.
_FIELDS = {
    "process_power": ("process_power",),
    "norm_kwh_per_part": ("norm_kwh_per_part",),
    "material_energy_kwh_per_part": ("material_energy_kwh_per_part",),
    "ideal_s_per_part": ("ideal_s_per_part",),
    "quality": ("good_parts", "good_share"),
}


def read_kef(machine: Fields, devices: Mapping[str, Device]) -> KefSettings | None:
    """None without the field. A card whose inputs are not given is a problem that names them."""
    if not machine.has("kef"):
        return None
    kef = machine.group("kef")
    card = kef.choice("card", CARDS, DEFAULT_CARD) or DEFAULT_CARD
    found = KefSettings(
        card,
        _idle_kw(kef),
        kef.number("norm_kwh_per_part", above=0),
        _tag(kef, "process_power", Quantity.ACTIVE_POWER, devices),
        kef.number("material_energy_kwh_per_part", above=0),
        kef.number("ideal_s_per_part", above=0),
        _tag(kef, "good_parts", Quantity.COUNT, devices),
        kef.number("good_share", low=0, high=1),
    )
    kef.finish()
    for wanted in CARDS[card].inputs:
        names = _FIELDS.get(wanted, ())
        if names and not any(kef.has(name) for name in names):
            kef.problem(names[0], f"is missing: card {card} is {CARDS[card].formula}", " or ".join(names))
    control = machine.raw("control")
    if "parts" in CARDS[card].inputs and not (isinstance(control, Mapping) and control.get("part_count")):
        kef.report.warn(kef.at("card"), f"card {card} counts parts, but without control.part_count it will have no value")
    if "states" in CARDS[card].inputs and not machine.has("states"):
        kef.problem("card", f"is {card}, but the machine has no states", "states with idle_above_kw and production_above_kw")
    return found


def _idle_kw(kef: Fields) -> float | None:
    """A power, or the word for "from the machine's own history"."""
    if kef.raw("idle_kw") == LEARNED:
        return None
    return kef.number("idle_kw", low=0)


def _tag(kef: Fields, name: str, quantity: Quantity, devices: Mapping[str, Device]) -> str | None:
    """The full name of a tag of that quantity."""
    tag = kef.text(name)
    if tag is None:
        return None
    device_id, _, point_tag = tag.partition(".")
    device = devices.get(device_id)
    points = device.profile.points if device is not None else ()
    fitting = [f"{device_id}.{point.tag}" for point in points if point.quantity is quantity]
    if tag not in fitting:
        near = nearest(tag, fitting) or tuple(fitting[:5]) or nearest(device_id, devices)
        there = any(point.tag == point_tag for point in points)
        what = f"is {tag!r}, which is no {quantity.value}" if there else f"there is no tag {tag!r}"
        kef.problem(name, what, ", ".join(near) or f"a tag of {quantity.value}")
        return None
    return tag
