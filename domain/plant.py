"""The plant: site, shifts, lines, devices, machines, limits. What an administrator edits and a plant file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from domain.alert import LimitRule
from domain.alert_rule import AlertRule
from domain.alignment import Alignment
from domain.balance import Metering
from domain.camera import Camera
from domain.counter import CounterSpec
from domain.detector import DetectorSettings
from domain.duty import DutySlot, Escalation
from domain.efficiency import KefSettings
from domain.loop import ControlLoop
from domain.plan import Plan
from domain.production import ControlSignals
from domain.profile import Group, Point, Profile
from domain.quantity import Kind, Quantity, canonical_factor
from domain.sample import TagId
from domain.state import StateThresholds
from domain.tariff import NO_TERMS, MoneyTerms, Standby
from domain.virtual import VirtualTag
from domain.work_calendar import ShiftPattern as ShiftPattern
from domain.work_calendar import WorkCalendar


@dataclass(frozen=True, slots=True)
class Site:
    """`timezone` is an IANA name; `language` ru or en. Optional figures for the shop's KPI tiles (kW, currency per kWh, kWh)."""

    name: str
    timezone: str = "Europe/Moscow"
    language: str = "ru"
    contract_kw: float | None = None
    tariff_per_kwh: float | None = None
    currency: str = "₽"
    kef_target: float | None = None
    shift_plan_kwh: float | None = None
    main_meter: str | None = None  # device at the shop's feed; without it the shop is the sum of its machines


@dataclass(frozen=True, slots=True)
class Line:
    """A serial bus, TCP gateway or connection. `options` are the transport's own fields (host, port, device, baud ...).

    `password` is a secret: never in repr, log or export.
    """

    id: str
    transport: str  # modbus-tcp | rtu-over-tcp | serial | opcua | s7 | lsv2 | mqtt | tcp-frames | mtconnect
    options: Mapping[str, object] = field(default_factory=dict)
    enabled: bool = True
    password: str | None = field(default=None, repr=False)

    @property
    def target(self) -> str:
        """For people: host:port, device or url."""
        o = self.options
        if "device" in o:
            return f"{o['device']}, {o.get('baud', 9600)}"
        return str(o["url"]) if "url" in o else f"{o.get('host', '')}:{o.get('port', '')}"


@dataclass(frozen=True, slots=True)
class Device:
    """One field device with its resolved profile (shipped or written in place).

    `password` is a secret: never in repr, log or export. `options` hold what a profile lets a device override
    (ct_ratio, vt_ratio, base_address, word_order, password_env ...).
    """

    id: str
    line: str
    profile: Profile
    address: int | None = None
    scan_s: float = 1.0
    options: Mapping[str, object] = field(default_factory=dict)
    password: str | None = field(default=None, repr=False)
    enabled: bool = True
    in_place: bool = False  # the profile was written in the plant file itself
    metering: Metering = field(default_factory=Metering)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine tool (or other consumer) fed through one meter. kW. `board`: distribution board, for the power flow."""

    id: str
    name: str
    section: str = ""
    meter: str | None = None
    rated_kw: float | None = None
    states: StateThresholds | None = None
    board: str = ""
    kef_target: float | None = None
    control: ControlSignals | None = None  # what its own control tells
    standby: Standby | None = None
    shifts: tuple[str, ...] = ()  # names of the shifts it is planned for; empty: all
    kef: KefSettings | None = None  # card of its efficiency; None: K1

    @property
    def devices(self) -> tuple[str, ...]:
        """Ids of what tells of it: its meter, then the devices of its control's signals. One may tell of other machines too."""
        told = [] if self.control is None else [tag.rpartition(".")[0] for tag in self.control.tags]
        return tuple(dict.fromkeys([*([] if self.meter is None else [self.meter]), *told]))


