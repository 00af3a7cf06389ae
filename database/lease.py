"""Work that only one process of an installation may do at a time: who has it, and until when.

Times are those of the processes' clocks, which must agree to a few seconds (NTP): half a lease of spare time is left.
"""

from __future__ import annotations

from sqlalchemy import select, update

from database import tables
from database.engine import Store
from domain.ports import Clock

LEASE_S = 20.0
RENEW_S = 4.0
_LEASE = tables.tables_roles.role_lease


class Lease:
    """`take` before the work, then every RENEW_S; raises StorageError when the database is away."""

    def __init__(self, store: Store, clock: Clock, name: str, holder: str) -> None:
        self._store, self._clock, self._name, self._holder = store, clock, name, holder

    async def take(self) -> str | None:
        """Have it for the next LEASE_S; None, or the name of who has it."""
        now_us = self._clock.now_us()
        row = {"name": self._name, "holder": self._holder, "until_us": 0}
        mine_or_over = (_LEASE.c.holder == self._holder) | (_LEASE.c.until_us < now_us)
        async with self._store.write() as connection:
            await connection.execute(self._store.insert_missing(_LEASE, ["name"]), row)
            taken = await connection.execute(
                update(_LEASE).where(_LEASE.c.name == self._name, mine_or_over).values(
                    holder=self._holder, until_us=now_us + int(LEASE_S * 1e6)
                )
            )  # fmt: skip
            if taken.rowcount:
                return None
            return str(await connection.scalar(select(_LEASE.c.holder).where(_LEASE.c.name == self._name)))

    async def give_back(self) -> None:
        """Another may have it at once."""
        async with self._store.write() as connection:
            mine = (_LEASE.c.name == self._name) & (_LEASE.c.holder == self._holder)
            await connection.execute(update(_LEASE).where(mine).values(until_us=0))
