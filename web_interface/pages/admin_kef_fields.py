"""Fields of the machine's form for its efficiency card and the inputs the cards need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.efficiency import CARDS, DEFAULT_CARD
from domain.plant import Tag
from domain.quantity import Quantity
from web_interface.locale import t
from web_interface.pages.admin_form import NONE, Field

LEARNED = "learned"


def kef_fields(tags: Sequence[Tag], lang: str) -> Sequence[Field]:
    """Card first; each other field says in its hint for which cards it counts."""
    kwh, kw, seconds = t("unit.kWh", lang), t("unit.kW", lang), t("unit.s", lang)

    def number(name: str, unit: str) -> Field:
        return Field(f"kef.{name}", "number", t(f"admin.field.{name}", lang), unit=unit, hint=t(f"admin.hint.{name}", lang))

    def tag(name: str, quantity: Quantity) -> Field:
        options: Mapping[Any, str] = {NONE: t("admin.kef.no_tag", lang)} | {
            found.name: found.name for found in tags if found.quantity is quantity
        }
        label, hint = t(f"admin.field.{name}", lang), t(f"admin.hint.{name}", lang)
        return Field(f"kef.{name}", "choice", label, options=options, default=NONE, search=len(options) > 12, hint=hint)

    cards = {card: t(f"kef.card.{card}", lang) for card in CARDS}
    hint = t("admin.hint.card", lang)
    return [
        Field("kef.card", "choice", t("admin.field.card", lang), options=cards, default=DEFAULT_CARD, hint=hint, wide=True),
        number("idle_kw", kw),
        number("norm_kwh_per_part", kwh),
        number("ideal_s_per_part", seconds),
        number("good_share", ""),
        tag("good_parts", Quantity.COUNT),
        tag("process_power", Quantity.ACTIVE_POWER),
        number("material_energy_kwh_per_part", kwh),
    ]


def for_form(entry: Mapping[str, object]) -> Mapping[str, object]:
    """A stored machine as the form shows it: an idle power that is learned is an empty field."""
    kef = entry.get("kef")
    if isinstance(kef, Mapping) and kef.get("idle_kw") == LEARNED:
        return {**entry, "kef": {name: value for name, value in kef.items() if name != "idle_kw"}}
    return entry


def with_rest(entry: Mapping[str, object], fields: Sequence[Field], found: Mapping[str, object]) -> dict[str, object]:
    """What the form gave, and of the stored entry what the form does not show: it must not get lost."""
    shown = {field.name.partition(".")[0] for field in fields}
    return {name: value for name, value in entry.items() if name not in shown} | dict(found)
