"""Keeps the plug-ins of a folder: finds them, loads and reloads them as their files change, and gives each its messages.

Each runs in a process of its own with its own queue. An exception costs one message; a message that takes longer than the limit
costs that process, which is started again. Nobody waits for a plug-in but its own queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from data_collection.source_time import time_us
from domain.errors import NotFound
from domain.plugin import PluginStatus, PluginTrial
from domain.ports import Clock

log = logging.getLogger(__name__)
LIMIT_S: Final = 1.0
START_LIMIT_S: Final = 20.0
LOOK_S: Final = 2.0
WAITING: Final = 5_000
"""Messages one plug-in may be behind by; then the oldest is dropped and counted."""
_BATCH: Final = 64
_PAUSES_S: Final = (0.0, 0.0, 1.0, 5.0, 30.0)  # before a process is started again, by failures in a row
_LINE: Final = 16 * 1024 * 1024
ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class PluginValue:
    """One value a plug-in returned. `time_us` None: the message's."""

    tag: str
    value: float | int | bool | str | None
    time_us: int | None


@dataclass(frozen=True, slots=True)
class Job:
    """A message for a plug-in, and who takes what it says: `done(values, error)`, exactly once."""

    fields: Mapping[str, object]
    done: Callable[[Sequence[PluginValue], str | None], None]


class WorkerGone(Exception):
    """The process ended, hung or did not load; the text says which."""


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    kind: str
    cnc_ids: tuple[str, ...]
    example: Mapping[str, object]
    notes: asyncio.Task[None]

    async def answer(self, limit_s: float) -> dict[str, Any]:
        """The next answer. Raises TimeoutError, WorkerGone."""
        if self.process.stdout is None:
            raise WorkerGone("it has no output")
        try:
            async with asyncio.timeout(limit_s):
                line = await self.process.stdout.readline()
        except ValueError as exc:
            raise WorkerGone(f"its answer is longer than {_LINE} bytes") from exc
        if not line:
            raise WorkerGone(f"its process ended ({await self.process.wait()})")
        found = json.loads(line)
        if not isinstance(found, dict):
            raise WorkerGone("its answer is none")
        return found

    async def close(self) -> None:
        """End the process, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        self.notes.cancel()
        await asyncio.gather(self.notes, return_exceptions=True)


async def start_worker(file: Path) -> _Worker:
    """Start the process of one file and wait until it has loaded. Raises WorkerGone saying why it did not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "data_collection.mqtt.plugin_worker", str(file), cwd=ROOT, limit=_LINE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=_environment(),
    )
    worker = _Worker(process, "", (), {}, asyncio.create_task(_log_notes(file.stem, process), name=f"plugin:{file.stem}:notes"))
    try:
        told = await worker.answer(START_LIMIT_S)
        if "broken" in told:
            raise WorkerGone(str(told["broken"]))
        worker.kind, worker.cnc_ids, worker.example = str(told["ready"]), tuple(told["cnc_ids"]), told["example"]
    except TimeoutError as exc:
        await worker.close()
        raise WorkerGone(f"it did not load within {START_LIMIT_S:g} s") from exc
    except BaseException:
        await worker.close()
        raise
    return worker


async def tried(worker: _Worker, job: Job, limit_s: float = LIMIT_S) -> None:
    """Hand one message, as it came from the machine, to a process, and its answer to the job."""
    stamp = time_us(job.fields.get("timestamp"))
    fields = {
        **job.fields, "topic": "example", "cnc_id": str(job.fields.get("cnc_id", "")), "time_us": stamp,
        "received_us": stamp or 0,
    }
    if worker.process.stdin is None:
        return
    worker.process.stdin.write(json.dumps({"message": fields}).encode() + b"\n")
    try:
        answer = await worker.answer(limit_s)
    except TimeoutError:
        job.done((), f"took longer than {limit_s:g} s")
        return
    except WorkerGone as exc:
        job.done((), str(exc))
        return
    error = answer.get("error")
    values = [PluginValue(str(tag), value, at_us) for tag, value, at_us in answer.get("readings", ())]
    job.done(values, None if error is None else str(error))


