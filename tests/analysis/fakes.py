"""History and stores in memory, with the promises of domain.ports and domain.stores; a small plant."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time

from domain.access import EVERY_ENTRY, AuditEntry, AuditQuery
from domain.alert import Action, Alert, Change, KeyHold, LimitRule
from domain.energy import EnergyAccount, ShiftWindow
from domain.errors import StorageError
from domain.plant import Device, Line, Machine, Plant, ShiftPattern, Site, Tag, tags_of
from domain.ports import RawSeries, RollupRow, RollupSeries, Step
from domain.profile import Group, ModbusPoint, Point, Profile, Quirks
from domain.quantity import Quantity
from domain.sample import TagId
from domain.state import StateInterval, StateThresholds
from domain.tariff import HourPrice

S = 1_000_000
H = 3600 * S
DAILY = frozenset(range(7))
THREE = (
    ShiftPattern("1", time(7), time(15), DAILY),
    ShiftPattern("2", time(15), time(23), DAILY),
    ShiftPattern("3", time(23), time(7), DAILY),
)
THRESHOLDS = StateThresholds(idle_above_kw=0.3, production_above_kw=3.0, min_dwell_s=10)


class MemoryHistory:
    """Samples by tag; `reads` counts raw queries and `rows` what they returned."""

    def __init__(self) -> None:
        self.series: dict[int, list[tuple[int, float | None, int]]] = {}
        self.reads = self.rows = 0

    def put(self, tag_id: int, rows: Sequence[tuple[int, float | None, int]]) -> None:
        merged = {row[0]: row for row in [*self.series.get(tag_id, []), *rows]}
        self.series[tag_id] = [merged[key] for key in sorted(merged)]

    async def raw(self, tag_id: TagId, from_us: int, to_us: int, *, limit: int = 1_000_000, edges: bool = False) -> RawSeries:
        self.reads += 1
        rows = self.series.get(tag_id, [])
        begin = bisect.bisect_left(rows, from_us, key=lambda r: r[0])
        end = bisect.bisect_left(rows, to_us, key=lambda r: r[0])
        found = rows[begin:end][:limit]
        if edges:
            before = next((rows[i] for i in range(begin - 1, -1, -1) if rows[i][2] == 0), None)
            after = next((rows[i] for i in range(end, len(rows)) if rows[i][2] == 0), None)
            found = [*([before] if before else []), *found, *([after] if after else [])]
        self.rows += len(found)
        return RawSeries(tag_id, [r[0] for r in found], [r[1] for r in found], [r[2] for r in found])

    async def rollup(self, tag_id: TagId, step: Step, from_us: int, to_us: int) -> RollupSeries:
        """Means of the samples in each bucket; consumption as it would be without gaps (enough for these tests)."""
        width = step.seconds * S
        rows = self.series.get(tag_id, [])
        found = []
        for begin in range(-(-from_us // width) * width, to_us, width):
            low = bisect.bisect_left(rows, begin, key=lambda r: r[0])
            high = bisect.bisect_left(rows, begin + width, key=lambda r: r[0])
            values = [r[1] for r in rows[low:high] if r[1] is not None]
            if values:
                n, good = len(values), sum(r[2] == 0 for r in rows[low:high])
                mean = sum(values) / n
                found.append(RollupRow(begin, n, good, min(values), max(values), mean, values[0], values[-1], width))
        return RollupSeries(tag_id, step, found)


class MemoryStates:
    """StateStore; `down` makes every call fail."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], StateInterval] = {}
        self.down = False

    def _check(self) -> None:
        if self.down:
            raise StorageError("database away")

    async def save_states(self, intervals: Sequence[StateInterval]) -> None:
        self._check()
        for interval in intervals:
            self.held[(interval.machine_id, interval.from_us)] = interval

    async def states(self, machine_id: str, from_us: int, to_us: int) -> Sequence[StateInterval]:
        self._check()
        return [
            i for key, i in sorted(self.held.items())
            if key[0] == machine_id and i.from_us < to_us and (i.to_us is None or i.to_us > from_us)
        ]  # fmt: skip

    async def replace_states(self, machine_id: str, from_us: int, to_us: int, intervals: Sequence[StateInterval]) -> None:
        self._check()
        for key in [k for k in self.held if k[0] == machine_id and from_us <= k[1] < to_us]:
            del self.held[key]
        await self.save_states(intervals)

    async def last_states(self) -> Sequence[StateInterval]:
        self._check()
        last: dict[str, StateInterval] = {}
        for _, interval in sorted(self.held.items()):
            last[interval.machine_id] = interval
        return list(last.values())


