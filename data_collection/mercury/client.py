"""Reading Mercury meters over a byte stream: implements data_collection.stream.StreamProtocol."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from data_collection.driver import DevicePlan, ScanHit, Trace
from data_collection.mercury import codec, decode
from data_collection.mercury import query as queries
from data_collection.mercury.conversation import Conversation, Ignored, Refusal
from data_collection.mercury.link import Link
from data_collection.mercury.plan import GroupPlan, Located, MercuryPlan, MeterState
from data_collection.mercury.query import Bundle, Query
from data_collection.mercury.reply import INTERNAL, LEVEL, STATUS_TEXT, Habits
from data_collection.mercury.timing import timing
from data_collection.stream import ByteStream
from domain.errors import AccessDenied, ConfigError, DecodeError, DeviceError, DeviceRefused, DeviceUnreachable
from domain.plant import Device
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

PROTOCOL: Final = "mercury"
QUARTER_S: Final = 900.0


@dataclass(slots=True)
class _Answers:
    """What one read brought: items with their value (None: the meter has none), or why an item is missing."""

    items: dict[str, float | str | None] = field(default_factory=dict)
    missing: dict[str, Quality] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)  # by item
    failures: list[DeviceError] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)  # names of queries

    def fail(self, query: Query, quality: Quality) -> None:
        for item in query.items:
            if item not in self.items:
                self.missing[item] = quality


class MercuryProtocol:
    """Mercury meters on byte streams. What is learned about a meter is kept from connection to connection."""

    def __init__(self) -> None:
        self._states: dict[tuple[object, ...], MeterState] = {}
        self._link: Link | None = None

    def prepare(self, device: Device) -> MercuryPlan:
        """Compile. Raises ConfigError."""
        key = (device.id, device.line, device.address, device.password, device.options.get("password_encoding"))
        return MercuryPlan(device, self._states.setdefault(key, MeterState()))

    async def read(self, stream: ByteStream, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """Read all points of `group` once. Values are primary, in canonical units.

        Raises DeviceUnreachable, DecodeError, AccessDenied (the group failed as a whole), LineDown.
        """
        if not isinstance(plan, MercuryPlan):
            raise ConfigError(f"device {plan.device.id} was not prepared for Mercury")
        link = self._on(stream)
        times = timing(stream.baud, tcp=stream.is_tcp, multiplier=plan.multiplier, timeout_s=plan.own_timeout_s)
        plan.timeout_s = times.wait_s
        await link.silence(plan.address, times, plan.faults, trace)
        read = _GroupRead(Conversation(link, plan, times, trace), plan, stream.baud, trace is not None and trace.by_hand)
        return await read.run(group)

    async def probe(self, stream: ByteStream, address: int) -> ScanHit | None:
        """Ask for the serial number, which needs no channel; its request is longer than a link test's, so that an echo is
        not taken for a meter. None when nobody answers. Raises LineDown, ValueError for an address no meter has."""
        link, faults, habits = self._on(stream), Counter[str](), Habits()
        times = timing(stream.baud, tcp=stream.is_tcp)
        await link.silence(address, times, faults, None)
        started = time.monotonic()
        try:
            reply = await link.ask(codec.serial(address), times, habits, faults, None)
            if reply.status is not None:
                answer = f"error {reply.status} ({STATUS_TEXT.get(reply.status, 'unknown')})"
            else:
                found = decode.serial(reply.data)
                answer = f"serial {found.number}" + (f", {found.made.isoformat()}" if found.made else "")
        except (DeviceUnreachable, DecodeError):
            return None
        return ScanHit(address, PROTOCOL, answer, time.monotonic() - started)

    def _on(self, stream: ByteStream) -> Link:
        """The link of this stream. On a fresh one nothing is known: neither open channels nor what may still arrive."""
        if self._link is None or self._link.stream is not stream:
            self._link = Link(stream)
            for state in self._states.values():
                state.in_step, state.open_since_s = False, None
        return self._link


class _GroupRead:
    """One read of one group."""

    def __init__(self, talk: Conversation, plan: MercuryPlan, baud: int, thorough: bool) -> None:
        self._talk, self._plan, self._baud = talk, plan, baud
        self._thorough = thorough  # by hand: what was refused before is asked again
        self._answers = _Answers()

    async def run(self, group: Group) -> Reading:
        compiled = self._plan.group(group)
        await self._ratios(compiled)
        for step in compiled.steps:
            if isinstance(step, Bundle):
                await self._bundle(step)
            elif step.name not in self._answers.asked:
                await self._single(step)
        self._raise_if_nothing(compiled)
        return self._reading(compiled)

    async def _ratios(self, compiled: GroupPlan) -> None:
        """Kn and Kt are asked once, and again with the group that shows them: before what they apply to."""
        plan, state = self._plan, self._plan.state
        if queries.RATIOS in compiled.steps:
            await self._single(queries.RATIOS)
        elif not compiled.needs_ratios:
            return
        elif (plan.ct_ratio is None and state.kt is None) or (plan.vt_ratio is None and state.kn is None):
            await self._single(queries.RATIOS)

    async def _bundle(self, bundle: Bundle) -> None:
        """The long reply where it is quicker; what it does not bring, and on meters without it, the short ones."""
        now = time.monotonic()
        if len(bundle.parts) > 1 and self._plan.pays(bundle, self._baud, now):
            await self._ask(bundle.whole, again=False)
        for part in bundle.parts:
            if not part.items <= self._answers.items.keys():
                await self._single(part)

    async def _single(self, query: Query) -> None:
        if not self._thorough and not self._plan.state.offers(query.name, time.monotonic()):
            self._answers.fail(query, Quality.REFUSED)
            return
        await self._ask(query, again=True)

    async def _ask(self, query: Query, *, again: bool) -> None:
        """Put the answer, or why there is none, with the answers. What concerns the whole meter is raised."""
        state, answers = self._plan.state, self._answers
        answers.asked.add(query.name)
        try:
            asked_at = time.time()
            data = await self._talk.ask(query.build(self._plan.address), again=again)
        except Refusal as exc:
            answers.failures.append(exc)
            answers.fail(query, {LEVEL: Quality.ACCESS_DENIED, INTERNAL: Quality.DEVICE_FAULT}.get(exc.status, Quality.REFUSED))
            self._plan.faults["refused"] += 1
            if exc.status != INTERNAL:
                state.refused(query.name, str(exc.status), time.monotonic())
            return
        except Ignored as exc:
            answers.failures.append(exc)
            answers.fail(query, Quality.TIMEOUT)
            state.refused(query.name, "silence", time.monotonic())
            return
        heard_at = time.time()
        try:
            found = dict(query.decode(data))
        except DecodeError as exc:
            answers.failures.append(exc)
            answers.fail(query, Quality.DECODE_ERROR)
            return
        state.answered(query.name)
        if query is queries.CLOCK:
            found["drift"] = self._drift(decode.clock(data).at, (asked_at + heard_at) / 2)
        if query is queries.RATIOS:
            self._learn_ratios(decode.ratios(data))
        answers.items |= found
        answers.raw |= dict.fromkeys(found, data)

    def _learn_ratios(self, found: decode.Ratios) -> None:
        """A ratio of 0 is none."""
        self._plan.state.kn = float(found.kn) if found.kn else None
        self._plan.state.kt = float(found.kt) if found.kt else None

    def _drift(self, meter: datetime, host_s: float) -> float:
        """How far the meter's clock is ahead, s. It shows local time to the whole second, on average half a second ago.

        With `clock_timezone` the difference is exact; without it the zone is unknown and all zones differ by whole quarters
        of an hour: what remains, -450 to 450 s, is the drift.
        """
        zone = self._plan.zone
        at = meter.replace(tzinfo=zone if zone is not None else UTC).timestamp() + 0.5
        ahead = at - host_s
        return ahead if zone is not None else (ahead + QUARTER_S / 2) % QUARTER_S - QUARTER_S / 2

    def _raise_if_nothing(self, compiled: GroupPlan) -> None:
        """Nothing answered: that is the group's failure, unless the meter refused point by point."""
        answers = self._answers
        wanted = [v.item for v in (*compiled.values, *compiled.texts)]
        if not answers.failures or any(item in answers.items for item in wanted) or not wanted:
            return
        if all(isinstance(e, Refusal) and e.status == LEVEL for e in answers.failures):
            raise AccessDenied(str(answers.failures[0]))
        if not any(isinstance(e, DeviceRefused) for e in answers.failures):
            last = answers.failures[-1]
            raise last.__cause__ if isinstance(last.__cause__, DeviceError) else last

    def _reading(self, compiled: GroupPlan) -> Reading:
        plan, answers = self._plan, self._answers
        kn = plan.vt_ratio if plan.vt_ratio is not None else plan.state.kn
        kt = plan.ct_ratio if plan.ct_ratio is not None else plan.state.kt
        no_ratio = answers.missing.get("kt_meter", Quality.NO_VALUE)
        answers.items |= {"kn": kn, "kt": kt}
        values: list[float | None] = []
        qualities: list[int] = []
        for located in compiled.values:
            raw = answers.items.get(located.item)
            if not isinstance(raw, float):
                missing = answers.missing.get(located.item, Quality.NO_VALUE)
                values.append(None)
                qualities.append(int(no_ratio if located.item in {"kn", "kt"} else missing))
            elif (located.by_kn and kn is None) or (located.by_kt and kt is None):
                values.append(None)
                qualities.append(int(no_ratio))
            else:
                values.append(located.value(raw, kn or 1.0, kt or 1.0))
                qualities.append(int(Quality.GOOD))
        texts = {t.point.tag: v for t in compiled.texts if isinstance(v := answers.items.get(t.item), str)}
        raw_hex = self._raw((*compiled.values, *compiled.texts)) if self._thorough else {}
        return Reading(plan.device.id, time.time_ns() // 1000, compiled.points, values, qualities, texts, raw_hex)

    def _raw(self, located: tuple[Located, ...]) -> dict[str, str]:
        """The data field each point was decoded from, hex."""
        raw = self._answers.raw
        return {x.point.tag: raw[x.item].hex(" ").upper() for x in located if x.item in raw}
