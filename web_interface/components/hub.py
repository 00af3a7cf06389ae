"""One reader of live events for the whole process; open pages are told at once what kinds of things happened, four times a
second at most and once a second at least.

A page that fails in its own drawing is logged and skipped; it never delays the others. With no page open nothing runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from nicegui import Client

from web_interface.services import Services
from web_interface.services.live import ShopNow

log = logging.getLogger(__name__)

PERIOD_S = 0.25  # between two ticks while things happen
QUIET_PERIODS = 4  # without anything: ages and clocks go on
T = TypeVar("T")
D = TypeVar("D")
IDLE_TICKS = 10  # without a page, before the reader ends


@dataclass(frozen=True, slots=True)
class Tick:
    """What happened since the last one: kinds of services.LiveService.subscribe. `number` counts up, for shared caches."""

    number: int
    kinds: frozenset[str]


Listener = Callable[[Tick], None]


class Hub:
    """`join` a page once; it leaves by itself when its client is gone."""

    def __init__(self, services: Services, period_s: float = PERIOD_S) -> None:
        self._services, self._period_s = services, period_s
        self._pages: dict[str, tuple[Client, list[Listener]]] = {}
        self._kinds: set[str] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self._shop: tuple[int, float, ShopNow] | None = None
        self._views: dict[Hashable, tuple[ShopNow, Any]] = {}
        self._steps: dict[Hashable, tuple[Any, Any, Any]] = {}

    def shop(self) -> ShopNow:
        """The shop as of this tick, made once for all pages."""
        now = time.monotonic()
        if self._shop is None or self._shop[0] != self._number or now - self._shop[1] > self._period_s:
            self._shop = (self._number, now, self._services.live.shop())
        return self._shop[2]

    def newest_us(self) -> int | None:
        """Time of the newest good value of the shop, UTC microseconds."""
        return self.shop().newest_us

    def view(self, key: Hashable, make: Callable[[ShopNow], T]) -> T:
        """What `make` draws from the present shop, made once a tick for all pages that share `key` (kind, language).

        Of a dict, entries that equal those of the tick before are the same objects: a page sees at once that it shows them.
        """
        shop = self.shop()
        kept = self._views.get(key)
        if kept is None or kept[0] is not shop:
            drawn = make(shop)
            if kept is not None and isinstance(drawn, dict):
                _keep_equal(kept[1], drawn)
            kept = self._views[key] = (shop, drawn)
        return cast("T", kept[1])

    def step(self, key: Hashable, old: T, new: T, find: Callable[[T, T], D]) -> D:
        """What `find` says differs between two pictures of the view `key`: found once for all pages that take the step."""
        known = self._steps.get(key)
        if known is None or known[0] is not old or known[1] is not new:
            known = self._steps[key] = (old, new, find(old, new))
        return cast("D", known[2])

    @property
    def pages(self) -> int:
        """Pages open now."""
        return len(self._pages)

    def join(self, client: Client, listener: Listener) -> None:
        """Call `listener` at each tick while the client is connected."""
        self._pages.setdefault(client.id, (client, []))[1].append(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="pages:live")

    async def _run(self) -> None:
        reader = asyncio.create_task(self._read(), name="pages:events")
        try:
            idle = 0
            while idle < IDLE_TICKS:
                await asyncio.sleep(self._period_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout((QUIET_PERIODS - 1) * self._period_s):
                        await self._news.wait()
                idle = 0 if self._pages else idle + 1
                self.tick()
        finally:
            reader.cancel()

    async def _read(self) -> None:
        while True:
            try:
                async for kind, _what in self._services.live.subscribe("sample", "state", "alert", "plant"):
                    self._kinds.add(kind)
                    self._news.set()
            except Exception:  # the owner of the subscription: live pages outlive any fault of its source
                log.exception("live events broke off; reading again")
            await asyncio.sleep(self._period_s)

    def tick(self) -> None:
        """Tell every connected page."""
        self._number += 1
        tick = Tick(self._number, frozenset(self._kinds))
        self._kinds.clear()
        self._news.clear()
        for key, (client, listeners) in list(self._pages.items()):
            if client.is_deleted:
                del self._pages[key]
            elif client.has_socket_connection:
                for listener in listeners:
                    _tell(listener, tick, key)


def _keep_equal(old: dict[Any, Any], new: dict[Any, Any]) -> None:
    for key, value in new.items():
        before = old.get(key)
        if before == value:
            new[key] = before


def _tell(listener: Listener, tick: Tick, key: str) -> None:
    try:
        listener(tick)
    except Exception:  # supervised: one page's fault is logged and reaches no other page
        log.exception("live update of page %s failed", key)
