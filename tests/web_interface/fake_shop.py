"""An invented shop at Thu 19.11.2026 13:42:08 (shift 1): plant, states, powers. All is a function of time, nothing random."""

from __future__ import annotations

import difflib
import math
import time as wall
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import count
from zoneinfo import ZoneInfo

from domain.alert import LimitRule
from domain.camera import Camera
from domain.energy import ShiftWindow
from domain.errors import NotFound
from domain.plant import Device, Line, Machine, Plant, ShiftPattern, Site, Tag, tags_of
from domain.production import ControlSignals
from domain.profile import Group, ModbusPoint, OtherPoint, Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity as Q  # noqa: N817
from domain.sample import TagId
from domain.state import MachineState as M
from domain.state import StateInterval, StateThresholds
from domain.virtual import VirtualTag

S = 1_000_000
MIN = 60 * S
ZONE = ZoneInfo("Europe/Moscow")


def nearest(what: str, name: str, known: Iterable[str]) -> NotFound:
    """The refusal of an unknown name, with those that look like it."""
    return NotFound(what, name, tuple(difflib.get_close_matches(name, list(known), n=5, cutoff=0.3)))


def local_us(day: date, at: time) -> int:
    """UTC microseconds of a wall-clock time of the shop."""
    return round(datetime.combine(day, at, ZONE).timestamp() * S)


TODAY = date(2026, 11, 19)
START_US = local_us(TODAY, time(13, 42, 8))
SHIFT_US = local_us(TODAY, time(7))
LOST_US = START_US - 6 * MIN  # HAAS VF-2 does not answer since then
DAY_US = 24 * 3600 * S


