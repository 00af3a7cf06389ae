"""Plug-ins: loaded and reloaded from files, isolated from each other and from us."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from data_collection.mqtt import examples
from data_collection.mqtt.plugin_host import Job, PluginHost, PluginValue
from domain.errors import NotFound
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
RUBBISH = HEAD + """
import datetime, os, sys

class Rubbish(CncPlugin):
    cnc_ids = ("rub-*",)

    def readings(self, message):
        kind = message.payload["n"]
        if kind == "leaves":
            os._exit(3)
        if kind in ("speaks", "shouts"):  # into the pipe that carries the answers
            os.write(max(int(name) for name in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{name}").startswith("/proc/")
                     and "pipe" in os.path.realpath(f"/proc/self/fd/{name}") and int(name) > 2), b'[1]\\n' if kind == "speaks" else b'{"readings": 5}\\n')
        return {
            "text": "part_count", "number": 5, "object": [CncReading("part_count", {})],
            "many": (CncReading("part_count", n) for n in range(20_000)),
            "zone": [CncReading("part_count", 1, datetime.datetime(2026, 1, 1))],
            "long": [CncReading("program", "x" * 20_000_000)], "huge": [CncReading("part_count", 10 ** 400)],
        }.get(kind, ())
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


async def test_rubbish_costs_its_message_only(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD.replace("FACTOR", "10"))
    (tmp_path / "rubbish.py").write_text(RUBBISH)
    expected = {
        "text": "expected CncReading, got str", "number": "'int' object is not iterable", "object": "not dict",
        "many": "more than 10000 readings", "zone": "names no zone", "leaves": "its process ended", "speaks": "its answer is none",
        "shouts": "its answer is none", "long": "its answer is longer",
    }  # fmt: skip
    async with host(tmp_path, limit_s=10) as found:
        for kind, words in expected.items():
            values, error = await ask(found, "rub-1", kind)
            assert (values, words in str(error)) == ((), True), (kind, error)
            assert words in str(status(found, "rubbish").last_error)
            huge, _ = await ask(found, "rub-1", "huge")
            assert huge[0].value == 10**400, "what the value means is judged by the point"
        assert await ask(found, "good-1", 4) == ([PluginValue("part_count", 40, None)], None)
        assert (status(found, "rubbish").errors, status(found, "good").errors) == (len(expected), 0)


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


async def test_a_trial_disturbs_nobody_and_what_goes_wrong_is_its_answer(tmp_path: Path) -> None:
    shutil.copy(Path(examples.__file__).parent / "axis_loads.py", tmp_path)
    (tmp_path / "broken.py").write_text("def x(:\n")
    async with host(tmp_path) as found:
        example = await found.trial("axis_loads", None)
        assert dict(example.values) == {"spindle_load": 41.5, "feed_rate": 1200.0, "execution_state": "ACTIVE", "program": "VAL_17.H"}
        assert (example.kind, example.error, example.message["cnc_id"]) == ("AxisLoads", None, "DMU-50-1")
        wrong = await found.trial("axis_loads", {"cnc_id": "DMU-1", "payload": {"drives": [{"name": "S1"}]}})
        assert (wrong.values, "KeyError: 'load_pct'" in str(wrong.error)) == ((), True)
        assert "SyntaxError" in str((await found.trial("broken", None)).error)
        with pytest.raises(NotFound):
            await found.trial("../axis_loads", None)
        assert (status(found, "axis_loads").messages, status(found, "axis_loads").errors) == (0, 0)
