"""Fields of a device that place its meter in the tree and say how exact it is: fed_by, feeds, classes, calibration_due."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from config.fields import Fields, shown
from config.plant_calendar import read_date
from config.problems import Path, Report, nearest
from domain.balance import Metering
from domain.plant import Device

_CLASS = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*[sS]\Z")
HIGHEST_CLASS = 5.0


def read_metering(fields: Fields) -> Metering:
    """The place of one device. What it names is checked by `check_metering`, when all devices are known."""
    found = Metering(
        fields.text("fed_by"), fields.text("feeds"), _class(fields, "meter_class"), _class(fields, "ct_class"),
        read_date(fields, "calibration_due"),
    )  # fmt: skip
    if found.fed_by is not None and found.feeds is not None:
        fields.problem("feeds", "stands beside fed_by", "fed_by for a consumer, feeds for a generator")
    return found


def metering_fields(metering: Metering) -> dict[str, object]:
    """The fields again; what was not given is left out."""
    given = {name: getattr(metering, name) for name in ("fed_by", "feeds", "meter_class", "ct_class")}
    if metering.calibration_due is not None:
        given["calibration_due"] = metering.calibration_due.isoformat()
    return {name: value for name, value in given.items() if value is not None}


def _class(fields: Fields, name: str) -> float | None:
    """An accuracy class in %: a number, or as printed on the meter: 0.5S."""
    value = fields.values.get(name)
    match = _CLASS.match(value) if isinstance(value, str) else None
    if match is None:
        return fields.number(name, low=0 if name == "ct_class" else 0.01, high=HIGHEST_CLASS)
    fields.raw(name)
    number = float(match[1])
    if not 0 < number <= HIGHEST_CLASS:
        fields.problem(name, f"is {shown(value)}", f"an accuracy class up to {HIGHEST_CLASS:g}, such as 1 or 0.5S")
        return None
    return number


def check_metering(devices: Sequence[tuple[Device, Path]], report: Report, unread: Collection[str] = ()) -> None:
    """Every meter named exists and no meter feeds itself. `unread`: lower-case ids of devices with a problem of their own."""
    known = {device.id: device for device, _ in devices}
    for device, path in devices:
        for name in ("fed_by", "feeds"):
            other = getattr(device.metering, name)
            if other is not None and other not in known and other.lower() not in unread:
                near = ", ".join(nearest(other, known) or tuple(known)[:5])
                report.problem((*path, name), f"there is no device {other!r}", near or "one that is defined")
        circle = _circle(device, known)
        if circle:
            report.problem((*path, "fed_by"), f"{' is fed by '.join(circle)}: a circle", "a tree that ends at the main meter")


def _circle(device: Device, known: Mapping[str, Device]) -> list[str]:
    """The way up from the device, when it comes back to it."""
    way = [device.id]
    above = device.metering.fed_by
    while above is not None and above in known and len(way) <= len(known):
        way.append(above)
        if above == device.id:
            return way
        above = known[above].metering.fed_by
    return []
