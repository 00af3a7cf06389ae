"""What many tests share: recorded data, waiting for a condition, a clock that tests own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared_file(*parts: str) -> Path:
    """A recorded file; skips the test by name where the folder of recordings is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"recording {'/'.join(parts)} is not on this machine")
    return path


@pytest.fixture
def shared_data() -> Callable[..., Path]:
    """`shared_data("data", "pq-lab-1hz", "three_main.csv")` is the path of a recording."""
    return shared_file


TIMED = ("data_collection", "faults", "integration", "simulator", "application", "e2e")
PLAYED = frozenset({"test_week_of_truth.py", "test_recordings_money.py", "test_money.py", "test_meters_over_database.py", "test_reports.py"})
"""Of those folders, but on a clock of their own: they need the processor, not the time, and run beside others."""
ALONE = frozenset({"test_shared_line.py", "test_collector.py"})
"""They judge the cadence of polls to a few milliseconds: a second test beside them would be judged too."""


RUNS = {"timed": "timed", "alone": "alone", "not timed and not alone": None}
"""What is asked for by -m in each part of the whole run, and the mark of the tests that it wants."""


def mark_of(file: Path) -> str | None:
    """timed (talks to devices in real time), alone (judges cadences: has the machine to itself) or None."""
    room, *below = file.relative_to(ROOT / "tests").parts
    if room not in TIMED or not below or file.name in PLAYED:
        return None
    return "alone" if file.name in ALONE else "timed"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A part of the whole run does not import what it leaves out: collecting takes each worker half a minute."""
    asked = config.option.markexpr
    if asked not in RUNS or ROOT / "tests" not in collection_path.parents:
        return None
    if collection_path.is_dir():
        strange = collection_path.parent == ROOT / "tests" and collection_path.name not in TIMED
        return True if strange and RUNS[asked] is not None else None
    return True if collection_path.name.startswith("test_") and mark_of(collection_path) != RUNS[asked] else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """install.py --test runs them in parts by these marks. Of several tests with one name a run on several processes does one."""
    if twice := [name for name, times in Counter(item.nodeid for item in items).items() if times > 1]:
        raise pytest.UsageError(f"tests need names of their own: {', '.join(twice[:3])}")
    for item in items:
        mark = mark_of(item.path)
        if mark is not None:
            item.add_marker(mark)


KAFKA = frozenset({
    "tests/data_transfer/test_kafka.py", "tests/faults/test_roles.py", "tests/application/test_roles_commands.py",
    "tests/integration/test_feeds_from_one_file.py",
})  # fmt: skip
"""They share one broker a session; beside another process of tests it would be started twice."""


class ByShop(LoadScopeScheduling):
    """The browser tests of one file share a shop and run in order, in one process; every other test goes where there is room.

    xdist's own groups write themselves into the ids of the tests, which pytest 9.2 no longer lets them do: they group nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file in KAFKA:
            return "kafka"
        return file if file.startswith("tests/browser/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByShop:
    """For every run with -n."""
    return ByShop(config, log)


async def eventually(predicate: Callable[[], object] | Callable[[], Awaitable[object]], timeout_s: float = 10.0) -> object:
    """Wait until `predicate` is true and return its value; AssertionError after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = predicate()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {predicate}")
        await asyncio.sleep(0.02)


class FakeClock:
    """A clock that stands still until a test moves it; sleepers wake in order."""

    def __init__(self, now_us: int = 1_763_548_800_000_000) -> None:
        self._now_us, self._mono = now_us, 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._mono

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._mono + seconds, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move both clocks; wakes who is due, lets them run."""
        target = self._mono + seconds
        while True:
            for _ in range(5):  # let whoever is ready go to sleep first
                await asyncio.sleep(0)
            due = sorted((s for s in self._sleepers if s[0] <= target and not s[1].done()), key=lambda s: s[0])
            if not due:
                break
            at, future = due[0]
            self._sleepers.remove(due[0])
            self._now_us += round((at - self._mono) * 1e6)
            self._mono = at
            future.set_result(None)
        self._now_us += round((target - self._mono) * 1e6)
        self._mono = target

    def step_wall(self, seconds: float) -> None:
        """Step the wall clock only, as an administrator or NTP would."""
        self._now_us += round(seconds * 1e6)


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()
