"""So many a minute and address."""

from __future__ import annotations

import time
from collections import OrderedDict, deque

from web_interface.auth.guessing import network_of

REMEMBERED = 10_000


class Rate:
    """A sliding window for each address; the longest silent addresses are forgotten first."""

    def __init__(self, number: int, window_s: float) -> None:
        self._number, self._window_s = number, window_s
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, source: str) -> bool:
        """False when the address has had its share; then nothing is counted."""
        now = time.monotonic()
        key = network_of(source)
        times = self._taken.setdefault(key, deque())
        self._taken.move_to_end(key)
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)
        while times and now - times[0] > self._window_s:
            times.popleft()
        if len(times) >= self._number:
            return False
        times.append(now)
        return True
