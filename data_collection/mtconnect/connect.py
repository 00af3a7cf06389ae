"""Lines to MTConnect adapters and agents. Only asked and listened to: the standard has no way to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from data_collection import options
from data_collection.driver import Connect, DevicePlan, Driver, Found, ScanHit, Take, Trace
from data_collection.mtconnect.adapter import Adapter
from data_collection.mtconnect.agent import Agent
from data_collection.mtconnect.observation import MtconnectPlan, Observation
from data_collection.workspace import Workspace
from domain.errors import ConfigError, DeviceUnreachable, LineDown
from domain.plant import Device, Line
from domain.ports import Clock
from domain.profile import Group
from domain.sample import Reading

READ_S: Final = 5.0
_SHOWN: Final = 40


class MtconnectDriver:
    """Implements data_collection.driver.Source and Surveyed. Both ways tell every change and stand by it until the next."""

    def __init__(self, line: Line, clock: Clock) -> None:
        self.line, self._clock = line, clock
        self.is_agent = options.choice(line, "endpoint", "agent", ("agent", "adapter")) == "agent"
        self._began_s = clock.monotonic()
        self._adapter: Adapter | None = None

    @property
    def last_fault(self) -> str | None:
        """What was wrong with a line of the adapter last."""
        return None if self._adapter is None else self._adapter.reader.last_fault

    def prepare(self, device: Device) -> MtconnectPlan:
        """See Driver."""
        return MtconnectPlan(device)

    async def listen(self, plans: Sequence[DevicePlan], take: Take) -> None:
        """See Source."""
        mine = [_mine(plan) for plan in plans]
        self._began_s = self._clock.monotonic()
        async for told in self._batches():
            now_s, now_us = self._clock.monotonic(), self._clock.now_us()
            for plan in mine:
                observations = _of(plan, told, alone=len(mine) == 1)
                if observations is None:
                    continue
                plan.heard(now_s)
                for reading in plan.observed(observations, now_us):
                    take(reading)

    async def current(self, plan: DevicePlan, group: Group) -> Reading | None:
        """What was told last stands while the connection does: the far side would have told another value."""
        mine = _mine(plan)
        if mine.heard_s is None:
            if mine.silent(self._clock.monotonic(), self._began_s):
                raise DeviceUnreachable(f"{mine.device.id}: {self.line.target} tells nothing about it")
            return None
        return mine.confirmed(group, self._clock.now_us())

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        """What stands now; without a running line over a connection of the moment."""
        mine = _mine(plan)
        if mine.heard_s is None:
            try:
                async with asyncio.timeout(READ_S):
                    async for told in self._batches():
                        observations = _of(mine, told, alone=True)
                        if observations:
                            mine.observed(observations, self._clock.now_us())
                            break
            except TimeoutError:
                pass
        found = mine.confirmed(group, self._clock.now_us())
        if found is None:
            raise DeviceUnreachable(f"{mine.device.id}: {self.line.target} told nothing about it within {READ_S:g} s")
        return found

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        """Machines have names, no addresses."""
        return None

    async def survey(self, seconds: float) -> Sequence[Found]:
        """The data items that are told, with their values."""
        heard: dict[str, str] = {}
        try:
            async with asyncio.timeout(seconds):
                async for told in self._batches():
                    for name, observations in told.items():
                        prefix = f"{name}/" if name else ""
                        heard |= {prefix + o.item: _shown(o) for o in observations}
        except TimeoutError:
            pass
        return [Found(where, answer) for where, answer in sorted(heard.items())]

    async def _batches(self) -> AsyncIterator[Mapping[str, Sequence[Observation]]]:
        if self.is_agent:
            async for devices in Agent(self.line).batches():
                yield devices
            return
        self._adapter = Adapter(self.line)
        async for observations in self._adapter.batches():
            yield {"": observations}


def _shown(one: Observation) -> str:
    return str(one.value if one.level is None else one.level.name)[:_SHOWN]


def _of(plan: MtconnectPlan, told: Mapping[str, Sequence[Observation]], *, alone: bool) -> Sequence[Observation] | None:
    """What was told about the device: of an adapter everything, of an agent what its `agent_device` names (or the only one)."""
    if "" in told:
        return told[""]
    if plan.machine:
        return told.get(plan.machine)
    return next(iter(told.values())) if alone and len(told) == 1 else None


def _mine(plan: DevicePlan) -> MtconnectPlan:
    if not isinstance(plan, MtconnectPlan):
        raise ConfigError(f"device {plan.device.id} is not compiled for MTConnect")
    return plan


def connector(workspace: Workspace) -> Connect:
    """How an MTConnect line is opened. The far side is asked for a sign of life first."""

    @asynccontextmanager
    async def connect(line: Line) -> AsyncIterator[Driver]:
        driver = MtconnectDriver(line, workspace.clock)
        if driver.is_agent:
            await Agent(line).current()
        else:
            await _reachable(line)
        yield driver

    return connect


async def _reachable(line: Line) -> None:
    try:
        async with asyncio.timeout(options.number(line, "connect_timeout_s", 5.0)):
            _, writer = await asyncio.open_connection(options.text(line, "host"), options.whole(line, "port", 7878, 1, 65535))
    except (OSError, TimeoutError) as exc:
        raise LineDown(f"{line.target}: {exc or 'no connection in time'}") from exc
    writer.close()
