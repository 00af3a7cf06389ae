"""Who the Modbus server turns away stands in the audit, however often they try and whether or not it can be written just then."""

from __future__ import annotations

import asyncio
from collections import Counter

from application.modbus import LOOK_S, MOST_A_LOOK, SAME_AGAIN_S, audit_refusals
from domain.access import AuditEntry
from domain.errors import StorageError
from tests.conftest import FakeClock


class Door:
    def __init__(self) -> None:
        self.came: Counter[tuple[str, str]] = Counter()

    def turned_away(self) -> Counter[tuple[str, str]]:
        found, self.came = self.came, Counter()
        return found


class Audit:
    """Only what is asked of it here."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str, str | None]] = []
        self.away = False

    async def append(
        self, time_us: int, actor: str, source: str, action: str, subject: str,
        *, old: str | None = None, new: str | None = None, result: str = "ok",
    ) -> AuditEntry:  # fmt: skip
        if self.away:
            raise StorageError("away")
        self.entries.append((source, action, subject, new))
        return AuditEntry(0, time_us, actor, source, action, subject, old, new, result)


async def test_refusals_are_audited_by_address_and_kind_with_their_number() -> None:
    clock, door, audit = FakeClock(), Door(), Audit()
    task = asyncio.create_task(audit_refusals(door, audit, clock))  # type: ignore[arg-type]
    door.came["10.0.0.9", "client"] += 3
    door.came["10.0.0.9", "frame"] += 1
    await clock.advance(LOOK_S)
    assert audit.entries == [("10.0.0.9", "modbus_refused", "client", "3"), ("10.0.0.9", "modbus_refused", "frame", "1")]
    for _ in range(5):
        door.came["10.0.0.9", "client"] += 1
        await clock.advance(LOOK_S)
    assert len(audit.entries) == 2  # who goes on trying does not fill it
    await clock.advance(SAME_AGAIN_S)
    assert audit.entries[2:] == [("10.0.0.9", "modbus_refused", "client", "5")]
    audit.away = True
    door.came.update({(f"10.0.1.{n}", "client"): 1 for n in range(MOST_A_LOOK + 5)})
    await clock.advance(LOOK_S)
    audit.away = False
    await clock.advance(LOOK_S)
    assert len(audit.entries) == 3 + MOST_A_LOOK
    await clock.advance(LOOK_S)
    assert len(audit.entries) == 3 + MOST_A_LOOK + 5
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
