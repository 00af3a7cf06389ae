"""The sections of a plant file become domain.plant: each entry alone, then what they say of each other."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import available_timezones

from config.fields import Fields, shown, zone_exists
from config.plant_alerts import ALERT_SECTIONS, Surroundings, check_borders, read_alert_rules, read_duty, read_escalation
from config.plant_alignments import read_alignments
from config.plant_calendar import read_calendar, read_shifts
from config.plant_control import read_control
from config.plant_detectors import read_detectors
from config.plant_devices import DeviceReader, check_addresses
from config.plant_inspections import read_inspections
from config.plant_kef import read_kef
from config.plant_lines import check_targets, read_id, read_line
from config.plant_loops import read_loops
from config.plant_metering import check_metering
from config.plant_money import MONEY_SECTIONS, read_money, read_planned_shifts, read_standby
from config.plant_plans import read_plans
from config.plant_virtual import point_of, read_virtual_tags
from config.problems import Path, Report, nearest
from config.profile_catalog import ProfileCatalog
from domain.alert import LimitRule
from domain.plant import Device, Line, Machine, Plant, Site
from domain.profile import Point
from domain.quantity import Kind
from domain.state import StateThresholds
from domain.virtual import VirtualTag

SECTIONS = (
    "site", "shifts", "calendar", *MONEY_SECTIONS, "lines", "devices", "virtual_tags", "machines", "plans", "limits",
    *ALERT_SECTIONS, "detectors", "loops", "alignments", "inspections",
)  # fmt: skip


class PlantReader:
    """Reads one document. Problems and warnings are in the report; the plant is whole only without problems."""

    def __init__(
        self, report: Report, catalog: ProfileCatalog, environ: Mapping[str, str], secrets: Mapping[str, str]
    ) -> None:
        self._report = report
        self._environ, self._secrets = environ, secrets
        self._devices_reader = DeviceReader(catalog, environ, secrets)
        self._lines: dict[str, Line] = {}
        self._devices: dict[str, Device] = {}
        self._virtual: tuple[VirtualTag, ...] = ()
        self._shift_names: tuple[str, ...] = ()

    def read(self) -> Plant | None:
        """The plant; None when anything is wrong."""
        report = self._report
        if not isinstance(report.document, Mapping):
            report.problem((), "holds no plant", "the sections site, shifts, lines, devices, machines, limits")
            return None
        fields = Fields(report.document, (), report)
        site = self._site(fields)
        shifts = read_shifts(fields)
        self._shift_names = tuple(dict.fromkeys(shift.name for shift in shifts))
        calendar = read_calendar(fields, shifts, site.language if site is not None else "ru")
        lines = self._read_lines(fields)
        devices = self._read_devices(fields)
        self._virtual = read_virtual_tags(fields, self._devices, report)
        machines = self._machines(fields)
        plans = read_plans(fields, [m.id for m in machines], {m.section for m in machines}, self._shift_names)
        limits = self._limits(fields)
        around = Surroundings(self._devices, machines, self._shift_names, self._points_of, self._point)
        rules, duty = read_alert_rules(fields, around), read_duty(fields, around.shifts)
        escalation = read_escalation(fields)
        detectors = read_detectors(fields, [machine.id for machine in machines])
        loops = read_loops(fields, around)
        alignments = read_alignments(fields, around)
        cameras = read_inspections(fields, around, self._lines, self._environ, self._secrets)
        self._main_meter(fields, site)
        money = read_money(fields)
        fields.finish()
        if report.problems or site is None:
            return None
        return Plant(
            site, shifts, lines, devices, machines, limits, calendar, plans, self._virtual, detectors, money,
            alert_rules=rules, duty=duty, escalation=escalation, loops=loops, alignments=alignments, cameras=cameras,
        )  # fmt: skip

    # -- site ----------------------------------------------------------------------------------------------------

    def _site(self, fields: Fields) -> Site | None:
        if fields.raw("site", required=True, expected="site: {name: …, timezone: …}") is None:
            return None
        site = fields.group("site")
        name = site.text("name", required=True)
        zone = site.text("timezone", "Europe/Moscow") or "Europe/Moscow"
        if not zone_exists(zone):
            near = nearest(zone, available_timezones())
            site.problem("timezone", f"{shown(zone)} is no time zone", ", ".join(near) or "an IANA name such as Europe/Moscow")
        found = Site(
            name or "",
            zone,
            site.choice("language", ("ru", "en"), "ru") or "ru",
            contract_kw=site.number("contract_kw", above=0),
            tariff_per_kwh=site.number("tariff_per_kwh", low=0),
            currency=site.text("currency", "₽", longest=8) or "₽",
            kef_target=site.number("kef_target", above=0, high=1),
            shift_plan_kwh=site.number("shift_plan_kwh", above=0),
            main_meter=site.text("main_meter"),
        )
        site.finish()
        return found

    def _main_meter(self, fields: Fields, site: Site | None) -> None:
        if site is not None and site.main_meter is not None and site.main_meter not in self._tag_devices():
            group = fields.group("site")
            group.problem("main_meter", f"there is no device {site.main_meter!r}", _known(site.main_meter, self._tag_devices()))

    def _points_of(self, device_id: str) -> Mapping[str, Point]:
        """What a device, real or virtual, has to offer, by tag; empty when there is no such device."""
        device = self._devices.get(device_id)
        if device is not None:
            return {point.tag: point for point in device.profile.points}
        return {tag.point: point_of(tag) for tag in self._virtual if tag.device_id == device_id}

    def _tag_devices(self) -> list[str]:
        return [*self._devices, *dict.fromkeys(tag.device_id for tag in self._virtual)]

    # -- lines and devices ---------------------------------------------------------------------------------------

    def _read_lines(self, fields: Fields) -> tuple[Line, ...]:
        taken: dict[str, Path] = {}
        found: list[tuple[Line, Path]] = []
        for entry, path in fields.entries("lines"):
            line = read_line(Fields(entry, path, self._report), taken, self._environ, self._secrets)
            if line is not None:
                found.append((line, path))
                self._lines[line.id] = line
                variable = line.options.get("password_env")
                if variable is not None and str(variable) not in self._environ:
                    self._report.warn((*path, "password_env"), f"the environment variable {variable} is not set")
        check_targets(found, self._report)
        return tuple(line for line, _ in found)

    def _read_devices(self, fields: Fields) -> tuple[Device, ...]:
        taken: dict[str, Path] = {}
        found: list[tuple[Device, Path]] = []
        for entry, path in fields.entries("devices"):
            device = self._devices_reader.read(Fields(entry, path, self._report), taken, self._lines)
            if device is not None:
                found.append((device, path))
                self._devices[device.id] = device
        check_addresses(found, self._report)
        check_metering(found, self._report, taken.keys() - {i.lower() for i in self._devices})
        return tuple(device for device, _ in found)

    # -- machines and limits -------------------------------------------------------------------------------------

    def _machines(self, fields: Fields) -> tuple[Machine, ...]:
        taken: dict[str, Path] = {}
        metered: dict[str, str] = {}
        found = []
        for entry, path in fields.entries("machines"):
            group = Fields(entry, path, self._report)
            machine_id = read_id(group, taken, "machine")
            meter = self._meter(group, metered, machine_id or "")
            machine = Machine(
                machine_id or "",
                group.text("name", machine_id) or "",
                group.text("section", "") or "",
                meter,
                group.number("rated_kw", above=0),
                self._thresholds(group),
                group.text("board", "") or "",
                group.number("kef_target", above=0, high=1),
                control=read_control(group, self._point),
                standby=read_standby(group), shifts=read_planned_shifts(group, self._shift_names),
                kef=read_kef(group, self._devices),
            )
            group.finish()
            if machine_id is not None:
                found.append(machine)
        return tuple(found)

    def _meter(self, fields: Fields, metered: dict[str, str], machine_id: str) -> str | None:
        meter = fields.text("meter")
        if meter is None:
            return None
        if meter not in self._tag_devices():
            if not self._named_by_a_device(meter):
                fields.problem("meter", f"there is no device {meter!r}", _known(meter, self._tag_devices()))
            return None
        other = metered.setdefault(meter, machine_id)
        if other != machine_id:
            self._report.warn(fields.at("meter"), f"{meter!r} is the meter of machine {other!r} too: its energy counts twice")
        for tag, use in (("active_power", "no state"), ("energy_import", "no energy from a counter")):
            if tag not in self._points_of(meter):
                self._report.warn(fields.at("meter"), f"{meter!r} has no point {tag}, so the machine has {use}")
        return meter

    def _named_by_a_device(self, device_id: str) -> bool:
        """Is there such a device that could not be read? Then its own problems are enough."""
        document = self._report.document if isinstance(self._report.document, Mapping) else {}
        named = [(entry, "id") for entry in document.get("devices") or ()] if isinstance(document.get("devices"), list) else []
        if isinstance(document.get("virtual_tags"), list):
            named += [(entry, "tag") for entry in document["virtual_tags"]]
        return any(isinstance(entry, Mapping) and str(entry.get(key)).partition(".")[0] == device_id for entry, key in named)

    def _thresholds(self, fields: Fields) -> StateThresholds | None:
        if not fields.has("states"):
            return None
        states = fields.group("states")
        idle = states.number("idle_above_kw", above=0, required=True)
        production = states.number("production_above_kw", above=0, required=True)
        dwell = states.number("min_dwell_s", 10.0, low=0, high=3600)
        hysteresis = states.number("hysteresis_kw", low=0)
        states.finish()
        if idle is None or production is None:
            return None
        if not idle < production:
            states.problem("production_above_kw", f"is {production:g}", f"more than idle_above_kw ({idle:g})")
        if hysteresis is not None and hysteresis >= idle:
            states.problem("hysteresis_kw", f"is {hysteresis:g}", f"less than idle_above_kw ({idle:g})")
        found = StateThresholds(idle, production, 10.0 if dwell is None else dwell, hysteresis)
        band = found.hysteresis_of(production)
        if idle < production <= idle + band:
            message = f"is {production:g}: left only below {production - band:g}, it overlaps idle_above_kw ({idle:g})"
            states.problem("production_above_kw", message, f"more than {idle + band:g}, or a smaller hysteresis_kw")
        return found

    def _limits(self, fields: Fields) -> tuple[LimitRule, ...]:
        found: list[LimitRule] = []
        seen: dict[str, Path] = {}
        for index, (entry, path) in enumerate(fields.entries("limits")):
            group = Fields(entry, path, self._report)
            tag = self._limited_tag(group, seen)
            borders = {name: group.number(name) for name in ("high", "critical_high", "low", "critical_low")}
            hysteresis = group.number("hysteresis", 0.0, low=0) or 0.0
            check_borders(group, borders, hysteresis)
            rule = LimitRule(
                tag or "", **borders, hysteresis=hysteresis,
                on_delay_s=group.number("on_delay_s", 0.0, low=0, high=86400) or 0.0,
                off_delay_s=group.number("off_delay_s", 0.0, low=0, high=86400) or 0.0,
                id=index + 1,
            )
            group.finish()
            if tag is not None:
                found.append(rule)
        return tuple(found)

    def _limited_tag(self, fields: Fields, seen: dict[str, Path]) -> str | None:
        tag = fields.text("tag", required=True)
        if tag is None:
            return None
        point = self._point(fields, "tag", tag)
        if point is None:
            return None
        if point.kind is Kind.TEXT:
            fields.problem("tag", f"{tag!r} is a text", "a tag with numbers")
        if tag in seen:
            fields.problem("tag", f"{tag!r} has limits already", "one entry a tag")
        seen.setdefault(tag, fields.path)
        return tag

    def _point(self, fields: Fields, name: str, tag: str) -> Point | None:
        """The point of a full tag name; None after a problem at the field `name`."""
        device_id, _, point_tag = tag.partition(".")
        points = self._points_of(device_id)
        if not points:
            if not self._named_by_a_device(device_id):
                fields.problem(name, f"there is no device {device_id!r}", _known(device_id, self._tag_devices()))
            return None
        point = points.get(point_tag)
        if point is None:
            fields.problem(name, f"there is no tag {tag!r}", _known(tag, [f"{device_id}.{known}" for known in points]))
        return point


def _known(wanted: str, known: object) -> str:
    names = [str(name) for name in known] if isinstance(known, dict | list) else []
    near = nearest(wanted, names)
    return ", ".join(near or names[:5]) or "one that is defined"