class ShopClock:
    """Starts at 13:42:08 of the pictures and runs on from there, or stands still."""

    def __init__(self, *, running: bool = True) -> None:
        self._running, self._begun, self._moved = running, wall.monotonic(), 0.0

    def monotonic(self) -> float:
        return (wall.monotonic() - self._begun if self._running else 0.0) + self._moved

    def now_us(self) -> int:
        return START_US + round(self.monotonic() * S)

    def advance(self, seconds: float) -> None:
        """Jump ahead."""
        self._moved += seconds

    async def sleep(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Tool:
    """One machine of the picture: what it shows at 13:42."""

    machine: Machine
    state: M
    minutes: int  # in this state
    kw: float
    kef: float
    kwh: float  # of the running shift
    line: str


_T, _F, _O = "Токарный участок", "Фрезерный участок", "Отделка и термообработка"
_ROWS: tuple[tuple[str, str, str, str, M, int, float, float, float, str, float], ...] = (
    ("lathe-1", "16К20 №1", _T, "ЩР-1", M.PRODUCTION, 10, 6.8, 0.87, 32, "tcp1", 11),
    ("lathe-2", "16К20 №2", _T, "ЩР-1", M.IDLE, 47, 2.1, 0.69, 24, "tcp1", 11),
    ("lathe-3", "16К20Ф3", _T, "ЩР-1", M.PRODUCTION, 56, 8.4, 0.87, 41, "tcp1", 15),
    ("ctx-1250", "DMG CTX beta 1250", _T, "ЩР-1", M.PRODUCTION, 24, 17.9, 0.90, 86, "tcp1", 32),
    ("mill-1", "ГФ2171", _F, "ЩР-2", M.PRODUCTION, 52, 7.2, 0.84, 34, "gw1", 13),
    ("mill-2", "6Р13", _F, "ЩР-2", M.OFF, 92, 0.0, 0.78, 19, "gw1", 12),
    ("haas-vf2", "HAAS VF-2", _F, "ЩР-2", M.NO_DATA, 6, 9.6, 0.84, 49, "gw2", 22),
    ("dmu-50", "DMU 50", _F, "ЩР-2", M.PRODUCTION, 93, 14.6, 0.89, 74, "gw1", 28),
    ("grinder-1", "3М151", _O, "ЩР-3", M.IDLE, 15, 2.6, 0.72, 30, "gw2", 15),
    ("borer-1", "2А622Ф2", _O, "ЩР-3", M.PRODUCTION, 36, 12.3, 0.80, 54, "gw2", 20),
    ("furnace-1", "Печь СНО-4", _O, "ЩР-3", M.ALARM, 11, 33.8, 0.89, 175, "dmg", 40),
    ("compressor-1", "Компрессор ВК-30", _O, "ЩР-3", M.PRODUCTION, 33, 18.7, 0.82, 92, "dmg", 30),
)
TOOLS: tuple[Tool, ...] = tuple(
    Tool(
        Machine(
            id_, name, section, f"m{n}", rated, StateThresholds(rated * 0.04, rated * 0.25), board, 0.86 if n == 4 else None,
            control=ControlSignals(part_count="ctx.part_count", program="ctx.program") if n == 4 else None,
        ),
        state,
        minutes,
        kw,
        kef,
        kwh,
        line,
    )
    for n, (id_, name, section, board, state, minutes, kw, kef, kwh, line, rated) in enumerate(_ROWS, 1)
)
TOOL_OF_METER: Mapping[str, Tool] = {str(tool.machine.meter): tool for tool in TOOLS}
OTHER_KW = 4.5  # what the main meter sees beyond the machines


def _points(numbers: Sequence[tuple[str, Q, str, Group]]) -> tuple[Point, ...]:
    return tuple(
        Point(tag, quantity, unit, ModbusPoint("holding", 100 + 2 * i, "float32"), group=group, max_rate=None)
        for i, (tag, quantity, unit, group) in enumerate(numbers)
    )


@cache
def meter_profile() -> Profile:
    """A three-phase meter over Modbus."""
    phases = ("_l1", "_l2", "_l3")
    numbers: list[tuple[str, Q, str, Group]] = []
    for name, quantity, unit in (
        ("active_power", Q.ACTIVE_POWER, "kW"),
        ("reactive_power", Q.REACTIVE_POWER, "kvar"),
        ("power_factor", Q.POWER_FACTOR, "1"),
    ):
        numbers += [(name + p, quantity, unit, Group.FAST) for p in ("", *phases)]
    numbers += [("apparent_power", Q.APPARENT_POWER, "kVA", Group.FAST)]
    numbers += [("voltage" + p, Q.VOLTAGE, "V", Group.FAST) for p in phases]
    numbers += [("current" + p, Q.CURRENT, "A", Group.FAST) for p in phases]
    numbers += [("frequency", Q.FREQUENCY, "Hz", Group.FAST)]
    numbers += [(f"energy_{d}", q, "kWh", Group.SLOW) for d, q in (("import", Q.ENERGY_IMPORT), ("export", Q.ENERGY_EXPORT))]
    return Profile(
        "mercury-234-modbus",
        {"ru": "Меркурий 234 через ПЛК", "en": "Mercury 234 behind a PLC"},
        "Incotex",
        "modbus",
        "invented for the preview",
        "L",
        _points(numbers),
    )


@cache
def tool_profile() -> Profile:
    """What a machine tool's control tells."""
    points = (
        Point("program", Q.TEXT, "", OtherPoint()),
        Point("part_count", Q.COUNT, "1", OtherPoint()),
        Point("spindle_speed", Q.SPEED, "1/min", OtherPoint()),
        Point("spindle_load", Q.LOAD, "%", OtherPoint()),
    )
    title = {"ru": "Станок DMG MORI", "en": "DMG MORI machine tool"}
    return Profile("dmg-mori", title, "DMG MORI", "opcua", "invented for the preview", "L", points)


VIRTUAL = (
    VirtualTag("shop.reserve", "160 kW - avg(main.active_power; 15 min)", Q.ACTIVE_POWER, "kW", 2),
    VirtualTag("shop.unmeasured", "main.active_power - sum(m*.active_power)", Q.ACTIVE_POWER, "kW"),
    VirtualTag("lathe-1.tg_phi", "m1.reactive_power / m1.active_power", Q.RATIO, "1"),
)


@cache
def plant() -> Plant:
    """The shop as configured at the start."""
    meter = meter_profile()
    devices = [Device(str(t.machine.meter), t.line, meter, n, 1.0) for n, t in enumerate(TOOLS, 1)]
    devices += [Device("main", "com1", meter, 1, 1.0), Device("ctx", "dmg", tool_profile(), None, 1.0)]
    every_day = frozenset(range(7))
    return Plant(
        Site("Механический цех", contract_kw=160, tariff_per_kwh=8.234, kef_target=0.82, shift_plan_kwh=890, main_meter="main"),
        tuple(ShiftPattern(n, time(a), time(b), every_day) for n, a, b in (("1", 7, 15), ("2", 15, 23), ("3", 23, 7))),
        (
            Line("tcp1", "modbus-tcp", {"host": "127.0.0.1", "port": 1502}),
            Line("gw1", "rtu-over-tcp", {"host": "10.0.4.21", "port": 4001, "baud": 9600}),
            Line("gw2", "rtu-over-tcp", {"host": "10.0.4.22", "port": 4001, "baud": 9600}),
            Line("dmg", "opcua", {"url": "opc.tcp://10.0.4.40:4840"}),
            Line("com1", "serial", {"device": "/dev/ttyUSB0", "baud": 9600}),
        ),
        tuple(devices),
        tuple(tool.machine for tool in TOOLS),
        (
            LimitRule("m11.current_l2", high=72, critical_high=75, hysteresis=2, on_delay_s=10, off_delay_s=10, id=1),
            LimitRule("main.active_power", high=150, critical_high=160, hysteresis=3, on_delay_s=30, off_delay_s=30, id=2),
        ),
        virtual_tags=VIRTUAL, cameras=(Camera("cell", url="http://192.168.1.60/snap.jpg?channel=1"), Camera("press", "/srv/camera", "press-*.jpg")),
    )


@cache
def tags() -> tuple[Tag, ...]:
    """All tags with ids from 1."""
    ids = count(1)
    found = [tag for device in plant().devices for tag in tags_of(device)]
    return tuple(
        Tag(TagId(next(ids)), t.name, t.device_id, t.point, t.quantity, t.unit, t.group, t.interval_s, t.wrap_at, t.max_rate)
        for t in found
    )


def power_kw(meter: str, time_us: int) -> float:
    """Active power; at 13:42:08 the figure of the picture, around it a slow wobble, low at night."""
    if meter == "main":
        return sum(power_kw(m, time_us) for m in TOOL_OF_METER) + OTHER_KW
    tool = TOOL_OF_METER[meter]
    t = (time_us - START_US) / S
    if tool.state is M.OFF and t > -tool.minutes * 60:
        return 0.0
    hour = datetime.fromtimestamp(time_us / S, ZONE).hour
    share = 1.0 if 7 <= hour < 15 else 0.7 if hour < 23 and hour >= 15 else 0.08
    phase = int(meter[1:])
    wobble = 0.04 * math.sin(t / (7 + phase)) + 0.12 * math.sin(t / (311 + 17 * phase)) * min(1.0, abs(t) / 300)
    base = tool.kw if tool.state is not M.OFF else 8.0
    return base * share * (1 + wobble)


def value_at(tag: Tag, time_us: int) -> tuple[float | None, int]:
    """Value and quality of a number tag; phases, voltages and powers agree with each other."""
    if tag.device_id == "m7" and time_us >= LOST_US:
        return None, int(Quality.TIMEOUT)
    t = (time_us - START_US) / S
    if tag.device_id == "ctx":
        return {
            "part_count": 23.0 + math.floor(max(0.0, t) / 500),
            "spindle_speed": 1850.0,
            "spindle_load": 64 + 3 * math.sin(t / 5),
        }[tag.point], 0
    return _electrical(tag, power_kw(tag.device_id, time_us), t), 0


_SHARES = {"_l1": 0.3397, "_l2": 0.3335, "_l3": 0.3268}


def _electrical(tag: Tag, p_kw: float, t: float) -> float:
    pf = 0.961
    tan = math.sqrt(1 - pf**2) / pf
    phase = tag.point[-3:] if tag.point[-3:] in _SHARES else ""
    share = _SHARES.get(phase, 1.0)
    volts = {"_l1": 231.4, "_l2": 230.8, "_l3": 232.1}.get(phase, 231.4) + 0.3 * math.sin(t / 23)
    match tag.quantity:
        case Q.ACTIVE_POWER:
            return p_kw * share
        case Q.REACTIVE_POWER:
            return p_kw * share * tan
        case Q.APPARENT_POWER:
            return p_kw * share / pf
        case Q.POWER_FACTOR:
            return pf if p_kw else 0.0
        case Q.VOLTAGE:
            return volts
        case Q.CURRENT:
            special = 78.4 / (33.8 * 0.3335 / pf / 230.8 * 1000) if tag.device_id == "m11" and phase == "_l2" else 1.0
            return p_kw * share / pf / volts * 1000 * special
        case Q.FREQUENCY:
            return 50.01 + 0.01 * math.sin(t / 13)
        case Q.ENERGY_IMPORT:
            mean = sum(tool.kw for tool in TOOLS) + OTHER_KW if tag.device_id == "main" else TOOL_OF_METER[tag.device_id].kw
            return 41_820.0 + mean * t / 3600
        case _:
            return 0.0


def shift_windows(from_us: int, to_us: int) -> list[ShiftWindow]:
    """Shifts that begin in the window."""
    found: list[ShiftWindow] = []
    day = datetime.fromtimestamp(from_us / S, ZONE).date() - timedelta(days=1)
    while local_us(day, time(0)) < to_us:
        for shift in plant().shifts:
            end_day = day if shift.end > shift.start else day + timedelta(days=1)
            window = ShiftWindow(shift.name, day, local_us(day, shift.start), local_us(end_day, shift.end))
            if from_us <= window.from_us < to_us:
                found.append(window)
        day += timedelta(days=1)
    return found


def state_intervals(tool: Tool) -> list[StateInterval]:
    """The running shift's intervals; the shares of energy make the picture's КЭФ and energy."""
    since = max(SHIFT_US, START_US - tool.minutes * MIN)
    number = int(str(tool.machine.meter)[1:])
    cuts, at, n = [SHIFT_US], SHIFT_US, number
    while True:
        at += (4 + (n * 7) % 9) * MIN if len(cuts) % 2 else (11 + (n * 13) % 23) * MIN
        n += 1
        if at >= since - 3 * MIN:
            break
        cuts.append(at)
    kinds = [M.PRODUCTION if i % 2 else M.IDLE for i in range(len(cuts))]
    if kinds[-1] is tool.state:  # the last one before the running state differs from it
        kinds[-1] = M.IDLE if tool.state is M.PRODUCTION else M.PRODUCTION
    pieces = list(zip(kinds, cuts, [*cuts[1:], since], strict=True))
    productive = sum(b - a for kind, a, b in pieces if kind is M.PRODUCTION) or 1
    standing = sum(b - a for kind, a, b in pieces if kind is not M.PRODUCTION) or 1
    found = []
    for kind, a, b in pieces:
        energy = tool.kwh * (tool.kef * (b - a) / productive if kind is M.PRODUCTION else (1 - tool.kef) * (b - a) / standing)
        found.append(StateInterval(tool.machine.id, kind, a, b, round(energy, 3)))
    found.append(StateInterval(tool.machine.id, tool.state, since, None))
    return found
