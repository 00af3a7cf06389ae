"""What meter measures a machine: model, number, ratios, classes, and until when its verification is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from domain.access import Role
from domain.plant import Device, Machine, Plant
from web_interface.components import Card, el, link_button
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.services.live import LatestValue

SOON_DAYS = 60
READ = ("serial_number", "manufactured", "firmware", "variant")
RATIOS = (("ct_ratio", "current_ratio"), ("vt_ratio", "voltage_ratio"))  # option of the device, what the meter tells itself
Rows = Sequence[tuple[str, str, str]]


def rows_of(device: Device, plant: Plant, latest: Mapping[str, LatestValue], today: date, fmt: Format) -> Rows:
    """(name, words, tone "" | "em-quiet" | "em-b" | "em-alarm") of what is known; what is not known has no row."""
    lang, found = fmt.lang, [(t("passport.model", fmt.lang), device.profile.title.get(fmt.lang) or device.profile.name, "")]
    for point in READ:
        value = latest.get(point)
        words = "" if value is None else value.text or fmt.number(value.value, 0) if value.text or value.value is not None else ""
        if words:
            found.append((t(f"passport.{point}", lang), words, ""))
    for option, point in RATIOS:
        told, own = latest.get(point), device.options.get(option)
        ratio = own if own is not None else None if told is None else told.value
        if isinstance(ratio, int | float):
            found.append((t(f"passport.{option}", lang), fmt.number(float(ratio), 0 if float(ratio).is_integer() else 3), ""))
    for name, accuracy in (("meter_class", device.metering.meter_class), ("ct_class", device.metering.ct_class)):
        if accuracy is not None:
            found.append((t(f"passport.{name}", lang), fmt.significant(accuracy), ""))
    line = next((line for line in plant.lines if line.id == device.line), None)
    place = t("passport.address", lang, line=device.line, address=device.address) if device.address is not None else device.line
    found.append((t("passport.line", lang), f"{place}, {line.target}" if line is not None else place, ""))
    found.append((t("passport.calibration", lang), *calibration(device.metering.calibration_due, today, fmt)))
    return found


def calibration(due: date | None, today: date, fmt: Format) -> tuple[str, str]:
    """Words and tone of a verification valid up to `due`, that day included."""
    if due is None:
        return t("passport.calibration.unknown", fmt.lang), "em-quiet"
    words, left = fmt.date(due), (due - today).days
    if left < 0:
        return t("passport.calibration.over", fmt.lang, day=words), "em-alarm"
    if left <= SOON_DAYS:
        return t("passport.calibration.soon", fmt.lang, day=words, n=left), "em-b"
    return words, ""


def build(page: shell.Page, machine: Machine) -> None:
    """The card; nothing for a machine without a meter."""
    plant, fmt = page.services.plant.plant, page.viewer.fmt
    device = next((d for d in plant.devices if d.id == machine.meter), None)
    if device is None:
        return
    latest = {value.tag.point: value for value in page.services.live.latest(device=device.id)}
    today = fmt.local(page.hub.shop().now_us).date()
    with Card(page.t("passport.title"), note=device.id, testid="passport", classes="em-passport-card") as card:
        if page.viewer.may(Role.ADMIN):
            with card.tools:
                link_button(page.t("passport.edit"), f"/admin/devices/{device.id}/edit", icon_name="edit", testid="passport-edit")
        with el("dl", "em-passport"):
            for name, words, tone in rows_of(device, plant, latest, today, fmt):
                with el("div", "em-other"):
                    el("dt", "em-quiet", name)
                    el("dd", tone, words)
