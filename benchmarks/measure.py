"""What all benchmarks share: CPU time and memory from /proc, percentiles, child processes, tables."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


def machine_load() -> str:
    """Processes that wanted a core in the last minute, on average: ours among them."""
    return Path("/proc/loadavg").read_text().split()[0]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a result: `goal` as people write it, `met` None where there is no goal."""

    what: str
    figure: str
    beside: str = ""
    goal: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Result:
    """What a benchmark found. `lead` says what is compared with what."""

    title: str
    lead: str
    rows: list[Row] = field(default_factory=list)
    load: str = field(default_factory=machine_load)

    def add(self, what: str, figure: str, beside: str = "", goal: str = "", met: bool | None = None) -> None:
        """One more line."""
        self.rows.append(Row(what, figure, beside, goal, met))

    def to_json(self) -> dict[str, Any]:
        rows = [{"what": r.what, "figure": r.figure, "beside": r.beside, "goal": r.goal, "met": r.met} for r in self.rows]
        return {"title": self.title, "lead": self.lead, "rows": rows}

    def markdown(self) -> str:
        """As it stands in docs/performance.md."""
        seen = f"{machine()}; load of the machine {self.load} at the beginning, {machine_load()} at the end."
        lines = [f"### {self.title}", "", self.lead, "", seen, "", "| what | figure | beside | goal | |", "| --- | --- | --- | --- | --- |"]
        for r in self.rows:
            verdict = "" if r.met is None else "met" if r.met else "**not met**"
            lines.append(f"| {r.what} | {r.figure} | {r.beside} | {r.goal} | {verdict} |")
        return "\n".join(lines) + "\n"


def cpu_s(pid: int | None = None) -> float:
    """User and system CPU seconds of a process and its threads so far (children not included)."""
    fields = Path(f"/proc/{pid or os.getpid()}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_mib(pid: int | None = None) -> float:
    """Resident memory of a process, MiB."""
    for line in Path(f"/proc/{pid or os.getpid()}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def busy_ticks() -> int:
    """CPU ticks in which any core of the machine worked, since its start: what others took is this less our own."""
    numbers = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4]


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; NaN without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def median(values: Sequence[float]) -> float:
    """Of a few repetitions."""
    return percentile(values, 0.5)


def pin(core: int) -> None:
    """Keep this process and its threads on one core where the machine has several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def _place(core: int) -> None:
    """In a child that is measured: its core, and ahead of what else the machine does where that is allowed."""
    pin(core)
    os.setsid()
    _prefer("self")


def _prefer(pid: str) -> None:
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0 if pid == "self" else int(pid), -20)
        Path(f"/proc/{pid}/autogroup").write_text("-20")  # kernels that share the processor by session look at this only


def place_descendants(core: int, *, ahead: bool = False) -> None:
    """The core for what our children started by themselves (browsers), except what already has a place.

    `ahead`: before what else the machine does, too. Not while browsers still open pages: one that starts a process then waits for itself for
    half a minute.
    """
    ours = sorted(os.sched_getaffinity(0))[core]
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[stat.parent.name] = stat.read_text().rpartition(")")[2].split()[1]
    for pid in parents:
        above = parents[pid]
        while above in parents and above != str(os.getpid()):
            above = parents[above]
        with suppress(OSError):
            if above == str(os.getpid()) and len(os.sched_getaffinity(int(pid))) > 1:
                os.sched_setaffinity(int(pid), {ours})
            if ahead and above == str(os.getpid()) and os.sched_getaffinity(int(pid)) == {ours}:
                _prefer(pid)


@contextmanager
def child(
    *arguments: str, core: int | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """`python -m ARGUMENTS` with its output as a pipe, ended with the block."""
    environ = {**os.environ, **(environment or {}), "PYTHONPATH": str(ROOT)}
    before = partial(_place, core) if core is not None else None
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT, env=environ,
        preexec_fn=before,  # noqa: PLW1509 - no thread of ours runs yet
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def line_of(process: subprocess.Popen[str]) -> str:
    """Its next line of output. RuntimeError when it ended instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with {process.wait()}")
    return line.strip()


def answer(*arguments: str, core: int | None = None) -> dict[str, Any]:
    """The JSON on the last line of what a child prints."""
    with child(*arguments, core=core) as process:
        output, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{arguments!r} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found


def machine() -> str:
    """What this was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {system}, Python {platform.python_version()}"
