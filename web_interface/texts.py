"""Sentences about domain things: alerts, points, qualities."""

from __future__ import annotations

import re

from domain.alert import Alert
from domain.plant import Plant
from domain.quality import Quality
from domain.quantity import Quantity
from web_interface.format import MISSING, Format
from web_interface.locale import has, t

_SUFFIX = re.compile(r"_(l[123]|l12|l13|l23|l31|t[1-4]|\d+)$")
_MEASURED = re.compile(r"(\d+) (min|s)")


def point_name(point: str, lang: str, quantity: Quantity | None = None) -> str:
    """A point in words: "current_l2" is "Ток L2"; one without an entry takes its quantity's name, at last its own."""
    suffix = _SUFFIX.search(point)
    stem, tail = (point[: suffix.start()], " " + suffix.group(1).upper()) if suffix else (point, "")
    for key in (f"point.{stem}", f"point.{quantity.value}" if quantity else ""):
        if key and has(key, lang):
            return t(key, lang) + tail
    return point


def alert_subject(alert: Alert, plant: Plant, lang: str) -> str:
    """Whom it is about: the machine's name, else the device, never the tag first."""
    for machine in plant.machines:
        if machine.id == alert.machine_id or (alert.machine_id is None and alert.device_id and machine.meter == alert.device_id):
            return machine.name
    if alert.device_id and alert.device_id == plant.site.main_meter:
        return t("flow.main", lang)
    return alert.device_id or alert.machine_id or alert.tag or plant.site.name


def _detail(detail: str, fmt: Format) -> str:
    """What the alert adds, as it is; a bare number with its unit ("12 min") in the user's language."""
    found = _MEASURED.fullmatch(detail)
    return detail if found is None else f"{found[1]}\u00a0{fmt.unit(found[2])}"


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
    """A number that a person typed, without invented zeros."""
    digits = next((d for d in range(4) if abs(value - round(value, d)) < 1e-9), 3)
    return fmt.number(value, digits)


def quality_words(quality: int, lang: str) -> str:
    """The reason of a quality, "good" for 0."""
    try:
        reason = Quality(quality).reason
    except ValueError:
        reason = "internal"
    return t(f"quality.{reason or 'good'}", lang)