class MemoryEnergy:
    """EnergyStore."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str, date], tuple[ShiftWindow, EnergyAccount]] = {}
        self.saves = 0
        self.down = False

    async def save_shift_energy(self, window: ShiftWindow, accounts: Sequence[EnergyAccount]) -> None:
        if self.down:
            raise StorageError("database away")
        self.saves += 1
        for account in accounts:
            self.held[(account.machine_id, window.name, window.day)] = (window, account)

    async def shift_energy(self, from_day: date, to_day: date) -> Sequence[tuple[ShiftWindow, EnergyAccount]]:
        return [pair for key, pair in self.held.items() if from_day <= key[2] <= to_day]


class MemoryAlerts:
    """AlertStore that also remembers each transition it was told."""

    def __init__(self) -> None:
        self.held: dict[int, Alert] = {}
        self.recorded: dict[int, dict[int, Change]] = {}
        self.transitions: list[tuple[int, str]] = []
        self.key_holds: dict[str, KeyHold] = {}
        self.down = False

    def _check(self) -> None:
        if self.down:
            raise StorageError("database away")

    async def save(self, alert: Alert) -> Alert:
        self._check()
        same = next((a for a in self.held.values() if (a.key, a.raised_us) == (alert.key, alert.raised_us)), None)
        stored = alert if alert.id else replace(alert, id=same.id if same is not None else len(self.held) + 1)
        if same is None or same.changes <= stored.changes:
            self.held[stored.id] = stored
        if stored.change is not None and stored.change.number not in self.recorded.setdefault(stored.id, {}):
            self.recorded[stored.id][stored.change.number] = stored.change
            self.transitions.append((stored.id, stored.state.value))
        return stored

    async def save_all(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        return [await self.save(alert) for alert in alerts]

    async def active(self) -> Sequence[Alert]:
        self._check()
        return [alert for alert in self.held.values() if alert.state.is_active]

    async def get(self, alert_id: int) -> Alert | None:
        return self.held.get(alert_id)

    async def between(self, from_us: int, to_us: int, limit: int) -> Sequence[Alert]:
        return [a for a in reversed(self.held.values()) if a.raised_us < to_us][:limit]

    async def changes(self, alert_id: int) -> Sequence[Change]:
        return [change for _, change in sorted(self.recorded.get(alert_id, {}).items())]

    async def raises(self, from_us: int, to_us: int, limit: int) -> Sequence[tuple[int, int]]:
        raises = {Action.RAISE, Action.REPEAT}
        found = [(n, c.time_us) for n, changes in self.recorded.items() for c in changes.values() if c.action in raises]
        return sorted((f for f in found if from_us <= f[1] < to_us), key=lambda f: f[1])[:limit]

    async def holds(self) -> Sequence[KeyHold]:
        self._check()
        return list(self.key_holds.values())

    async def save_hold(self, hold: KeyHold) -> None:
        self._check()
        self.key_holds[hold.key] = hold

    async def remove_hold(self, key: str) -> None:
        self._check()
        self.key_holds.pop(key, None)


class MemoryAudit:
    """AuditStore; `down` makes appends fail."""

    def __init__(self) -> None:
        self.held: list[AuditEntry] = []
        self.down = False

    async def append(
        self, time_us: int, actor: str, source: str, action: str, subject: str,
        *, old: str | None = None, new: str | None = None, result: str = "ok",
    ) -> AuditEntry:  # fmt: skip
        if self.down:
            raise StorageError("audit cannot be written")
        entry = AuditEntry(len(self.held) + 1, time_us, actor, source, action, subject, old, new, result)
        self.held.append(entry)
        return entry

    async def entries(
        self, limit: int, before: int | None = None, query: AuditQuery = EVERY_ENTRY
    ) -> Sequence[AuditEntry]:
        return self.held[:limit]

    async def verify(self) -> int | None:
        return None


def meter_device(device_id: str, *, line: str = "l", scan_s: float = 1.0, counter: bool = True, **more: object) -> Device:
    """A meter with active_power (fast, kW) and energy_import (each minute, kWh)."""
    points = [Point("active_power", Quantity.ACTIVE_POWER, "kW", ModbusPoint("holding", 0, "float32"))]
    if counter:
        points.append(
            Point("energy_import", Quantity.ENERGY_IMPORT, "kWh", ModbusPoint("holding", 2, "float32"), group=Group.SLOW)
        )
    profile = Profile("p", {"en": "P"}, "v", "modbus", "test", "H", tuple(points), Quirks(timeout_s=1.0))
    return Device(device_id, line, profile, 1, scan_s, **more)  # type: ignore[arg-type]


def plant_of(
    *devices: Device,
    zone: str = "Europe/Moscow",
    limits: Sequence[LimitRule] = (),
    thresholds: StateThresholds | None = THRESHOLDS,
) -> tuple[Plant, list[Tag]]:
    """One machine "<device>-m" a device; lines as the devices name them; tags registered in order from 1."""
    lines = tuple(Line(name, "modbus-tcp") for name in dict.fromkeys(d.line for d in devices))
    machines = tuple(Machine(f"{d.id}-m", d.id, meter=d.id, states=thresholds) for d in devices)
    plant = Plant(Site("s", zone), THREE, lines, tuple(devices), machines, tuple(limits))
    tags = [replace(tag, id=TagId(i + 1)) for i, tag in enumerate(tag for d in devices for tag in tags_of(d))]
    return plant, tags


def load(
    history: MemoryHistory, tags: Sequence[Tag], device_id: str, start_us: int, parts: Sequence[tuple[float, int]],
    *, step_s: int = 1, reading_s: int = 60, count_from: float = 100.0,
) -> float:  # fmt: skip
    """Record a load of (kW, seconds) after each other: power each `step_s`, the counter each `reading_s`. Returns the kWh."""
    ids = {tag.point: tag.id for tag in tags if tag.device_id == device_id}
    power: list[tuple[int, float | None, int]] = []
    count: list[tuple[int, float | None, int]] = []
    second, kwh = 0, 0.0
    for kw, length in parts:
        for _ in range(length):
            if second % step_s == 0:
                power.append((start_us + second * S, kw, 0))
            if second % reading_s == 0:
                count.append((start_us + second * S, count_from + kwh, 0))
            kwh += kw / 3600
            second += 1
    if second % reading_s == 0:
        count.append((start_us + second * S, count_from + kwh, 0))
    history.put(ids["active_power"], power)
    if "energy_import" in ids:
        history.put(ids["energy_import"], count)
    return kwh


class MemoryPrices:
    """domain.tariff.PriceStore."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[int, HourPrice]] = {}

    async def save_prices(self, table: str, prices: Sequence[HourPrice]) -> None:
        self.tables.setdefault(table, {}).update({price.time_us: price for price in prices})

    async def prices(self, table: str, from_us: int, to_us: int) -> Sequence[HourPrice]:
        held = self.tables.get(table, {})
        return [held[at] for at in sorted(held) if from_us <= at < to_us]

    async def price_tables(self) -> Sequence[tuple[str, int, int, int]]:
        return [(name, min(held), max(held), len(held)) for name, held in self.tables.items()]
