"""The LSV2 driver: logs in where a question needs it, asks what a plan holds, keeps apart what the control does not know.

A control refuses in words; each refusal hits its own points only. The password (of the PLC level) is the device's or the line's.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from data_collection.driver import DevicePlan, Found, ScanHit, Trace
from data_collection.lsv2 import decode
from data_collection.lsv2.connection import Connection, Refusal
from data_collection.lsv2.decode import (
    NO_MORE_ALARMS,
    NO_PRIVILEGE,
    NOT_LOGGED_IN,
    TOO_MANY_CONNECTIONS,
    UNSUPPORTED,
    MemoryMap,
    Value,
)
from data_collection.lsv2.plan import ALARMS, DEFAULT_TIMEOUT_S, Plan, Question
from data_collection.lsv2.requests import Info, Login, Request, info, login, logout, parameters, version
from data_collection.options import number, text, whole
from data_collection.remembered import PlanMemory
from domain.errors import AccessDenied, ConfigError, DecodeError, LineDown
from domain.plant import Device, Line
from domain.profile import Group
from domain.quality import Quality
from domain.sample import Reading

PORT: Final = 19000
MOST_ALARMS: Final = 16  # messages read each time
ASK_AGAIN_S: Final = 600.0  # what the control does not know is asked again after this long
_REFUSED, _DENIED = int(Quality.REFUSED), int(Quality.ACCESS_DENIED)
_DECODE, _NO_VALUE = int(Quality.DECODE_ERROR), int(Quality.NO_VALUE)
_HINTS: Final[Mapping[Login, str]] = {
    Login.INSPECT: "allow external access in the control's menu",
    Login.DNC: "the control needs its DNC option (HEIDENHAIN DNC, option 18), and external access allowed in its menu",
    Login.PLCDEBUG: "it needs the password of the PLC level: password_env of the line or device",
}


class Lsv2Driver:
    """Implements data_collection.driver.Driver: one control, one question at a time."""

    def __init__(self, line: Line, plans: PlanMemory[Plan] | None = None) -> None:
        self._line, self._plans = line, plans or PlanMemory()
        self._host, self._port = text(line, "host"), whole(line, "port", PORT, 1, 65535)
        self._timeout_s = number(line, "timeout_s", DEFAULT_TIMEOUT_S)
        self._connect_s = number(line, "connect_timeout_s", 5.0)
        self._connection: Connection | None = None
        self._logins: set[Login] = set()
        self._denied: dict[Login, str] = {}
        self._areas: MemoryMap | None = None
        self._faults: Counter[str] = Counter()

    async def open(self) -> None:
        """Connect and log in for inspection. Raises LineDown; a refused login is told when a device is read."""
        await self.close()
        self._connection = await Connection.open(self._host, self._port, self._connect_s, self._faults)
        self._logins, self._denied, self._areas = set(), {}, None

    async def close(self) -> None:
        """Give back the connection; a control has few."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.usable and self._logins:
            with contextlib.suppress(Exception):  # whatever the answer: we leave
                await connection.ask(logout(), min(0.5, self._timeout_s))
        if connection is not None:
            await connection.close()

    def prepare(self, device: Device) -> Plan:
        if device.profile.protocol != "lsv2":
            raise ConfigError(f"device {device.id}: {device.profile.protocol} cannot run on an LSV2 line")
        return self._plans.plan(device, self._timeout_s, lambda: Plan(device, self._timeout_s))

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """See Driver.probe: a control has no addresses."""
        raise ConfigError(f"line {self._line.id}: a control has no addresses to be asked ({protocol} {address})")

    async def survey(self, seconds: float) -> Sequence[Found]:
        """Which control it is."""
        connection = await self._ready()
        timeout_s = min(seconds, self._timeout_s)
        await self._log_in(connection, Login.INSPECT, None, timeout_s, None)
        told = decode.version(await connection.ask(version(), timeout_s))
        return [Found(self._line.target, f"{told['control']}, NC {told['nc_software']}, PLC {told['plc_software']}")]

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """See Driver.read."""
        if not isinstance(plan, Plan):
            raise TypeError(f"not an LSV2 plan: {plan!r}")
        self._faults = plan.faults
        connection = await self._ready()
        answers = _Answers()
        for question in plan.groups[group].questions:
            await self._answer(connection, plan, question, answers, trace)
        if answers.reasons:
            plan.refusals[group] = answers.reasons[0]
        elif not answers.resting:
            plan.refusals.pop(group, None)
        if trace is not None:
            trace.notes += answers.reasons
        if answers.denied and not answers.raw and len(answers.denied) == len(plan.groups[group].questions):
            raise AccessDenied(f"device {plan.device.id}: {answers.denied[0]}")
        return answers.reading(plan, group, traced=trace is not None and trace.by_hand)

    async def _ready(self) -> Connection:
        """The connection, opened anew where the last one was given up."""
        if self._connection is None or not self._connection.usable:
            await self.open()
        if self._connection is None:
            raise LineDown(f"{self._line.target}: no connection")
        self._connection.faults = self._faults
        return self._connection

    async def _answer(
        self, connection: Connection, plan: Plan, question: Question, answers: _Answers, trace: Trace | None
    ) -> None:
        """Ask one question; a refusal or an answer that makes no sense hits its points only."""
        now = time.monotonic()
        if question.resting_until > now and (trace is None or not trace.by_hand):
            answers.bad(question, question.reason)
            answers.resting = True
            return
        try:
            await self._log_in(connection, question.login, plan.password or self._line.password, plan.timeout_s, trace)
            answers.good(question, *await self._ask(connection, plan, question, trace))
        except AccessDenied as denied:
            answers.bad(question, _DENIED, str(denied))
            answers.denied.append(str(denied))
        except Refusal as refusal:
            answers.bad(question, self._refused(plan, question, refusal, now), f"{question.name}: {refusal}")
        except DecodeError as wrong:
            if not connection.usable:
                raise
            plan.faults["decode"] += 1
            answers.bad(question, _DECODE, str(wrong))
        else:
            question.resting_until = 0.0

    def _refused(self, plan: Plan, question: Question, refusal: Refusal, now_s: float) -> int:
        """Quality of the points; what will not change soon rests."""
        plan.faults["refused"] += 1
        if refusal.code == TOO_MANY_CONNECTIONS:
            raise LineDown(f"{self._line.target}: the control has no free connection: {refusal}") from refusal
        question.reason = _DENIED if refusal.code in {NO_PRIVILEGE, NOT_LOGGED_IN} else _REFUSED
        if refusal.code in UNSUPPORTED:
            question.resting_until = now_s + ASK_AGAIN_S
        if refusal.code == NOT_LOGGED_IN:  # the control forgot the login: next time it is asked for again
            self._logins.discard(question.login)
        return question.reason

    async def _ask(
        self, connection: Connection, plan: Plan, question: Question, trace: Trace | None
    ) -> tuple[Mapping[str, Value], bytes]:
        """Raw values by tag, and the bytes they came in."""
        if question.name == ALARMS and not question.count:
            return await self._alarms(connection, plan, question, trace)
        if question.count and self._areas is None:
            await self._log_in(connection, Login.INSPECT, None, plan.timeout_s, trace)
            self._areas = MemoryMap(await connection.ask(parameters(), plan.timeout_s, trace))
        request, count = question.request(self._areas)
        if request is None:  # this control has less memory
            return {}, b""
        payload = await connection.ask(request, plan.timeout_s, trace)
        return question.decode(payload, count), payload

    @staticmethod
    async def _alarms(
        connection: Connection, plan: Plan, question: Question, trace: Trace | None
    ) -> tuple[Mapping[str, Value], bytes]:
        messages: list[decode.Alarm] = []
        payloads = b""
        request: Request = info(Info.FIRST_ALARM)
        try:
            while len(messages) < MOST_ALARMS:
                payload = await connection.ask(request, plan.timeout_s, trace)
                messages.append(decode.alarm(payload))
                payloads += payload
                request = info(Info.NEXT_ALARM)
        except Refusal as refusal:
            if refusal.code != NO_MORE_ALARMS:
                raise
        return question.pick(decode.alarms(messages)), payloads

    async def _log_in(
        self, connection: Connection, level: Login, password: str | None, timeout_s: float, trace: Trace | None
    ) -> None:
        """Raises AccessDenied; a refused level is not asked for again on this connection."""
        if level in self._logins:
            return
        if level not in self._denied:
            try:
                await connection.ask(login(level, password if level is Login.PLCDEBUG else None), timeout_s, trace)
            except Refusal as refusal:
                if refusal.code == TOO_MANY_CONNECTIONS:
                    raise LineDown(f"{self._line.target}: the control has no free connection: {refusal}") from refusal
                self._faults["login_refused"] += 1
                self._denied[level] = f"login {level.value} refused: {refusal}; {_HINTS[level]}"
            else:
                self._logins.add(level)
                return
        raise AccessDenied(self._denied[level])


