"""Sentences about domain things: alerts, points, qualities."""

from __future__ import annotations

import re
from collections.abc import Mapping

from domain.alert import Alert
from domain.plant import Plant, machine_of_device
from domain.quality import Quality
from domain.quantity import Quantity
from web_interface.format import MISSING, Format
from web_interface.locale import has, t

_SUFFIX = re.compile(r"_(l[123]|l12|l13|l23|l31|t[1-4]|\d+)$")
_NO_VALUE = re.compile(r"no usable value for (\d+)(?:\.\d+)? s")
_MEASURED = re.compile(r"(\d+) (min|s)")


def point_name(point: str, lang: str, quantity: Quantity | None = None) -> str:
    """A point in words: "current_l2" is "Ток L2"; one without an entry takes its quantity's name, at last its own."""
    suffix = _SUFFIX.search(point)
    stem, tail = (point[: suffix.start()], " " + suffix.group(1).upper()) if suffix else (point, "")
    for key in (f"point.{stem}", f"point.{quantity.value}" if quantity else ""):
        if key and has(key, lang):
            return t(key, lang) + tail
    return point


_last: list[tuple[Plant, Mapping[str, str]]] = []  # of the plant that was asked about last: a list of alerts asks for each


def _machine_of(plant: Plant) -> Mapping[str, str]:
    if not _last or _last[0][0] is not plant:
        _last[:] = [(plant, machine_of_device(plant))]
    return _last[0][1]


def alert_subject(alert: Alert, plant: Plant, lang: str) -> str:
    """Whom it is about: the machine's name, else the device, never the tag first."""
    wanted = alert.machine_id or _machine_of(plant).get(alert.device_id or "")
    for machine in plant.machines:
        if machine.id == wanted:
            return machine.name
    if alert.device_id and alert.device_id == plant.site.main_meter:
        return t("flow.main", lang)
    return alert.device_id or alert.machine_id or alert.tag or plant.site.name


def _detail(detail: str, fmt: Format) -> str:
    """What the alert adds, as it is; a bare number with its unit ("12 min", "420 min") as a duration in the user's language."""
    found = _MEASURED.fullmatch(detail)
    return detail if found is None else fmt.duration(int(found[1]) * (60 if found[2] == "min" else 1))


def technical(detail: str, fmt: Format) -> str:
    """What the watch of silent devices notes, in the user's language; anything else as it was noted."""
    found = _NO_VALUE.fullmatch(detail)
    return detail if found is None else t("alert.detail.no_value", fmt.lang, time=fmt.duration(int(found[1])))


def alert_sentence(alert: Alert, fmt: Format) -> str:
    """What happened, with value and limit: "Ток L2 78,4 А, предел 75 А"."""
    own = alert.message.get(fmt.lang) or next(iter(alert.message.values()), "")
    if own:
        return f"{own}: {fmt.value(alert.value, alert.unit)}" if alert.value is not None else own
    key = f"alert.{alert.rule}"
    if alert.detail and has(f"{key}.{alert.detail}", fmt.lang):  # a rule whose detail is one of a few known words
        key = f"{key}.{alert.detail}"
    if not has(key, fmt.lang):
        words = t("alert.other", fmt.lang)
        return f"{words}: {alert.detail}" if alert.detail else words
    point = alert.tag.partition(".")[2] if alert.tag else ""
    limit = MISSING
    if alert.limit is not None:
        limit = _plain(alert.limit, fmt) + ("" if alert.unit in {"", "1"} else f"\u00a0{fmt.unit(alert.unit)}")
    return t(
        key,
        fmt.lang,
        what=point_name(point, fmt.lang) if point else "",
        value=fmt.value(alert.value, alert.unit, _digits(alert.value)),
        limit=limit,
        detail=_detail(alert.detail, fmt),
    ).strip()


def _digits(value: float | None) -> int | None:
    """A whole number is shown whole."""
    return 0 if value is not None and value == round(value) else None


def _plain(value: float, fmt: Format) -> str:
    """A number that a person typed, without invented zeros; one that was learned, as exact as the value beside it."""
    digits = next((d for d in range(4) if abs(value - round(value, d)) < 1e-9), 4)
    return fmt.significant(value) if digits > 2 and abs(value) >= 1 else fmt.number(value, min(digits, 3))


def quality_words(quality: int, lang: str) -> str:
    """The reason of a quality, "good" for 0."""
    try:
        reason = Quality(quality).reason
    except ValueError:
        reason = "internal"
    return t(f"quality.{reason or 'good'}", lang)
