"""What the devices of a line taught is kept from connection to connection, while line and device stay as they are."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar

from data_collection.driver import Connect, DevicePlan, Driver
from data_collection.workspace import Workspace
from domain.plant import Device, Line

P = TypeVar("P", bound=DevicePlan)
M = TypeVar("M")


class PlanMemory(Generic[P]):
    """Plans by device."""

    def __init__(self) -> None:
        self._plans: dict[str, tuple[Hashable, P]] = {}

    def plan(self, device: Device, terms: Hashable, compiled: Callable[[], P]) -> P:
        """The known plan of a device that did not change and is asked on the same terms, else a new one. Raises ConfigError."""
        known = self._plans.get(device.id)
        if known is None or known[0] != terms or known[1].device != device:
            known = self._plans[device.id] = (terms, compiled())
        return known[1]

    def plans(self) -> Iterator[P]:
        """All that are known."""
        return (plan for _, plan in self._plans.values())


class LineMemory(Generic[M]):
    """One memory a line; a line that changed begins with an empty one."""

    def __init__(self, empty: Callable[[], M]) -> None:
        self._empty = empty
        self._known: dict[str, tuple[Line, M]] = {}

    def of(self, line: Line) -> M:
        known = self._known.get(line.id)
        if known is None or known[0] != line:
            known = self._known[line.id] = (line, self._empty())
        return known[1]


class OpenedDriver(Driver, Protocol):
    """A driver that opens its line itself; `close` may follow an `open` that failed."""

    async def open(self) -> None: ...
    async def close(self) -> None: ...


def remembering(driver: Callable[[Line, PlanMemory[P]], OpenedDriver]) -> Callable[[Workspace], Connect]:
    """`connector` of a protocol that needs nothing of the installation: see data_collection.registry.PACKAGES."""

    def connector(_workspace: Workspace) -> Connect:
        return RememberingConnect(driver)

    return connector


class RememberingConnect(Generic[P]):
    """Implements data_collection.driver.Connect: `driver` is made of the line and the plans that are known of it."""

    def __init__(self, driver: Callable[[Line, PlanMemory[P]], OpenedDriver]) -> None:
        self._driver = driver
        self._memory: LineMemory[PlanMemory[P]] = LineMemory(PlanMemory)

    @contextlib.asynccontextmanager
    async def __call__(self, line: Line) -> AsyncIterator[Driver]:
        """Raises LineDown, ConfigError."""
        driver = self._driver(line, self._memory.of(line))
        try:
            await driver.open()
            yield driver
        finally:
            await driver.close()