class _Answers:
    """What one read brought, question by question."""

    def __init__(self) -> None:
        self.raw: dict[str, Value] = {}
        self.hex: dict[str, str] = {}
        self.denied: list[str] = []
        self.reasons: list[str] = []
        self.resting = False  # was anything left out because the control does not know it?
        self._quality: dict[str, int] = {}

    def good(self, question: Question, values: Mapping[str, Value], payload: bytes) -> None:
        self.raw.update(values)
        for p in question.located:
            shown = payload[p.address - question.first : p.end - question.first] if question.count else payload
            self.hex[p.tag] = shown.hex(" ").upper()
            if p.tag not in values:  # an axis or a piece of memory that this control does not have
                self._quality[p.tag] = _REFUSED

    def bad(self, question: Question, quality: int, why: str = "") -> None:
        if why:
            self.reasons.append(why)
        self._quality.update({p.tag: quality for p in question.located})

    def reading(self, plan: Plan, group: Group, *, traced: bool) -> Reading:
        compiled = plan.groups[group]
        values: list[float | None] = []
        qualities: list[int] = []
        for p in compiled.located:
            value, quality = p.value.number(self.raw[p.tag]) if p.tag in self.raw else (None, self._quality.get(p.tag, _NO_VALUE))
            values.append(value)
            qualities.append(int(quality))
        texts = {
            p.tag: p.value.words(self.raw[p.tag])
            for question in compiled.questions for p in question.located if p.value.text and p.tag in self.raw
        }  # fmt: skip
        return Reading(
            plan.device.id, time.time_ns() // 1000, compiled.points, values, qualities, texts, self.hex if traced else {}
        )
