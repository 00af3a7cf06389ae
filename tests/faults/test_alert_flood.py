"""5 000 alerts in 10 s, a database that goes away and a process that is killed in the middle: every transition is in the list once."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from analysis.alerts import AlertEngine
from database import Database, tables
from database.alert_spool import AlertSpoolFile
from database.open import open_database
from domain.alert import Alert, AlertState, Priority
from runtime.clock import SystemClock
from tests.conftest import eventually

ALERTS = 5_000
WITHIN_S = 10.0


async def counts(database: Database) -> dict[str, int]:
    """Transitions by action, and the alerts."""
    table = tables.alert_transition
    async with database.store.read() as connection:
        rows = await connection.execute(select(table.c.action, func.count().label("times")).group_by(table.c.action))
        found = {row.action: row.times for row in rows.all()}
        found["alerts"] = await connection.scalar(select(func.count()).select_from(tables.alert)) or 0
    return found


def engine_of(database: Database, folder: Path, told: list[Alert] | None = None) -> AlertEngine:
    listen = None if told is None else told.append
    return AlertEngine(database.alerts, database.audit, SystemClock(), listen, AlertSpoolFile(folder / "alerts.spool"))


@contextlib.asynccontextmanager
async def running(engine: AlertEngine) -> AsyncIterator[None]:
    task = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def flood(engine: AlertEngine, first: int, count: int) -> None:
    """Each is raised and returns; the loop breathes as it does between batches of samples."""
    for number in range(first, first + count):
        engine.raise_alert(f"limit:m{number}.active_power:high", "high", Priority.HIGH, value=1.0, limit=0.5, unit="kW")
        engine.return_alert(f"limit:m{number}.active_power:high")
        if number % 50 == 0:
            await asyncio.sleep(0.001)


@pytest.mark.timeout(180)
async def test_five_thousand_alerts_in_ten_seconds_are_all_in_the_list(database_url: str, tmp_path: Path) -> None:
    told: list[Alert] = []
    async with open_database(database_url, tmp_path, SystemClock()) as database:
        engine = engine_of(database, tmp_path, told)
        async with running(engine):
            await eventually(lambda: engine.loaded, 30)
            started = time.monotonic()
            await flood(engine, 0, ALERTS)
            assert time.monotonic() - started < WITHIN_S
            await eventually(lambda: len(told) >= 2 * ALERTS, 60)
        assert await counts(database) == {"raise": ALERTS, "return": ALERTS, "alerts": ALERTS}
        assert Counter(alert.state for alert in told) == {AlertState.UNACKNOWLEDGED: ALERTS, AlertState.RETURNED: ALERTS}
        assert len(engine.active()) == ALERTS
        assert engine.lost_transitions == 0


@pytest.mark.timeout(180)
async def test_killed_in_the_middle_of_a_flood_while_the_database_is_away(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/e.db"
    async with open_database(url, tmp_path, SystemClock()) as database:
        engine = engine_of(database, tmp_path)
        await engine.load()
        await flood(engine, 0, 500)
        assert await engine.flush()
        refused = database.alerts.save_all
        database.alerts.save_all = away  # type: ignore[method-assign]
        await flood(engine, 500, 500)
        assert not await engine.flush()  # what waits lies in the file now; the process ends here
        database.alerts.save_all = refused  # type: ignore[method-assign]
        second = engine_of(database, tmp_path)
        await second.load()
        assert await counts(database) == {"raise": 1000, "return": 1000, "alerts": 1000}
        assert len(second.active()) == 1000
        assert not (tmp_path / "alerts.spool").exists()


async def away(alerts: object) -> list[Alert]:
    raise OSError("database away")
