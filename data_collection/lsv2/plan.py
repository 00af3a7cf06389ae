"""A device's profile compiled to the questions its groups need. Pure.

A point names a `query` and an `item` of its answer, or a kind of PLC `memory` and an `address` there. Neighbouring memory is
read in one telegram; where the areas lie is told by the control itself, after the connection stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from data_collection.driver import Cost
from data_collection.lsv2 import decode
from data_collection.lsv2.decode import MEMORY, MemoryMap, Value
from data_collection.lsv2.requests import MOST_BYTES, Info, Login, Request, info, memory, version
from data_collection.options import number_option
from data_collection.values import PointValue
from domain.errors import ConfigError, DecodeError
from domain.places.lsv2 import MEMORY_BYTES, Lsv2Place
from domain.plant import Device
from domain.profile import Group, Point
from domain.quality import Quality

DEFAULT_TIMEOUT_S: Final = 3.0
MAX_GAP: Final = 32  # bytes of memory read along rather than asked apart
_HEADERS: Final = 16  # bytes of request and reply besides their payloads
Decode = Callable[[bytes], Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Query:
    """One question in words of a profile: what is sent, which login it needs, how the answer is read."""

    request: Request
    login: Login
    decode: Decode


_RUNNING: Final = {
    "nc": Info.NC_UPTIME, "machine": Info.MACHINE_UPTIME, "program": Info.PROGRAM_TIME, "spindle": Info.SPINDLE_TIME,
    "spindle_2": Info.SPINDLE_2_TIME,
}  # fmt: skip
ALARMS: Final = "alarms"  # asked message by message
QUERIES: Final[Mapping[str, Query]] = {  # those of domain.places.lsv2.ITEMS
    "execution_state": Query(info(Info.EXECUTION_STATE), Login.DNC, decode.number16),
    "program_status": Query(info(Info.PROGRAM_STATUS), Login.DNC, decode.number16),
    "program_stack": Query(info(Info.PROGRAM_STACK), Login.DNC, decode.program_stack),
    "overrides": Query(info(Info.OVERRIDES), Login.DNC, decode.overrides),
    ALARMS: Query(info(Info.FIRST_ALARM), Login.DNC, lambda data: decode.alarms([decode.alarm(data)])),
    "axes": Query(info(Info.AXES), Login.DNC, decode.axes),
    "tool": Query(info(Info.TOOL), Login.DNC, decode.tool),
    "version": Query(version(), Login.INSPECT, decode.version),
    **{f"{name}_time": Query(info(selector), Login.DNC, decode.seconds32) for name, selector in _RUNNING.items()},
}


@dataclass(frozen=True, slots=True)
class Located:
    """A point with its place and the way of its value to the canonical unit."""

    where: Lsv2Place
    value: PointValue

    @property
    def tag(self) -> str:
        return self.value.point.tag

    @property
    def address(self) -> int:
        """First byte in its area; 0 for queries."""
        return self.where.address or 0

    @property
    def end(self) -> int:
        """First byte behind it; 0 for queries."""
        return self.address + MEMORY_BYTES[self.where.memory] if self.where.memory else 0


@dataclass(slots=True)
class Question:
    """One question to the control and the points its answer brings.

    `resting_until`: monotonic seconds until which it is not asked again, since the control does not know it; `reason` then.
    """

    name: str  # of a query; for memory the kind of its first point
    located: tuple[Located, ...]
    first: int = 0  # memory: offset of the first byte in its area
    count: int = 0  # memory: bytes; 0 for queries
    resting_until: float = 0.0
    reason: int = field(default=int(Quality.REFUSED))

    @property
    def login(self) -> Login:
        return Login.PLCDEBUG if self.count else QUERIES[self.name].login

    def request(self, areas: MemoryMap | None) -> tuple[Request | None, int]:
        """What to send, and the bytes of memory that must come; None where the memory ends before the first point.

        Points that the memory has no room for are not asked. `areas` must be there for memory.
        """
        if not self.count:
            return QUERIES[self.name].request, 0
        if areas is None:
            raise ValueError("the areas of the memory are not known")
        area = areas.area(self.name)
        count = max((p.end for p in self.located if p.end <= area.size), default=0) - self.first
        return (memory(area.start + self.first, count), count) if count > 0 else (None, 0)

    def decode(self, payload: bytes, count: int) -> Mapping[str, Value]:
        """Raw values by tag, those the control does not have left out. Raises DecodeError. `count` as `request` told it."""
        if not self.count:
            return self.pick(QUERIES[self.name].decode(payload))
        if len(payload) != count:
            raise DecodeError(f"PLC memory: {len(payload)} bytes instead of {count}")
        found: dict[str, Value] = {}
        for p in self.located:
            if p.end - self.first <= count:
                found[p.tag] = MEMORY[p.where.memory](payload[p.address - self.first : p.end - self.first])
        return found

    def pick(self, items: Mapping[str, Value]) -> Mapping[str, Value]:
        """Items of an answer by tag; one that the control does not have is left out."""
        return {p.tag: items[p.where.item] for p in self.located if p.where.item in items}


class GroupPlan:
    """The questions of one group. `points`: tags of its values in the profile's order, the tuple every reading carries."""

    __slots__ = ("located", "points", "questions")

    def __init__(self, located: Sequence[Located]) -> None:
        self.located = tuple(p for p in located if not p.value.text)
        self.points = tuple(p.tag for p in self.located)
        self.questions = [*_queries(located), *_memory(located)]


