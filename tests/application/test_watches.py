"""What watches the product and its meters raises an alert once and takes it back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from application.consistency_watch import KEY, watch_consistency
from application.storage_watch import conditions
from data_processing.consistency import Residual, Verdict
from domain.alert import Priority
from domain.health import StorageStatus
from tests.conftest import FakeClock

GOOD = StorageStatus("ok", None, 0, None, 0, 2**33, 1.0, 2**40, "sqlite")


class Heard:
    """Remembers what was raised and returned."""

    def __init__(self) -> None:
        self.now: dict[str, dict[str, object]] = {}
        self.log: list[str] = []

    def raise_alert(self, key: str, rule: str, priority: Priority, **facts: object) -> bool:
        if key not in self.now:
            self.log.append(f"raise {rule} {priority.value}")
        self.now[key] = facts
        return True

    def return_alert(self, key: str) -> bool:
        self.log.append("return")
        return self.now.pop(key, None) is not None

    def standing(self, key: str) -> bool:
        return key in self.now


class Monitor:
    """Answers with the residual a test sets."""

    def __init__(self) -> None:
        self.residual = 0.3

    def verdicts(self) -> list[Verdict]:
        worst = Residual("S2=P2+Q2", self.residual)
        return [Verdict("m1", 0, worst, (worst,), 0.02)]


async def test_lasting_contradiction_is_an_alert_and_a_moment_of_it_is_not(fake_clock: FakeClock) -> None:
    monitor, heard = Monitor(), Heard()
    task = asyncio.create_task(watch_consistency(monitor, heard, fake_clock))  # type: ignore[arg-type]
    await fake_clock.advance(50)
    assert heard.log == []
    await fake_clock.advance(40)
    assert heard.log == ["raise inconsistent low"]
    assert heard.now[KEY + "m1"]["value"] == 30.0
    monitor.residual = 0.001
    await fake_clock.advance(10)
    assert heard.log == ["raise inconsistent low", "return"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_storage_conditions_name_what_stands() -> None:
    assert set(conditions(GOOD).values()) == {None}
    away = conditions(replace(GOOD, state="journal", cause="connection refused", journal_bytes=2**33 * 8 // 10))
    assert away["storage"] == (Priority.HIGH, "connection refused")
    assert away["journal"] == (Priority.HIGH, "80%")
    full = conditions(replace(GOOD, state="full", disk_free_bytes=2**20, journal_bytes=2**33 * 95 // 100))
    assert [full[key] and full[key][0] for key in ("storage", "journal", "disk")] == [Priority.CRITICAL] * 3  # type: ignore[index]
