"""Owners restart what fails, show it, and end everything when cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from runtime.supervisor import Supervisor
from tests.conftest import FakeClock, eventually


async def test_failing_job_is_restarted_and_shown_while_the_other_goes_on(fake_clock: FakeClock) -> None:
    runs, beats = [], []

    async def failing() -> None:
        runs.append(1)
        raise RuntimeError("cable pulled")

    async def healthy() -> None:
        while True:
            beats.append(1)
            await fake_clock.sleep(0.5)

    supervisor = Supervisor(fake_clock)
    task = asyncio.create_task(supervisor.run({"failing": failing, "healthy": healthy}))
    await eventually(lambda: runs and beats)
    for _ in range(40):
        await fake_clock.advance(0.5)
    by_name = {s.name: s for s in supervisor.statuses()}
    assert by_name["failing"].restarts == len(runs) >= 3
    assert by_name["failing"].last_error == "RuntimeError: cable pulled"
    assert by_name["healthy"].restarts == 0
    assert len(beats) > 20
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not [t for t in asyncio.all_tasks() if t.get_name() in {"failing", "healthy"}]


async def test_five_failures_in_ten_minutes_mark_the_job_failed(fake_clock: FakeClock) -> None:
    async def failing() -> None:
        raise ValueError("no")

    supervisor = Supervisor(fake_clock)
    task = asyncio.create_task(supervisor.run({"job": failing}))
    await asyncio.sleep(0)
    for _ in range(120):
        await fake_clock.advance(1.0)
    assert supervisor.statuses()[0].state == "failed"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_job_that_goes_on_after_a_storm_of_failures_is_shown_as_running_again(
    fake_clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What the database's absence did to a job is not said of it for ever; and the log tells the same trouble once at length."""
    away = True

    async def needs_the_database() -> None:
        while True:
            if away:
                raise ConnectionError("connection refused")
            await fake_clock.sleep(5.0)

    supervisor = Supervisor(fake_clock)
    task = asyncio.create_task(supervisor.run({"job": needs_the_database}))
    await asyncio.sleep(0)
    for _ in range(300):
        await fake_clock.advance(1.0)
    assert supervisor.statuses()[0].state == "failed"
    told = [record for record in caplog.records if "task job failed" in record.message]
    assert len(told) == supervisor.statuses()[0].restarts > 5
    assert [bool(record.exc_info) for record in told] == [True] + [False] * (len(told) - 1)
    assert all("connection refused" in record.message for record in told[1:])
    away = False
    for _ in range(140):  # the longest pause with its jitter, and as long without a failure
        await fake_clock.advance(1.0)
    assert supervisor.statuses()[0].state == "running"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_job_that_returns_is_done_and_not_restarted(fake_clock: FakeClock) -> None:
    runs = []

    async def once() -> None:
        runs.append(1)

    await Supervisor(fake_clock).run({"once": once})
    assert runs == [1]


async def test_jobs_end_in_reverse_order_and_each_may_take_its_time(fake_clock: FakeClock) -> None:
    ended: list[str] = []

    def job(name: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                await asyncio.sleep(0.02)  # a server that lets its answers out
                ended.append(name)

        return run

    jobs = {name: job(name) for name in ("writer", "collector", "web")}
    task = asyncio.create_task(Supervisor(fake_clock).run(jobs))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ended == ["web", "collector", "writer"]
