"""Quarter hours of meters, remembered: what is older than two hours is asked from the history once in ten minutes.

A page asks for one window in many ways (cost, hours, demand, tg φ); only the running tail may change between them.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from analysis.quarters import Quarters, load_quarters
from domain.plant import Tag
from domain.ports import Clock, History

SETTLED_US = 2 * 3_600_000_000  # late samples and roll-ups are there by then, as a rule
HOUR_US = 3_600_000_000
KEPT_US = 600_000_000
FRESH_US = 3_000_000
REMEMBERED = 600  # windows of one meter; a month has 2 976 quarters of 32 bytes

_Key = tuple[int | None, int | None, int, int]


class QuarterHistory:
    """`forget` when the past changed."""

    def __init__(self, history: History, clock: Clock) -> None:
        self._history, self._clock = history, clock
        self._kept: OrderedDict[_Key, tuple[int, Quarters]] = OrderedDict()  # asked at

    def forget(self) -> None:
        """The past changed: ask again."""
        self._kept.clear()

    async def quarters(self, counter: Tag | None, power: Tag | None, from_us: int, to_us: int) -> Quarters:
        """As load_quarters, up to now."""
        now_us = self._clock.now_us()
        border_us = (now_us - SETTLED_US) // HOUR_US * HOUR_US
        end_us = min(to_us, now_us)
        if end_us <= border_us:
            return await self._asked(counter, power, from_us, end_us, KEPT_US, now_us)
        if from_us >= border_us:
            return await self._asked(counter, power, from_us, to_us, FRESH_US, now_us)
        head = await self._asked(counter, power, from_us, border_us, KEPT_US, now_us)
        return joined(head, await self._asked(counter, power, border_us, to_us, FRESH_US, now_us))

    def at_hand(self, counter: Tag | None, power: Tag | None, from_us: int, to_us: int) -> Quarters | None:
        """Of a settled window that was asked for lately; None without it."""
        now_us = self._clock.now_us()
        if to_us > (now_us - SETTLED_US) // HOUR_US * HOUR_US:
            return None
        known = self._kept.get((None if counter is None else counter.id, None if power is None else power.id, from_us, to_us))
        return known[1] if known is not None and 0 <= now_us - known[0] < KEPT_US else None

    async def _asked(
        self, counter: Tag | None, power: Tag | None, from_us: int, to_us: int, kept_us: int, now_us: int
    ) -> Quarters:
        key = (None if counter is None else counter.id, None if power is None else power.id, from_us, to_us)
        known = self._kept.get(key)
        if known is not None and 0 <= now_us - known[0] < kept_us:
            return known[1]
        found = await load_quarters(self._history, counter, power, from_us, to_us, now_us)
        self._kept[key] = (now_us, found)
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)
        return found


def joined(head: Quarters, tail: Quarters) -> Quarters:
    """Two windows of one meter that follow each other."""
    return Quarters(
        np.concatenate([head.times_us, tail.times_us]), np.concatenate([head.seconds, tail.seconds]),
        np.concatenate([head.energy, tail.energy]), np.concatenate([head.estimated, tail.estimated]), head.source,
    )  # fmt: skip
