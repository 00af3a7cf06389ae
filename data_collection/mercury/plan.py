"""A device's profile compiled to the queries that cover each group. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from data_collection.driver import Cost
from data_collection.mercury import query as queries
from data_collection.mercury.query import Bundle, Query
from data_collection.mercury.reply import Habits
from data_collection.mercury.timing import timing
from domain.errors import ConfigError
from domain.plant import Device
from domain.profile import Group, MercuryPoint, Point
from domain.quantity import Kind, Quantity, canonical_factor

FACTORY_PASSWORD: Final = "111111"  # noqa: S105 (printed in the vendor's manual: level 1, reading)
ENCODINGS: Final = ("ascii", "binary")
FORGET_AFTER_S: Final = 86_400.0  # a refused query is tried again after a day
SURE_AFTER: Final = 3  # identical refusals in a row until one is believed
_USUAL_BAUD, _USUAL_LATENCY_S = 9600, 0.040
_POWER: Final = frozenset({
    Quantity.ACTIVE_POWER, Quantity.REACTIVE_POWER, Quantity.APPARENT_POWER, Quantity.ENERGY_IMPORT, Quantity.ENERGY_EXPORT,
    Quantity.REACTIVE_ENERGY_IMPORT, Quantity.REACTIVE_ENERGY_EXPORT,
})  # fmt: skip


@dataclass(slots=True)
class MeterState:
    """What was learned about one meter since the start. Times are monotonic seconds."""

    habits: Habits = field(default_factory=Habits)
    open_since_s: float | None = None  # last valid request with the channel open
    encoding: str | None = None  # of the password that was accepted
    denied_until_s: float = 0.0
    denied: str = ""
    ignored_password: bool = False  # the last attempt to open met silence
    in_step: bool = False  # nothing that was asked before can still be answered: see Conversation
    serial: str | None = None
    kn: float | None = None  # the meter's own ratios
    kt: float | None = None
    refusals: dict[str, Refusals] = field(default_factory=dict)

    def offers(self, name: str, now_s: float) -> bool:
        """May the query be asked, as far as known?"""
        known = self.refusals.get(name)
        return known is None or known.times < SURE_AFTER or now_s >= known.until_s

    def refused(self, name: str, how: str, now_s: float) -> None:
        """The meter answered `how` (a status, or silence while it answers others)."""
        known = self.refusals.get(name)
        if known is None or known.how != how:
            known = self.refusals[name] = Refusals(how)
        known.times += 1
        known.until_s = now_s + FORGET_AFTER_S

    def answered(self, name: str) -> None:
        self.refusals.pop(name, None)

    def exchanged(self) -> None:
        """Another meter hangs at this address: nothing learned holds."""
        self.habits = Habits()
        self.kn = self.kt = self.open_since_s = self.encoding = None
        self.refusals.clear()


@dataclass(slots=True)
class Refusals:
    """How often in a row a query was refused in the same way, and until when that is believed."""

    how: str
    times: int = 0
    until_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Located:
    """A value point: canonical value = decoded * scale + offset, times `factor`, times Kn and Kt where they apply."""

    point: Point
    item: str
    query: Query
    factor: float
    by_kn: bool
    by_kt: bool

    def value(self, raw: float, kn: float, kt: float) -> float:
        value = (raw * self.point.scale + self.point.offset) * self.factor
        if self.by_kn:
            value *= kn
        return value * kt if self.by_kt else value


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """Queries of one group. `points` is the one tuple that every reading of the group carries, parallel to `values`."""

    steps: tuple[Query | Bundle, ...]
    values: tuple[Located, ...]
    texts: tuple[Located, ...]
    points: tuple[str, ...]
    needs_ratios: bool


class MercuryPlan:
    """Implements data_collection.driver.DevicePlan for the native protocol. `faults` counts what was survived on the wire."""

    def __init__(self, device: Device, state: MeterState) -> None:
        profile = device.profile
        if profile.protocol != "mercury":
            raise ConfigError(f"device {device.id}: profile {profile.name} speaks {profile.protocol}, not Mercury")
        if device.address is None or not 0 <= device.address <= 240:
            raise ConfigError(f"device {device.id}: a Mercury address is 1 to 240 (0 where it is alone), not {device.address!r}")
        self._device = device
        self.address = device.address
        self.state = state
        self.faults: Counter[str] = Counter()
        self.passwords = passwords(device)
        self.multiplier = _whole(device, "timeout_multiplier", 1, 255)
        self.own_timeout_s = _number(device, "timeout_s") or profile.quirks.timeout_s
        self.timeout_s = timing(_USUAL_BAUD, multiplier=self.multiplier, timeout_s=self.own_timeout_s).wait_s
        self.ct_ratio, self.vt_ratio = _number(device, "ct_ratio"), _number(device, "vt_ratio")
        self.zone = _zone(device)
        self._long_replies = _choice(device, "long_replies", ("auto", "off")) == "auto"
        self._groups = {group: self._compile(group) for group in Group}

    @property
    def device(self) -> Device:
        return self._device

    def points(self, group: Group) -> tuple[str, ...]:
        return self._groups[group].points

    def group(self, group: Group) -> GroupPlan:
        return self._groups[group]

    def cost(self, group: Group) -> Cost:
        """At the usual speed, with what the meter is known to answer; a channel is opened once and not counted."""
        asked: list[Query] = []
        for step in self._groups[group].steps:
            if isinstance(step, Query):
                asked.append(step)
            else:
                asked += [step.whole] if self.pays(step, _USUAL_BAUD) else step.parts
        pause = timing(_USUAL_BAUD, multiplier=self.multiplier).pause_s
        return Cost(len(asked), sum(q.wire_bytes for q in asked), pause)

    def pays(self, bundle: Bundle, baud: int, now_s: float = 0.0) -> bool:
        """Is the long query quicker than its parts at that speed, and not refused so far?"""
        if not self._long_replies or not self.state.offers(bundle.whole.name, now_s):
            return False
        byte_s = 10.0 / baud
        each_s = _USUAL_LATENCY_S + timing(baud, multiplier=self.multiplier).pause_s
        parts_s = sum(q.wire_bytes * byte_s + each_s for q in bundle.parts)
        return bundle.whole.wire_bytes * byte_s + each_s < parts_s

    def _compile(self, group: Group) -> GroupPlan:
        values: list[Located] = []
        texts: list[Located] = []
        for point in self._device.profile.points:
            if point.group is group:
                located = _locate(self._device, point)
                (texts if located.item in queries.TEXT_ITEMS else values).append(located)
        wanted = {located.query.name: located.query for located in (*values, *texts)}
        needs_ratios = any(v.by_kn or v.by_kt or v.item in {"kn", "kt"} for v in values)
        return GroupPlan(
            _steps(wanted.values()), tuple(values), tuple(texts), tuple(v.point.tag for v in values), needs_ratios
        )


def _steps(wanted: Iterable[Query]) -> tuple[Query | Bundle, ...]:
    names = {q.name for q in wanted}
    steps: list[Query | Bundle] = []
    for family, whole in ((queries.INSTANT, queries.ALL), (queries.ENERGY, queries.ENERGY_ALL)):
        parts = alternate([q for q in family if q.name in names])
        if len(parts) > 1:
            steps.append(Bundle(whole, tuple(parts)))
        else:
            steps += parts
    for family in queries.FAMILIES.values():
        if family not in {queries.INSTANT, queries.ENERGY}:
            steps += [q for q in family if q.name in names]
    return tuple(steps)


def alternate(parts: Sequence[Query]) -> list[Query]:
    """Neighbours with replies of different length where that is possible: a reply that comes twice cannot then be taken for
    the next one."""
    left = list(parts)
    ordered: list[Query] = []
    while left:
        before = ordered[-1].reply_bytes if ordered else 0
        sizes = Counter(q.reply_bytes for q in left)
        fitting = [q for q in left if q.reply_bytes != before] or left
        chosen = max(fitting, key=lambda q: sizes[q.reply_bytes])
        ordered.append(chosen)
        left.remove(chosen)
    return ordered


def _locate(device: Device, point: Point) -> Located:
    where = point.where
    named = f"device {device.id}: point {point.tag} of profile {device.profile.name}"
    if not isinstance(where, MercuryPoint):
        raise ConfigError(f"{named} has no Mercury place")
    if where.query not in queries.FAMILIES:
        raise ConfigError(f"{named}: no query {where.query!r}; known: {', '.join(queries.FAMILIES)}")
    try:
        query = queries.find(where.query, where.item)
    except KeyError:
        items = sorted({i for q in queries.FAMILIES[where.query] for i in q.items} | set(queries.DERIVED.get(where.query, {})))
        raise ConfigError(f"{named}: no item {where.item!r} of {where.query}; known: {', '.join(items)}") from None
    unit = queries.unit_of(where.item)
    is_text = where.item in queries.TEXT_ITEMS
    if is_text != (point.kind is Kind.TEXT):
        raise ConfigError(f"{named}: {where.item} {'is' if is_text else 'is not'} a text")
    if not is_text and point.unit != unit:
        raise ConfigError(f"{named}: {where.item} comes in {unit}, not {point.unit}")
    factor = 1.0 if is_text else canonical_factor(point.quantity, point.unit)
    power = point.secondary and point.quantity in _POWER
    by_kn = power or (point.secondary and point.quantity is Quantity.VOLTAGE)
    by_kt = power or (point.secondary and point.quantity is Quantity.CURRENT)
    return Located(point, where.item, query, factor, by_kn, by_kt)


def passwords(device: Device) -> tuple[tuple[str, bytes], ...]:
    """(encoding, six bytes) to try, in order. Text goes as ASCII to meters with index D, digit by digit to others; the
    parameter `password_encoding` (auto, ascii, binary) says which. `hex:010101010101` is taken as it stands.

    Raises ConfigError without repeating the password.
    """
    secret = FACTORY_PASSWORD if device.password is None else device.password
    if secret.lower().startswith("hex:"):
        try:
            raw = bytes.fromhex(secret[4:])
        except ValueError:
            raw = b""
        if len(raw) != 6:
            raise ConfigError(f"device {device.id}: a password in hex has 6 bytes, e.g. hex:010101010101")
        return (("binary", raw),)
    encoding = _choice(device, "password_encoding", ("auto", *ENCODINGS))
    found: list[tuple[str, bytes]] = []
    if len(secret) != 6 or not secret.isascii():
        raise ConfigError(f"device {device.id}: a Mercury password has 6 characters, or 6 bytes as hex:...")
    if encoding in {"auto", "ascii"}:
        found.append(("ascii", secret.encode("ascii")))
    if encoding in {"auto", "binary"} and secret.isdigit():
        found.append(("binary", bytes(int(c) for c in secret)))
    if not found:
        raise ConfigError(f"device {device.id}: a binary password is 6 digits, or 6 bytes as hex:...")
    return tuple(found)


def _option(device: Device, name: str) -> object:
    value = device.options.get(name)
    return device.profile.parameters.get(name) if value is None else value


def _number(device: Device, name: str) -> float | None:
    value = _option(device, name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"device {device.id}: {name} must be a positive number, not {value!r}")
    return float(value)


def _whole(device: Device, name: str, low: int, high: int) -> int:
    value = _option(device, name)
    if value is None:
        return low
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not low <= value <= high:
        raise ConfigError(f"device {device.id}: {name} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def _choice(device: Device, name: str, allowed: tuple[str, ...]) -> str:
    value = _option(device, name)
    if value is None:
        return allowed[0]
    if value not in allowed:
        raise ConfigError(f"device {device.id}: {name} must be one of {', '.join(allowed)}, not {value!r}")
    return str(value)


def _zone(device: Device) -> ZoneInfo | None:
    name = _option(device, "clock_timezone")
    if name in {None, "", "auto"}:
        return None
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError) as exc:
        raise ConfigError(f"device {device.id}: clock_timezone {name!r} is not a known time zone") from exc
