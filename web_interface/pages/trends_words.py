"""Trends in words: whose a tag is, what it measures, the texts that the page's parts need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.plant import Plant, Tag
from domain.quality import Quality
from domain.quantity import Kind, Quantity
from web_interface.format import Format
from web_interface.locale import t
from web_interface.texts import point_name
from web_interface.trends.query import axes_of

Data = dict[str, Any]
ZERO = frozenset({
    Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER, Quantity.CURRENT, Quantity.LOAD, Quantity.SPEED,
    Quantity.FEED_RATE, Quantity.FLOW,
})  # fmt: skip
DIGITS: Mapping[Quantity, int] = {Quantity.POWER_FACTOR: 2, Quantity.FREQUENCY: 2, Quantity.COUNT: 0, Quantity.STATE: 0}
VIEW_WORDS = (
    "range", "mean", "grown", "bucket", "no_values", "removed", "axis_left", "axis_right", "remove", "same", "higher", "lower",
    "quality", "all_good", "several", "more_marks", "jump", "tools", "live", "pan_left", "pan_right", "zoom_in", "zoom_out",
    "reset", "step", "samples", "step_raw", "step_1m", "step_15m", "step_1h", "step_1d", "failed", "failed_words", "again",
    "technical", "nothing", "nothing_words", "choose", "choose_words", "add", "label", "keys", "newest", "at_cursor", "no_unit",
    "gap", "bad", "uncertain", "partial", "partial_share", "estimated", "alert",
)  # fmt: skip
PICKER_WORDS = ("search", "search_hint", "machine", "quantity", "all", "found", "chosen", "none", "more")


class Owners:
    """Whose a tag is: the machine its device measures or belongs to, the shop's feed, else the device's own name."""

    def __init__(self, plant: Plant, lang: str) -> None:
        self._names: dict[str, str] = {}
        for machine in plant.machines:
            self._names[machine.id] = machine.name
            signals = machine.control
            for tag in (signals.part_count, signals.program) if signals is not None else ():
                if tag:
                    self._names[tag.partition(".")[0]] = machine.name
        for machine in plant.machines:
            if machine.meter:
                self._names[machine.meter] = machine.name
        if plant.site.main_meter:
            self._names[plant.site.main_meter] = t("flow.main", lang)
        first = [t("flow.main", lang)] if plant.site.main_meter else []
        self._order = {name: n for n, name in enumerate([*first, *(machine.name for machine in plant.machines)])}

    def of(self, tag: Tag) -> str:
        """In words."""
        return self._names.get(tag.device_id, tag.device_id)

    def rank(self, tag: Tag) -> tuple[int, str, str]:
        """For sorting: the feed, machines in the plant's order, other devices by name; a machine's tags stay together."""
        owner = self.of(tag)
        return (self._order.get(owner, len(self._order)), owner, tag.device_id)


def view_tags(
    tags: Sequence[Tag], removed: frozenset[str], right: Sequence[str] | None, plant: Plant, fmt: Format
) -> list[Data]:
    """What the view draws of each tag, with its axis."""
    owners, axes = Owners(plant, fmt.lang), {axis.unit: axis for axis in axes_of(tags, right)}
    return [
        {
            "tag": tag.name,
            "machine": owners.of(tag),
            "point": point_name(tag.point, fmt.lang, tag.quantity),
            "unit": tag.unit,
            "unit_word": "" if tag.unit in {"", "1"} else fmt.unit(tag.unit),
            "digits": DIGITS.get(tag.quantity),
            "plot": axes[tag.unit].plot,
            "right": axes[tag.unit].right,
            "removed": tag.name in removed,
            "zero": tag.quantity in ZERO,
            "counter": tag.kind is Kind.COUNTER,
            "interval_s": tag.interval_s,
        }
        for tag in tags
    ]


def view_words(lang: str) -> dict[str, str]:
    """The view's own texts; figures come into their braces in the browser."""
    own = {name: t(f"trends.{name}", lang, **_HOLES) for name in VIEW_WORDS}
    return own | {f"d_{unit}": t(f"duration.{unit}", lang, v="{v}") for unit in ("s", "min", "h", "d")}


_HOLES = {name: "{" + name + "}" for name in ("low", "high", "mean", "growth", "step", "delta", "n", "share", "all", "most")}


def reasons(lang: str) -> dict[str, str]:
    """Every reason of a quality in words."""
    return {q.reason: t(f"quality.{q.reason}", lang) for q in Quality if q.reason is not None}


def picker_data(tags: Sequence[Tag], chosen: Sequence[str], most: int, plant: Plant, fmt: Format) -> Data:
    """All tags by machine, and the texts of the picker."""
    owners = Owners(plant, fmt.lang)
    rows = [
        [
            tag.name,
            owners.of(tag),
            point_name(tag.point, fmt.lang, tag.quantity),
            "" if tag.unit in {"", "1"} else fmt.unit(tag.unit),
            tag.quantity.value,
        ]
        for tag in sorted(tags, key=owners.rank)
    ]
    present = dict.fromkeys(tag.quantity for tag in tags)
    return {
        "tags": rows,
        "quantities": {q.value: t(f"point.{q.value}", fmt.lang) for q in Quantity if q in present},
        "chosen": list(chosen),
        "most": most,
        "words": {name: t(f"trends.picker.{name}", fmt.lang, **_HOLES) for name in PICKER_WORDS},
    }


def first_choice(tags: Sequence[Tag], plant: Plant) -> list[str]:
    """What stands there before anybody chose: the power of the shop, else of the first machine with a meter."""
    meters = [plant.site.main_meter, *(machine.meter for machine in plant.machines)]
    names = {tag.name for tag in tags}
    return next(([f"{meter}.active_power"] for meter in meters if meter and f"{meter}.active_power" in names), [])