async def trial_of(file: Path, message: Mapping[str, object] | None, limit_s: float = LIMIT_S) -> PluginTrial:
    """One message to one file, in a process that ends with it. What goes wrong is an answer."""
    try:
        worker = await start_worker(file)
    except WorkerGone as exc:
        return PluginTrial("", message or {}, (), f"does not load: {exc}")
    given = dict(worker.example if message is None else message)
    found: list[tuple[Sequence[PluginValue], str | None]] = []
    try:
        if given:
            await tried(worker, Job(given, lambda values, error: found.append((values, error))), limit_s)
    except ValueError:  # what it wrote is no JSON
        found.append(((), "its answer is none"))
    finally:
        await worker.close()
    values, error = found[0] if found else ((), "it has no example")
    return PluginTrial(worker.kind, given, tuple((value.tag, value.value) for value in values), error)


def _environment() -> dict[str, str]:
    """Without the product's settings and secrets: a plug-in is given messages, nothing else."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONDONTWRITEBYTECODE": "1"}


async def _log_notes(name: str, process: asyncio.subprocess.Process) -> None:
    """What a plug-in prints goes to the log, at most 20 lines a minute."""
    if process.stderr is None:
        return
    loop = asyncio.get_running_loop()
    begin, lines = loop.time(), 0
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:
            continue  # an endless line
        if not line:
            return
        if loop.time() - begin > 60:
            begin, lines = loop.time(), 0
        lines += 1
        if lines <= 20:
            log.info("plug-in %s says: %s", name, line.decode(errors="replace").rstrip()[:500])


@dataclass(slots=True)
class _Plugin:
    """One file: its running process, its queue, its counts."""

    file: Path
    stamp: tuple[int, int]
    worker: _Worker | None = None
    state: str = "loading"
    waiting: deque[Job] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    counts: Counter[str] = field(default_factory=Counter)
    last_error: str | None = None
    since_us: int = 0
    failures: int = 0
    tried: asyncio.Event = field(default_factory=asyncio.Event)  # its file was loaded once, or did not load
    next_version: _Worker | None = None
    patterns: tuple[str, ...] = ()
    kind: str = ""

    @property
    def name(self) -> str:
        return self.file.stem


class PluginHost:
    """The plug-ins of one folder. `run` owns everything; `submit` may be called at any time and returns at once."""

    def __init__(self, folder: Path, clock: Clock, *, limit_s: float = LIMIT_S) -> None:
        self.folder, self._clock, self._limit_s = folder, clock, limit_s
        self._plugins: dict[str, _Plugin] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looked = asyncio.Event()
        self._chosen: dict[str, str | None] = {}
        self._trying = asyncio.Lock()  # one process more at a time

    async def run(self) -> None:
        """Serve until cancelled; leaves no process behind."""
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._look(group)
                    self._looked.set()
                    await self._clock.sleep(LOOK_S)
            finally:
                for task in self._tasks.values():
                    task.cancel()
                self._tasks.clear()

    async def ready(self) -> None:
        """Wait until every plug-in that is there has loaded or failed to."""
        await self._looked.wait()
        for plugin in list(self._plugins.values()):
            await plugin.tried.wait()

    def chosen(self, cnc_id: str) -> str | None:
        """The plug-in that reads this machine: of several, the one with the longest pattern; None when there is none."""
        if cnc_id not in self._chosen:
            if len(self._chosen) > 10_000:
                self._chosen.clear()
            fitting = [
                (len(pattern), plugin.name) for plugin in self._plugins.values() for pattern in plugin.patterns
                if fnmatchcase(cnc_id, pattern)
            ]
            self._chosen[cnc_id] = max(fitting)[1] if fitting else None
        return self._chosen[cnc_id]

    def submit(self, name: str, job: Job) -> None:
        """Queue a message for a plug-in. A full queue gives up its oldest message, which is counted as dropped."""
        plugin = self._plugins.get(name)
        if plugin is None:
            job.done((), f"there is no plug-in {name!r}")
            return
        plugin.waiting.append(job)
        if len(plugin.waiting) > WAITING:
            plugin.counts["dropped"] += 1
            plugin.waiting.popleft().done((), "dropped: the plug-in is too slow")
        plugin.wake.set()

    def statuses(self) -> list[PluginStatus]:
        """A snapshot for pages and API."""
        return [
            PluginStatus(
                p.name, p.file.name, p.kind, p.patterns, p.state, p.since_us, p.counts["messages"], p.counts["readings"],
                p.counts["errors"], p.counts["hangs"], p.counts["dropped"], len(p.waiting), p.last_error,
            )
            for p in sorted(self._plugins.values(), key=lambda plugin: plugin.name)
        ]

    async def trial(self, name: str, message: Mapping[str, object] | None) -> PluginTrial:
        """What the plug-in's file, loaded beside the one at work, makes of a message (None: its own example). Raises NotFound."""
        plugin = self._plugins.get(name)
        if plugin is None:
            raise NotFound("plug-in", name, tuple(sorted(self._plugins))[:5])
        async with self._trying:
            return await trial_of(plugin.file, message, self._limit_s)

    # ---- files ----

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Take up new files, take over changed ones, drop those that are gone."""
        files = await asyncio.to_thread(_files, self.folder)
        for name in [name for name in self._plugins if name not in files]:
            log.info("plug-in %s: its file is gone", name)
            self._tasks.pop(name).cancel()
            self._forget(self._plugins.pop(name), "its file is gone")
            self._chosen.clear()
        for name, (file, stamp) in files.items():
            plugin = self._plugins.get(name)
            if plugin is None:
                plugin = self._plugins[name] = _Plugin(file, stamp, since_us=self._clock.now_us())
                self._tasks[name] = group.create_task(self._serve(plugin), name=f"plugin:{name}")
            elif plugin.stamp != stamp:
                plugin.stamp = stamp
                await self._reload(plugin)

    async def _reload(self, plugin: _Plugin) -> None:
        """A changed file: the new version takes over once it has loaded; one that does not load leaves the old one at work."""
        try:
            worker = await start_worker(plugin.file)
        except WorkerGone as exc:
            self._failed(plugin, f"the changed file does not load: {exc}")
            return
        if plugin.next_version is not None:
            await plugin.next_version.close()
        plugin.next_version = worker
        plugin.wake.set()

    def _forget(self, plugin: _Plugin, why: str) -> None:
        while plugin.waiting:
            plugin.waiting.popleft().done((), why)

    def _failed(self, plugin: _Plugin, text: str, kind: str = "errors") -> None:
        plugin.counts[kind] += 1
        if plugin.last_error != text:
            log.warning("plug-in %s: %s", plugin.name, text)
        plugin.last_error = text

    # ---- work ----

    async def _serve(self, plugin: _Plugin) -> None:
        """Keep one plug-in's process and feed it."""
        try:
            while True:
                if plugin.next_version is not None:
                    await self._take_over(plugin)
                if plugin.worker is None:
                    await self._begin(plugin)
                    continue
                if not plugin.waiting:
                    plugin.wake.clear()
                    await plugin.wake.wait()
                    continue
                await self._feed(plugin, plugin.worker)
        finally:
            for worker in (plugin.worker, plugin.next_version):
                if worker is not None:
                    await worker.close()
            plugin.worker = plugin.next_version = None

    async def _take_over(self, plugin: _Plugin) -> None:
        new, plugin.next_version = plugin.next_version, None
        old, plugin.worker = plugin.worker, new
        if old is not None:
            await old.close()
        self._running(plugin)

    async def _begin(self, plugin: _Plugin) -> None:
        pause_s = _PAUSES_S[min(plugin.failures, len(_PAUSES_S) - 1)]
        if pause_s:
            plugin.wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    while plugin.next_version is None:  # a changed file ends the pause, a message does not
                        await plugin.wake.wait()
                        plugin.wake.clear()
            if plugin.next_version is not None:
                return
        try:
            plugin.worker = await start_worker(plugin.file)
        except WorkerGone as exc:
            plugin.failures += 1
            plugin.state = "broken"
            plugin.tried.set()
            self._failed(plugin, f"does not load: {exc}")
            self._forget(plugin, f"the plug-in does not load: {exc}")
            return
        self._running(plugin)

    def _running(self, plugin: _Plugin) -> None:
        worker = plugin.worker
        if worker is not None:
            plugin.kind, plugin.patterns = worker.kind, worker.cnc_ids
            plugin.state, plugin.since_us = "running", self._clock.now_us()
            plugin.tried.set()
            self._chosen.clear()
            log.info("plug-in %s: %s reads %s", plugin.name, worker.kind, ", ".join(worker.cnc_ids))

    async def _feed(self, plugin: _Plugin, worker: _Worker) -> None:
        """Hand over a few messages at once and take their answers, each within the limit."""
        jobs = [plugin.waiting.popleft() for _ in range(min(_BATCH, len(plugin.waiting)))]
        answered = 0
        sending = asyncio.create_task(self._send(worker, jobs))
        try:
            for job in jobs:
                self._take(plugin, job, await worker.answer(self._limit_s))
                answered += 1
                plugin.failures = 0
        except TimeoutError:
            self._failed(plugin, f"took longer than {self._limit_s:g} s for one message and was ended", "hangs")
            await self._lost(plugin, worker, jobs, answered)
        except (WorkerGone, ValueError) as exc:
            self._failed(plugin, str(exc))
            await self._lost(plugin, worker, jobs, answered)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    @staticmethod
    async def _send(worker: _Worker, jobs: Sequence[Job]) -> None:
        if worker.process.stdin is None:
            return
        with contextlib.suppress(ConnectionError):
            for job in jobs:
                worker.process.stdin.write(json.dumps({"message": job.fields}).encode() + b"\n")
                await worker.process.stdin.drain()

    def _take(self, plugin: _Plugin, job: Job, answer: Mapping[str, Any]) -> None:
        error = answer.get("error")
        if error is not None:
            plugin.counts["messages"] += 1
            self._failed(plugin, str(error))
            job.done((), str(error))
            return
        try:
            values = [PluginValue(str(tag), value, at_us) for tag, value, at_us in answer["readings"]]
        except (KeyError, TypeError, ValueError) as exc:
            raise WorkerGone("its answer is none") from exc
        plugin.counts["messages"] += 1
        plugin.counts["readings"] += len(values)
        job.done(values, None)

    async def _lost(self, plugin: _Plugin, worker: _Worker, jobs: Sequence[Job], answered: int) -> None:
        """The process is of no use any more: its present message is given up, those behind it come again."""
        plugin.failures += 1
        plugin.worker = None
        plugin.counts["messages"] += 1
        plugin.waiting.extendleft(reversed(jobs[answered + 1:]))
        await worker.close()
        jobs[answered].done((), plugin.last_error or "the plug-in ended")


def _files(folder: Path) -> dict[str, tuple[Path, tuple[int, int]]]:
    """The plug-in files of a folder, with what shows that one changed."""
    found = {}
    for file in sorted(folder.glob("*.py")) if folder.is_dir() else ():
        if not file.name.startswith(("_", "test_", ".")):
            with contextlib.suppress(OSError):  # it went away just now
                stat = file.stat()
                found[file.stem] = (file, (stat.st_mtime_ns, stat.st_size))
    return found
