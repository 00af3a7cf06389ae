"""Growing delays against guessing: after 5 failures an account or 20 an address in 15 min; never a permanent lock."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from web_interface.services.access import TooMany

WINDOW_S = 15 * 60.0
FREE_PER_ACCOUNT, FREE_PER_ADDRESS = 5, 20
LONGEST_DELAY_S = 60.0
REMEMBERED = 10_000  # accounts and addresses; the longest untouched are forgotten first


@dataclass(slots=True)
class _Record:
    failures: deque[float] = field(default_factory=deque)
    closed_until: float = 0.0


class Guessing:
    """`monotonic` seconds. An attempt counts as failed from its start, so that many at once gain nothing."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def begin(self, account: str, source: str) -> None:
        """Before a password or code is looked at. Raises TooMany while it has to wait; then nothing is counted."""
        now = self._now()
        places = ((f"user:{account.casefold()}", FREE_PER_ACCOUNT), (f"from:{network_of(source)}", FREE_PER_ADDRESS))
        wait_s = max(self._record(key).closed_until for key, _ in places) - now
        if wait_s > 0:
            raise TooMany(wait_s)
        for key, free in places:
            record = self._record(key)
            while record.failures and now - record.failures[0] > WINDOW_S:
                record.failures.popleft()
            record.failures.append(now)
            over = len(record.failures) - free
            if over >= 0:
                record.closed_until = now + min(LONGEST_DELAY_S, 2.0**over)
            if len(record.failures) > free + 10:
                record.failures.popleft()

    def succeeded(self, account: str, source: str) -> None:
        """The account's failures are forgotten; of the address only this attempt: own logins cannot hide guesses at others."""
        self._records.pop(f"user:{account.casefold()}", None)
        record = self._record(f"from:{network_of(source)}")
        if record.failures:
            record.failures.pop()
        if len(record.failures) < FREE_PER_ADDRESS:
            record.closed_until = 0.0

    def _record(self, key: str) -> _Record:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record()
            if len(self._records) > REMEMBERED:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(key)
        return record


def network_of(source: str) -> str:
    """An IPv6 customer has a /64 of addresses: they count as one."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
