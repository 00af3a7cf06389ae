"""kill -9 of the program and of the server, while samples come: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from database.open import open_database
from runtime.clock import SystemClock
from tests.conftest import ROOT, eventually
from tests.database.samples import T, batch, expected, opened, stored
from tests.database.test_writer import fate
from tests.servers import Server


def killed_run(url: str, folder: Path, first: int, after_s: float) -> int:
    """Run the keeping process, kill it without warning; how many batches it had acknowledged by then."""
    command = [sys.executable, "-m", "tests.database.keeping_process", url, str(folder), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == b"ready\n", line
        time.sleep(after_s)
        process.kill()
        lines = process.stdout.read().splitlines()
    whole = [int(text) for text in lines if text.isdigit()]
    return whole[-1] if whole else first


@pytest.mark.timeout(300)
async def test_killed_at_random_moments_nothing_acknowledged_is_lost(database_url: str, tmp_path: Path) -> None:
    if "postgresql" in database_url:
        pytest.skip("two kinds are enough: the journal is the same")
    folder = tmp_path / "data"
    rng = random.Random(11)
    acknowledged = 0
    gaps: list[tuple[int, int]] = []
    for _ in range(8):
        first = acknowledged + 100_000 if acknowledged else 0
        gaps.append((first, await asyncio.to_thread(killed_run, database_url, folder, first, rng.uniform(0.0, 0.5))))
        acknowledged = gaps[-1][1]
    async with open_database(database_url, folder, SystemClock()) as database:
        await database.writer.settled()
        found = await stored(database)
        for first, last in gaps:
            wanted = expected(range(first, last))
            assert wanted.items() <= found.items(), f"lost of {first}..{last}"
        assert sum(last - first for first, last in gaps) > 50
        numbers = {(time_us - T) // 1_000_000 for _, time_us in found}
        assert found == expected(numbers)  # nothing that was not put, each value under its own tag and time
        assert fate(database.writer.books()) == (len(found), 0, 0, 0)
        assert (await database.check()).ok


@pytest.mark.server
@pytest.mark.timeout(300)
async def test_a_server_killed_and_started_again_gets_all_once_and_in_order(database_server: Server, tmp_path: Path) -> None:
    url = database_server.new_url()
    async with opened(url, tmp_path, SystemClock(), flush_s=0.05, commit_s=0.1) as database:
        keeper = database.writer
        task = asyncio.create_task(keeper.run())
        number = 0

        async def feed(batches: int) -> None:
            nonlocal number
            for _ in range(batches):
                keeper.put(batch(number))
                number += 1
                if number % 20 == 0:
                    await asyncio.sleep(0.02)

        await feed(200)
        await eventually(lambda: keeper.books().destinations[0].delivered > 0)
        feeding = asyncio.create_task(feed(300))
        database_server.kill()
        await feeding
        try:
            await eventually(lambda: keeper.storage_status().state == "journal", 20)
            await eventually(lambda: keeper.books().in_flight == 0)  # acknowledged although the database is away
            delivered, pending, _, _ = fate(keeper.books())
            assert (delivered + pending, pending > 0) == (number * 10, True)
            assert keeper.storage_status().backlog_samples == pending
            assert keeper.storage_status().backlog_oldest_us is not None
        finally:
            await asyncio.to_thread(database_server.start)
        await feed(200)
        await eventually(lambda: fate(keeper.books()) == (number * 10, 0, 0, 0), 40)
        assert await stored(database) == expected(range(number))
        assert keeper.storage_status().state == "ok"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_killed_while_the_database_is_away_all_come_in_order_later(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a clean end: a second program finds the journal of the first."""
    async with opened(database_url, tmp_path) as database:
        keeper = database.writer
        await keeper._open()
        for number in range(150):
            keeper.put(batch(number))
            if number % 10 == 9:
                await keeper._flush()
            if number == 49:
                await keeper._deliver()
        keeper._journal.close()
        async with opened(database_url, tmp_path) as second:
            await second.writer.settled()
            assert await stored(second) == expected(range(150))
            assert fate(second.writer.books()) == (1500, 0, 0, 0)
        monkeypatch.setattr(keeper, "_kept_number", keeper.ledger.settled_number)  # the first one is as dead
        keeper._opened = False


async def test_commands_beside_the_running_product(database_url: str, tmp_path: Path) -> None:
    """They read books and write tables; the journal stays with the one that keeps."""
    async with opened(database_url, tmp_path, SystemClock(), flush_s=0.01, commit_s=0.01) as serve:
        task = asyncio.create_task(serve.writer.run())
        for number in range(100):
            serve.writer.put(batch(number))
            if number % 10 == 0:
                async with opened(database_url, tmp_path, SystemClock()) as command:
                    await command.audit.append(T, "root", "cli", "x", str(number))
                    books = await command.books.load()
                    assert books is None or books.balanced
        async with opened(database_url, tmp_path, SystemClock()) as command:
            command.writer.put(batch(1))
            with pytest.raises(Exception, match="another process keeps samples"):
                await command.writer.settled()
            command.writer._queue.clear()
        await serve.writer.settled()
        assert await stored(serve) == expected(range(100))
        assert await serve.audit.verify() is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
@pytest.mark.server
async def test_weak_durability_is_a_warning(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: Server = request.getfixturevalue(kind)
    url = server.new_url()
    async with opened(url, tmp_path) as database:
        assert database.warnings == ()
        async with database.store.engine.connect() as connection:
            weaken, heal = {
                "mariadb": ("SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL innodb_flush_log_at_trx_commit = 1"),
                "postgresql": ("ALTER SYSTEM SET synchronous_commit = off", "ALTER SYSTEM RESET synchronous_commit"),
            }[kind]
            free = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await free.exec_driver_sql(weaken)
            if kind == "postgresql":
                await free.exec_driver_sql("SELECT pg_reload_conf()")
        try:
            await eventually(database.store.weak_settings)
            async with opened(url, tmp_path) as weak:
                assert len(weak.warnings) == 1
                assert "power cut" in weak.warnings[0]
                assert weak.warnings[0] in weak.writer.storage_status().warnings
        finally:
            async with database.store.engine.connect() as connection:
                free = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await free.exec_driver_sql(heal)
                if kind == "postgresql":
                    await free.exec_driver_sql("SELECT pg_reload_conf()")


async def test_a_second_instance_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    from database import AlreadyRunning, hold_instance_lock

    with hold_instance_lock(tmp_path):
        code = "from database import hold_instance_lock; from pathlib import Path\n"
        code += f"with hold_instance_lock(Path({str(tmp_path)!r})): pass"
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert done.returncode == 1
        assert "is in use by process" in done.stderr
        with pytest.raises(AlreadyRunning, match=r"process \d+ on .* since 20"), hold_instance_lock(tmp_path):
            pass
    with hold_instance_lock(tmp_path):
        pass