class Plan:
    """Implements data_collection.driver.DevicePlan for LSV2.

    `faults`: what its driver survived on the wire, by kind; `refusals`: why points of a group are bad, in plain words.
    """

    __slots__ = ("_device", "faults", "groups", "password", "refusals", "timeout_s")

    def __init__(self, device: Device, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Raises ConfigError."""
        if device.profile.protocol != "lsv2":
            raise ConfigError(f"device {device.id}: profile {device.profile.name} speaks {device.profile.protocol}, not LSV2")
        self._device = device
        self.password = device.password
        self.timeout_s = number_option(device, "timeout_s", device.profile.quirks.timeout_s or timeout_s)
        self.faults: Counter[str] = Counter()
        self.refusals: dict[Group, str] = {}
        located = [locate(device, point) for point in device.profile.points]
        self.groups = {group: GroupPlan([p for p in located if p.value.point.group is group]) for group in Group}

    @property
    def device(self) -> Device:
        return self._device

    @property
    def last_fault(self) -> str | None:
        """See DevicePlan."""
        return next(iter(self.refusals.values()), None)

    def points(self, group: Group) -> tuple[str, ...]:
        return self.groups[group].points

    def cost(self, group: Group) -> Cost:
        questions = self.groups[group].questions
        return Cost(len(questions), sum(_HEADERS + q.count + 8 for q in questions), 0.0)


def locate(device: Device, point: Point) -> Located:
    """Where a point lies. Raises ConfigError."""
    if not isinstance(point.where, Lsv2Place):
        raise ConfigError(f"device {device.id}: point {point.tag} of profile {device.profile.name} has no LSV2 place")
    return Located(point.where, PointValue(point))


def _queries(located: Sequence[Located]) -> list[Question]:
    by_name: dict[str, list[Located]] = {}
    for p in located:
        if p.where.query:
            by_name.setdefault(p.where.query, []).append(p)
    return [Question(name, tuple(points)) for name, points in by_name.items()]


def _memory(located: Sequence[Located]) -> list[Question]:
    """Neighbours of one area in one telegram."""
    found: list[Question] = []
    run: list[Located] = []
    end = 0

    def close() -> None:
        nonlocal run
        if run:
            found.append(Question(run[0].where.memory, tuple(run), run[0].address, end - run[0].address))
        run = []

    for p in sorted((p for p in located if p.where.memory), key=lambda p: (_area(p.where.memory), p.address)):
        same = bool(run) and _area(run[0].where.memory) == _area(p.where.memory)
        if not same or p.address - end > MAX_GAP or max(end, p.end) - run[0].address > MOST_BYTES:
            close()
            end = p.address
        run.append(p)
        end = max(end, p.end)
    close()
    return found


def _area(kind: str) -> str:
    """Bytes, words and double words are three views of one area."""
    return "word" if kind in {"byte", "word", "dword"} else kind
