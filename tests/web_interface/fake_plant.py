"""Configuration of the invented shop: what pages change is changed in memory."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import yaml

from config.fields import Fields
from config.plant_alerts import Surroundings, read_alert_rules
from config.plant_calendar import DAYS, read_calendar, read_shifts
from config.plant_detectors import read_detectors, with_rules
from config.plant_file import PlantFileError
from config.plant_forms import device_to_fields, line_to_fields
from config.plant_money import read_money
from config.plant_plans import read_plans
from config.problems import Report
from config.profile_catalog import ProfileCatalog
from domain.access import Actor, Role
from domain.alert import LimitRule
from domain.alert_rule import AlertRule
from domain.browse import BrowsedNode
from domain.camera import Camera, NoPicture, Shot
from domain.commissioning import Connected, Connection, Found, ReadNow, ScanStep
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.plant import Device, Line, Machine, Plant
from domain.plant_changes import merged
from domain.profile import Point, Profile
from domain.state import StateThresholds
from tests.web_interface import fake_shop as shop
from tests.web_interface.fake_reading import simulate
from web_interface.rule_fields import rule_fields

_T = TypeVar("_T", bound=Line | Device | Machine)


def _need(actor: Actor, role: Role) -> None:
    if not actor.role.allows(role):
        raise Forbidden(f"this needs the role {role.value}")


def _number(fields: Mapping[str, object], name: str, default: float) -> float:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ConfigError(f"{name}: expected a number, got {value!r}")
    return float(value)


class FakePlant:
    """PlantService."""

    def __init__(self) -> None:
        self._plant = shop.plant()
        self._sections: dict[str, object] = {"shifts": [
            {"name": s.name, "start": f"{s.start:%H:%M}", "end": f"{s.end:%H:%M}", "days": [DAYS[day] for day in sorted(s.days)]}
            for s in self._plant.shifts
        ], "site": {"name": "Механический цех", "contract_kw": 160, "tariff_per_kwh": 8.234}}

    @property
    def plant(self) -> Plant:
        return self._plant

    def profiles(self) -> Sequence[Profile]:
        shipped = ProfileCatalog.shipped()
        return [shop.tool_profile(), *(shipped.get(name) for name in shipped.names())]

    def section(self, name: str) -> object:
        return copy.deepcopy(self._sections.get(name))

    async def save_section(self, name: str, value: object, actor: Actor, *, known: object = None) -> None:
        _need(actor, Role.ENGINEER)
        if known is not None:
            try:
                value = merged(known, value, self._sections.get(name))
            except Conflict:
                raise Conflict(f"the section {name!r} was changed by somebody else meanwhile: load it again") from None
        self._sections, self._plant = self._with(name, value)

    async def draft_section(self, name: str, value: object) -> Plant:
        return self._with(name, value)[1]

    def _with(self, name: str, value: object) -> tuple[dict[str, object], Plant]:
        sections = {**self._sections, name: value}
        report = Report("plant", sections)
        fields = Fields(sections, (), report)
        shifts = read_shifts(fields)
        calendar = read_calendar(fields, shifts, "ru")
        machines = self._plant.machines
        plans = read_plans(fields, [m.id for m in machines], {m.section for m in machines}, {s.name for s in shifts})
        money = read_money(fields)
        if report.problems:
            raise PlantFileError(report.problems)
        return sections, replace(self._plant, shifts=shifts, calendar=calendar, plans=plans, money=money)

    def entry(self, section: str, entry_id: str) -> Mapping[str, object]:
        if section == "alert_rules":
            return next(rule_fields(rule) for rule in self._plant.alert_rules if rule.id == entry_id)
        if section == "inspections":
            return next({"device": c.device_id, "camera": {"url": c.url}} for c in self._plant.cameras if c.device_id == entry_id)
        items: Mapping[str, Sequence[Line | Device | Machine]] = {
            "lines": self._plant.lines, "devices": self._plant.devices, "machines": self._plant.machines,
        }  # fmt: skip
        for item in items[section]:
            if item.id == entry_id:
                return _fields(item)
        raise NotFound(section.removesuffix("s"), entry_id)

    async def save_line(
        self, line: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Line:
        _need(actor, Role.ADMIN)
        options = {k: v for k, v in line.items() if k not in {"id", "transport", "enabled", "password"}}
        old = next((known.password for known in self._plant.lines if known.id == line["id"]), None)
        password = str(line["password"]) if "password" in line else old
        made = Line(str(line["id"]), str(line["transport"]), options, bool(line.get("enabled", True)), password or None)
        self._plant = replace(self._plant, lines=_put(self._plant.lines, made, "line", new=new))
        return made

    async def has_password(self, entry_id: str, kind: str = "line") -> bool:
        return kind == "line" and any(line.id == entry_id and line.password for line in self._plant.lines)

    async def save_camera(
        self, entry: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Camera:
        """Who tests the form of a camera takes the product's own service (tests/web_interface/real_plant.py)."""
        _need(actor, Role.ADMIN)
        raise Conflict("the invented shop keeps its cameras")

    async def delete_camera(self, device_id: str, actor: Actor) -> None:
        _need(actor, Role.ADMIN)
        self._plant = replace(self._plant, cameras=tuple(c for c in self._plant.cameras if c.device_id != device_id))

    async def try_camera(self, entry: Mapping[str, object], actor: Actor, *, new: bool) -> Shot:
        _need(actor, Role.ADMIN)
        raise NoPicture("unreachable", "192.168.1.60: ConnectTimeout")

    async def delete_line(self, line_id: str, actor: Actor) -> None:
        _need(actor, Role.ADMIN)
        users = [d.id for d in self._plant.devices if d.line == line_id]
        if users:
            raise Conflict(f"line {line_id!r} is used by {', '.join(users)}")
        self._plant = replace(self._plant, lines=_drop(self._plant.lines, line_id, "line"))

    async def save_device(
        self, device: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Device:
        _need(actor, Role.ADMIN)
        made = self._device(device)
        self._plant = replace(self._plant, devices=_put(self._plant.devices, made, "device", new=new))
        return made

    def _device(self, device: Mapping[str, object]) -> Device:
        profiles = {profile.name: profile for profile in self.profiles()}
        name = str(device.get("profile"))
        if name not in profiles:
            raise ConfigError(f"profile: {name!r} is not known; expected one of {', '.join(profiles)}")
        if device.get("line") not in {line.id for line in self._plant.lines}:
            raise ConfigError(f"line: {device.get('line')!r} does not exist")
        address = _number(device, "address", 1)
        if not 1 <= address <= 247:
            raise ConfigError(f"address: expected 1 to 247, got {address:g}")
        known = {"id", "line", "profile", "address", "scan_s", "enabled", "password"}
        options = {k: v for k, v in device.items() if k not in known}
        return Device(
            str(device.get("id") or "draft"),
            str(device["line"]),
            profiles[name],
            int(address),
            _number(device, "scan_s", 1.0),
            options,
            enabled=bool(device.get("enabled", True)),
        )

    async def delete_device(self, device_id: str, actor: Actor) -> None:
        _need(actor, Role.ADMIN)
        users = [m.id for m in self._plant.machines if m.meter == device_id]
        if users:
            raise Conflict(f"device {device_id!r} is the meter of {', '.join(users)}")
        self._plant = replace(self._plant, devices=_drop(self._plant.devices, device_id, "device"))

    async def save_machine(
        self, machine: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Machine:
        _need(actor, Role.ENGINEER)
        states = machine.get("states")
        thresholds = StateThresholds(**states) if isinstance(states, dict) else None
        rated = machine.get("rated_kw")
        made = Machine(
            str(machine["id"]),
            str(machine["name"]),
            str(machine.get("section", "")),
            str(machine["meter"]) if machine.get("meter") else None,
            float(str(rated)) if rated is not None else None,
            thresholds,
            str(machine.get("board", "")),
        )
        self._plant = replace(self._plant, machines=_put(self._plant.machines, made, "machine", new=new))
        return made

    def detectors(self, machine_id: str | None) -> Mapping[str, Mapping[str, object]]:
        found = self._plant.detectors
        return found.site if machine_id is None else found.machines.get(machine_id, {})

    async def save_detectors(
        self, machine_id: str | None, rules: Mapping[str, Mapping[str, object]], actor: Actor, *,
        known: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        _need(actor, Role.ENGINEER)
        report = Report("plant", with_rules({}, machine_id, rules))
        found = read_detectors(Fields(report.document, (), report), [m.id for m in self._plant.machines])
        if report.problems:
            raise PlantFileError(report.problems)
        self._plant = replace(self._plant, detectors=found)

    async def delete_machine(self, machine_id: str, actor: Actor) -> None:
        _need(actor, Role.ENGINEER)
        self._plant = replace(self._plant, machines=_drop(self._plant.machines, machine_id, "machine"))

    async def save_limit(self, rule: LimitRule, actor: Actor, *, known: LimitRule | None = None) -> LimitRule:
        _need(actor, Role.ENGINEER)
        limits = list(self._plant.limits)
        if rule.id:
            place = next((i for i, known in enumerate(limits) if known.id == rule.id), None)
            if place is None:
                raise NotFound("limit", str(rule.id))
            limits[place] = rule
        else:
            if any(known.tag == rule.tag for known in limits):
                raise Conflict(f"tag {rule.tag!r} has limits already")
            rule = replace(rule, id=max((known.id for known in limits), default=0) + 1)
            limits.append(rule)
        self._plant = replace(self._plant, limits=tuple(limits))
        return rule

    async def delete_limit(self, rule_id: int, actor: Actor, *, known: LimitRule | None = None) -> None:
        _need(actor, Role.ENGINEER)
        left = tuple(rule for rule in self._plant.limits if rule.id != rule_id)
        if len(left) == len(self._plant.limits):
            raise NotFound("limit", str(rule_id))
        self._plant = replace(self._plant, limits=left)

    async def save_alert_rule(
        self, rule: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> AlertRule:
        _need(actor, Role.ENGINEER)
        made = await self.draft_alert_rule(rule)
        there = {rule.id: rule for rule in self._plant.alert_rules}
        if new and made.id in there:
            raise Conflict(f"alert_rule {made.id!r} exists already")
        if not new and made.id not in there:
            raise NotFound("alert_rule", made.id)
        self._plant = replace(self._plant, alert_rules=tuple((there | {made.id: made}).values()))
        return made

    async def delete_alert_rule(self, rule_id: str, actor: Actor) -> None:
        _need(actor, Role.ENGINEER)
        self._plant = replace(self._plant, alert_rules=tuple(r for r in self._plant.alert_rules if r.id != rule_id))

    async def draft_alert_rule(self, rule: Mapping[str, object]) -> AlertRule:
        report = Report("plant", {"alert_rules": [dict(rule)]})
        points = {device.id: {point.tag: point for point in device.profile.points} for device in self._plant.devices}

        def point_of(fields: Fields, name: str, tag: str) -> Point | None:
            device, _, own = tag.partition(".")
            found = points.get(device, {}).get(own)
            if found is None:
                fields.problem(name, f"there is no tag {tag!r}", "m1.active_power")
            return found

        around = Surroundings(
            {device.id: device for device in self._plant.devices}, self._plant.machines, {s.name for s in self._plant.shifts},
            lambda device: points.get(device, {}), point_of,
        )  # fmt: skip
        found = read_alert_rules(Fields(report.document, (), report), around)
        if report.problems:
            raise PlantFileError(report.problems)
        return found[0]

    async def import_yaml(self, text: str, actor: Actor, known: int | None = None) -> None:
        _need(actor, Role.ADMIN)
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            raise ConfigError(f"plant.yaml: {exc}") from exc
        if not isinstance(document, dict) or not isinstance(document.get("site"), dict) or "name" not in document["site"]:
            raise ConfigError("plant.yaml:1: site: expected a mapping with name")
        self._plant = replace(self._plant, site=replace(self._plant.site, name=str(document["site"]["name"])))

    def export_yaml(self, actor: Actor) -> str:
        _need(actor, Role.ENGINEER)
        document = {
            "site": {"name": self._plant.site.name, "timezone": self._plant.site.timezone},
            "lines": [{"id": line.id, "transport": line.transport, **line.options} for line in self._plant.lines],
            "devices": [
                {"id": d.id, "profile": d.profile.name, "line": d.line, "address": d.address} for d in self._plant.devices
            ],
            "machines": [{"id": m.id, "name": m.name, "section": m.section, "meter": m.meter} for m in self._plant.machines],
        }
        return str(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))

    async def read_now(
        self, device: Mapping[str, object], actor: Actor, line: Mapping[str, object] | None = None
    ) -> ReadNow:
        _need(actor, Role.ADMIN)
        return simulate(self._device(device))

    async def scan(
        self, line: str | Mapping[str, object], addresses: Sequence[int], actor: Actor
    ) -> AsyncIterator[ScanStep]:
        """Nobody answers: who tests a scan takes the product's own service (tests/web_interface/real_plant.py)."""
        _need(actor, Role.ADMIN)
        for n, address in enumerate(addresses, 1):
            yield ScanStep(n, len(addresses), address)

    async def survey(self, line: str | Mapping[str, object], actor: Actor) -> Sequence[Found] | None:
        _need(actor, Role.ADMIN)
        return [Found("sensor/CNC/1/power", "3.42"), Found("sensor/CNC/1/state", "RUN")]

    async def browse(self, line: str | Mapping[str, object], parent: str | None, actor: Actor) -> Sequence[BrowsedNode]:
        """A small tree, the same for every line."""
        _need(actor, Role.ADMIN)
        uri = "urn:machine"
        if parent is None:
            return [BrowsedNode("ns=2;i=1", "Machine", uri, False), BrowsedNode("i=2253", "Server", None, False)]
        if parent != "ns=2;i=1":
            return []
        return [
            BrowsedNode("ns=2;s=/Channel/State/progStatus", "progStatus", uri, True, "3", "Int32"),
            BrowsedNode("ns=2;s=P", "ActivePower", uri, True, "12.4", "Double"),
            BrowsedNode("ns=2;s=/Nck/Spindle/driveLoad", "driveLoad", uri, True, "41, 38", "Double", 2),
        ]

    async def check_line(self, line: Mapping[str, object], actor: Actor) -> Line:
        _need(actor, Role.ADMIN)
        return Line(str(line["id"]), str(line["transport"]), {k: v for k, v in line.items() if k not in {"id", "transport"}})

    async def connect(self, wanted: Connection, actor: Actor) -> Connected:
        await self.save_device(wanted.device, actor, new=True)
        return Connected(str(wanted.device["id"]))

    async def check_connection(self, wanted: Connection, actor: Actor) -> None:
        _need(actor, Role.ADMIN)

    async def disconnect(self, done: Connected, actor: Actor) -> None:
        await self.delete_device(done.device, actor)


def _fields(item: Line | Device | Machine) -> dict[str, object]:
    """As a plant file writes them."""
    if isinstance(item, Line):
        return line_to_fields(item)
    if isinstance(item, Device):
        return device_to_fields(item)
    states = None
    if item.states is not None:
        states = {f.name: value for f in fields(StateThresholds) if (value := getattr(item.states, f.name)) is not None}
    named = {f.name: getattr(item, f.name) for f in fields(Machine)} | {"states": states}
    return {name: value for name, value in named.items() if value is not None and value != ""}


def _put(items: tuple[_T, ...], made: _T, what: str, *, new: bool) -> tuple[_T, ...]:
    known = any(item.id == made.id for item in items)
    if new and known:
        raise Conflict(f"{what} {made.id!r} exists already")
    if not new and not known:
        raise NotFound(what, made.id)
    changed: list[_T] = [*items, made] if new else [made if item.id == made.id else item for item in items]
    return tuple(changed)


def _drop(items: tuple[_T, ...], item_id: str, what: str) -> tuple[_T, ...]:
    left = tuple(item for item in items if item.id != item_id)
    if len(left) == len(items):
        raise NotFound(what, item_id)
    return left
