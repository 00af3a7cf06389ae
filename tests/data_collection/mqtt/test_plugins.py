"""Plug-ins: loaded and reloaded from files, isolated from each other and from us."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from data_collection.mqtt import examples
from data_collection.mqtt.plugin_host import Job, PluginHost, PluginValue
from domain.plugin import PluginStatus
from runtime.clock import SystemClock

HEAD = "from data_collection.mqtt.plugin import CncPlugin, CncReading\n"
GOOD = HEAD + """
class Good(CncPlugin):
    cnc_ids = ("good-*",)
    def readings(self, message):
        print("hello from the plug-in")
        yield CncReading("part_count", message.payload["n"] * FACTOR)
"""
HANGS = HEAD + """
import time
class Hangs(CncPlugin):
    cnc_ids = ("hang-*",)
    def readings(self, message):
        if message.payload["n"] < 0:
            time.sleep(60)
        return [CncReading("part_count", message.payload["n"])]
"""
RAISES = HEAD + """
class Raises(CncPlugin):
    cnc_ids = ("bad-*",)
    def readings(self, message):
        return [CncReading("part_count", 1 / message.payload["n"])]
"""


@asynccontextmanager
async def host(folder: Path, limit_s: float = 1.0) -> AsyncIterator[PluginHost]:
    found = PluginHost(folder, SystemClock(), limit_s=limit_s)
    task = asyncio.create_task(found.run())
    try:
        await found.ready()
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


Answer = tuple[Sequence[PluginValue], str | None]


async def ask(found: PluginHost, cnc_id: str, n: object) -> Answer:
    return await asyncio.wait_for(sent(found, cnc_id, {"n": n}), 30)


def sent(found: PluginHost, cnc_id: str, payload: object, program: str | None = None) -> asyncio.Future[Answer]:
    name = found.chosen(cnc_id)
    assert name is not None, f"nobody reads {cnc_id}"
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    fields = {"topic": "t", "cnc_id": cnc_id, "received_us": 1_700_000_000_000_000, "payload": payload, "part_program": program}
    found.submit(name, Job(fields, lambda values, error: future.done() or future.set_result((values, error))))
    return future


def status(found: PluginHost, name: str) -> PluginStatus:
    return next(s for s in found.statuses() if s.name == name)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (files are looked at, they tell nothing)
            await asyncio.sleep(0.05)


async def test_an_exception_a_hang_and_a_broken_file_cost_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD.replace("FACTOR", "10"))
    (tmp_path / "hangs.py").write_text(HANGS)
    (tmp_path / "raises.py").write_text(RAISES)
    (tmp_path / "broken.py").write_text("def x(:\n")
    (tmp_path / "test_good.py").write_text("raise SystemExit")
    async with host(tmp_path) as found:
        hung, waiting = sent(found, "hang-1", {"n": -1}), sent(found, "hang-1", {"n": 5})
        assert await ask(found, "good-1", 4) == ([PluginValue("part_count", 40, None)], None)
        assert not hung.done(), "the others do not wait for the one that hangs"
        values, error = await ask(found, "bad-1", 0)
        assert values == ()
        assert error == "ZeroDivisionError: division by zero (line 6)"
        assert (await ask(found, "bad-1", 2))[0][0].value == 0.5, "an exception costs its message only"
        assert "longer than 1 s" in str((await asyncio.wait_for(hung, 30))[1])
        assert (await asyncio.wait_for(waiting, 30))[0][0].value == 5, "what waited behind it is read by a new process"
        hangs, broken = status(found, "hangs"), status(found, "broken")
        assert (hangs.hangs, hangs.state, hangs.messages) == (1, "running", 2)
        assert (status(found, "raises").errors, status(found, "good").errors) == (1, 0)
        assert broken.state == "broken"
        assert "SyntaxError" in str(broken.last_error)
        assert "test_good" not in [s.name for s in found.statuses()]


async def test_files_are_taken_up_changed_and_dropped_without_restart(tmp_path: Path) -> None:
    async with host(tmp_path) as found:
        assert found.chosen("good-1") is None
        file = tmp_path / "good.py"
        file.write_text(GOOD.replace("FACTOR", "10"))
        await until(lambda: found.chosen("good-1") == "good")
        assert (await ask(found, "good-1", 1))[0][0].value == 10
        since = status(found, "good").since_us
        file.write_text(GOOD.replace("FACTOR", "20000"))
        await until(lambda: status(found, "good").since_us != since)
        assert (await ask(found, "good-1", 1))[0][0].value == 20000
        file.write_text("import nothing_of_that_name\n")
        await until(lambda: "does not load" in str(status(found, "good").last_error))
        assert (await ask(found, "good-1", 1))[0][0].value == 20000, "the version that works goes on"
        os.remove(file)
        await until(lambda: found.chosen("good-1") is None)


async def test_the_longest_pattern_reads_a_machine(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD.replace("FACTOR", "1").replace("good-*", "*"))
    (tmp_path / "b.py").write_text(GOOD.replace("FACTOR", "2").replace("good-*", "mill-?"))
    async with host(tmp_path) as found:
        assert (found.chosen("mill-1"), found.chosen("mill-10")) == ("b", "a")


@pytest.mark.parametrize(("text", "expected"), [
    (HEAD, "expected one class"),
    (GOOD.replace('("good-*",)', '"good-*"'), "tuple of names"),
    ("import sys\nsys.exit(3)\n", "SystemExit"),
    ("import os\nos._exit(3)\n", "its process ended (3)"),
])
async def test_what_does_not_load_says_why(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "x.py").write_text(text)
    async with host(tmp_path) as found:
        await until(lambda: status(found, "x").state == "broken")
        assert expected in str(status(found, "x").last_error)


async def test_the_worked_examples_read_their_own_message() -> None:
    async with host(Path(examples.__file__).parent) as found:
        mill = {"drives": [{"name": "S1", "load_pct": 41.5}, {"name": "X", "load_pct": 77}], "feed_m_min": 1.2, "cycle_on": True}
        values, error = await asyncio.wait_for(sent(found, "DMU-50-1", mill, "VAL_17.H"), 30)
        assert error is None
        assert {v.tag: v.value for v in values} == {
            "spindle_load": 41.5, "feed_rate": 1200.0, "execution_state": "ACTIVE", "program": "VAL_17.H",
        }
        done = [await asyncio.wait_for(sent(found, "CTX-310-2", {"event": "PART_DONE", "number": n}), 30) for n in (1, 1, 2)]
        assert [[v.value for v in values] for values, _ in done] == [[1], [], [2]], "a message delivered twice is one part"