@dataclass(frozen=True, slots=True)
class Plant:
    """Everything an administrator configures, validated: ids are unique, references resolve."""

    site: Site
    shifts: tuple[ShiftPattern, ...] = ()
    lines: tuple[Line, ...] = ()
    devices: tuple[Device, ...] = ()
    machines: tuple[Machine, ...] = ()
    limits: tuple[LimitRule, ...] = ()
    calendar: WorkCalendar = field(default_factory=WorkCalendar)
    plans: tuple[Plan, ...] = ()
    virtual_tags: tuple[VirtualTag, ...] = ()
    detectors: DetectorSettings = field(default_factory=DetectorSettings)
    money: MoneyTerms = NO_TERMS
    alert_rules: tuple[AlertRule, ...] = ()
    duty: tuple[DutySlot, ...] = ()
    escalation: Escalation = field(default_factory=Escalation)
    loops: tuple[ControlLoop, ...] = ()
    alignments: tuple[Alignment, ...] = ()
    cameras: tuple[Camera, ...] = ()  # of inspections

    @property
    def virtual_devices(self) -> tuple[str, ...]:
        """Ids of the devices that consist of virtual tags, in the order of their first."""
        return tuple(dict.fromkeys(tag.device_id for tag in self.virtual_tags))

    @property
    def tag_devices(self) -> tuple[str, ...]:
        """Ids of everything that has tags: devices, then virtual ones."""
        return (*(device.id for device in self.devices), *self.virtual_devices)

    def device(self, device_id: str) -> Device:
        """Raises KeyError."""
        return _by_id(self.devices, device_id)

    def machine(self, machine_id: str) -> Machine:
        """Raises KeyError."""
        return _by_id(self.machines, machine_id)

    def line(self, line_id: str) -> Line:
        """Raises KeyError."""
        return _by_id(self.lines, line_id)


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_HasId)


def _by_id(items: tuple[_T, ...], wanted: str) -> _T:
    for item in items:
        if item.id == wanted:
            return item
    raise KeyError(wanted)


@dataclass(frozen=True, slots=True)
class Tag:
    """A named point of one device, as registered in the database: `name` is "<device>.<tag>", `id` is stable for good."""

    id: TagId
    name: str
    device_id: str
    point: str
    quantity: Quantity
    unit: str  # canonical
    group: Group = Group.FAST
    interval_s: float = 1.0  # expected time between samples
    wrap_at: float | None = None
    max_rate: float | None = None  # canonical unit per second
    enum: Mapping[int, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        return self.quantity.kind

    @property
    def counter_spec(self) -> CounterSpec:
        """The rules this counter is followed by, the same wherever its growth is taken."""
        return CounterSpec(self.wrap_at, self.max_rate, _COARSEST_DIGIT if self.quantity in _POWER_OF else 0.0)


_POWER_OF = {
    Quantity.ENERGY_IMPORT: Quantity.ACTIVE_POWER,
    Quantity.ENERGY_EXPORT: Quantity.ACTIVE_POWER,
    Quantity.REACTIVE_ENERGY_IMPORT: Quantity.REACTIVE_POWER,
    Quantity.REACTIVE_ENERGY_EXPORT: Quantity.REACTIVE_POWER,
}
_COARSEST_DIGIT = 1.0  # kWh, kvarh: a meter that shows whole ones grows in such steps however fast it is read


def tags_of(device: Device) -> tuple[Tag, ...]:
    """The tags a device brings, not yet registered (id 0). SLOW points come each 60 s, DAILY once a day."""
    tags = []
    for point in device.profile.points:
        interval = {Group.FAST: device.scan_s, Group.SLOW: max(60.0, device.scan_s), Group.DAILY: 86400.0}[point.group]
        tags.append(
            Tag(
                TagId(0), f"{device.id}.{point.tag}", device.id, point.tag, point.quantity, point.canonical_unit,
                point.group, interval, point.wrap_at, _max_rate(device, point), point.enum,
            )
        )
    return tuple(tags)


def _max_rate(device: Device, point: Point) -> float | None:
    """Of the point, else for energies what the highest plausible power of the device gives; None when that is unknown too.

    A power before the transformers tells nothing unless the device names its ratio: the meter's own is not known here.
    """
    quantity = _POWER_OF.get(point.quantity)
    if point.max_rate is not None or quantity is None:
        return point.max_rate
    for power in device.profile.points:
        if power.tag == quantity.value and power.plausible is not None:
            ratio = 1.0
            if power.secondary:
                ct, vt = device.options.get("ct_ratio"), device.options.get("vt_ratio", 1)
                if not isinstance(ct, (int, float)) or not isinstance(vt, (int, float)):
                    return None
                ratio = float(ct) * float(vt)
            return max(map(abs, power.plausible)) * canonical_factor(quantity, power.unit) * ratio / 3600.0
    return None


def machine_of_device(plant: Plant) -> Mapping[str, str]:
    """Which machine a device tells of, by id: whose meter it is, else whose control it serves; none where several share it."""
    meters = {machine.meter: machine.id for machine in plant.machines if machine.meter}
    named: dict[str, set[str]] = {}
    for machine in plant.machines:
        for device in machine.devices:
            named.setdefault(device, set()).add(machine.id)
    return {device: next(iter(machines)) for device, machines in named.items() if len(machines) == 1} | meters
