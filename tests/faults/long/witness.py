"""Looks at the running program from outside while something is away: what its page and API say, its memory, its disk."""

from __future__ import annotations

import asyncio
import html
import re
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from benchmarks.measure import cpu_s, percentile, rss_mib
from tests.conftest import eventually
from tests.e2e.generator import TAGS, Generator
from tests.e2e.numbered import APART_S, Numbered, check, lost, orderly
from tests.e2e.process import PASSWORD, Product, plain_client
from tests.faults.long.verdict import Verdict, say
from tests.faults.outage import book_of

BANNER = re.compile(r"(\d[\d\s,.\u00a0\u202f]*) values? waits?, the oldest for ([^.\"<]+)\.")
DOWN = re.compile(r'^energy_task_up\{task="([^"]+)"\} 0', re.MULTILINE)
PATIENCE_S = 300.0  # a run does not end because others took the machine for a moment: how long a page took is a figure


@dataclass(frozen=True)
class Look:
    """One look. `oldest_s`: age of the oldest entry that waits; `newest_s`: age of the newest live value, of the device that is
    worst. `said`: what the page says of the backlog, its size and the words after it."""

    at: float
    rss_mib: float
    cpu_s: float
    disk_mib: float
    waiting: int
    oldest_s: float | None
    newest_s: float
    said: tuple[int, str] | None
    page_s: float


def age_s(at: str | None) -> float | None:
    """Of a time of the API."""
    return None if at is None else time.time() - datetime.fromisoformat(at).timestamp()


def size_mib(folder: Path) -> float:
    """Of all files below; those that go meanwhile count nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total / 1_048_576


def patient(found: Product) -> None:
    """Wait for it as long as for pages."""
    found.starts_s = found.answers_s = PATIENCE_S


class Witness:
    """Asks one product; `destination` is the line of the books that is watched, `folder` where its backlog lies on the disk.

    `path` is the page that speaks of it, `words` how: a number and what follows it.
    """

    def __init__(
        self, found: Product, destination: str, folder: Path, path: str = "/", words: re.Pattern[str] = BANNER
    ) -> None:
        self._found, self._destination, self._folder, self._path, self._pattern = found, destination, folder, path, words
        self._client: httpx.AsyncClient = plain_client(PATIENCE_S)
        self.looks: list[Look] = []
        self._metrics = ""
        patient(found)

    async def enter(self) -> None:
        """A session as a person has it, made while all is well."""
        answer = await self._client.post(self._found.url + "/login", data={"name": "admin", "password": PASSWORD})
        assert answer.status_code == 303, (answer.status_code, answer.text[:500])

    async def close(self) -> None:
        await self._client.aclose()

    async def look(self) -> Look:
        """Now; remembered and told."""
        process = self._found.process
        assert process is not None
        began = time.monotonic()
        page = await self._client.get(self._found.url + self._path)
        page_s = time.monotonic() - began
        assert page.status_code == 200, page.status_code
        book = await book_of(self._found, self._destination)
        look = Look(
            time.time(), rss_mib(process.pid), cpu_s(process.pid), size_mib(self._folder), book["pending"], age_s(book["oldest_pending"]),
            await self.newest_s(), self._said(html.unescape(page.text)), page_s,
        )  # fmt: skip
        self.looks.append(look)
        oldest = "none" if look.oldest_s is None else f"{look.oldest_s:.0f} s"
        say(
            f"{look.waiting} wait, oldest {oldest}, {look.disk_mib:.1f} MiB of backlog, rss {look.rss_mib:.1f} MiB, cpu {look.cpu_s:.1f} s, "
            f"newest value {look.newest_s:.1f} s, page {page_s:.2f} s, banner {look.said}"
        )
        return look

    def _said(self, page: str) -> tuple[int, str] | None:
        found = self._pattern.search(page)
        return None if found is None else (int(re.sub(r"\D", "", found[1])), found[2])

    async def newest_s(self) -> float:
        """Age of the newest live value of the counted device whose newest is the oldest."""
        newest: dict[str, str] = {}
        for item in (await self._found.get("/api/data/latest"))["items"]:
            if item["device"].startswith("d"):
                newest[item["device"]] = max(newest.get(item["device"], ""), item["time"] or "")
        return max((age_s(at) or 0.0 for at in newest.values()), default=float("inf"))

    async def judge_tasks(self, verdict: Verdict) -> None:
        """All is well again: no long-lived task is shown as failed for what is over (a pause before a try, and a minute without failure)."""
        with suppress(AssertionError):
            await eventually(self._all_run, 150.0)
        verdict.held("all tasks run again", await self._all_run(), ", ".join(re.findall(DOWN, self._metrics)))
        restarts = re.findall(r'^energy_task_restarts_total\{task="([^"]+)"\} ([1-9]\S*)', self._metrics, re.MULTILINE)
        verdict.figure("tasks that were started again", ", ".join(f"{task} {float(n):.0f}" for task, n in restarts) or "none")

    async def _all_run(self) -> bool:
        answer = await self._client.get(self._found.url + "/metrics", headers={"authorization": f"Bearer {self._found.key}"})
        self._metrics = answer.text
        return "energy_task_up" in self._metrics and DOWN.search(self._metrics) is None

    async def during(self, seconds: float, every_s: float, also: Callable[[], Awaitable[None]] | None = None) -> list[Look]:
        """Look again and again; `also` is done with each look. What was seen, in order."""
        before, end = len(self.looks), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, every_s))
            await self.look()
            if also is not None:
                await also()
        return self.looks[before:]


@dataclass
class Drain:
    """How a backlog went away. `took_s`: from the last look at which nothing had gone to the first at which all had."""

    backlog: int
    took_s: float
    first_after_s: float
    delivered: int
    newest_s: float

    @property
    def rate(self) -> float:
        """Entries a second."""
        return self.delivered / max(self.took_s, 1e-3)


async def drained(witness: Witness, found: Product, destination: str, enough: int, within_s: float) -> Drain:
    """Wait until at most `enough` wait, and measure it: the books are asked all the time."""
    start = await book_of(found, destination)
    began, end = time.monotonic(), time.monotonic() + within_s
    still, ages = began, [0.0]
    while True:
        book, now = await book_of(found, destination), time.monotonic()
        if book["delivered"] == start["delivered"]:
            still = now
        elif book["pending"] <= enough:
            return Drain(start["pending"], now - still, still - began, book["delivered"] - start["delivered"], max(ages))
        assert now < end, f"still {book['pending']} wait after {within_s:.0f} s"
        ages.append(await witness.newest_s())
        await asyncio.sleep(0.02)


def judge_memory(verdict: Verdict, before: Look, looks: list[Look]) -> None:
    """What waits in memory is bounded: more outage is not more memory."""
    highest = max(look.rss_mib for look in looks)
    late = [look.rss_mib for look in looks[-max(2, len(looks) // 4) :]]
    verdict.held("memory does not grow with the outage (≤ 64 MiB)", highest - before.rss_mib <= 64, f"{before.rss_mib:.0f} → {highest:.0f} MiB")
    verdict.held("nor in its last quarter (≤ 8 MiB)", late[-1] - late[0] <= 8, f"{late[0]:.1f} → {late[-1]:.1f} MiB")
    verdict.figure("memory before, at most meanwhile, at the end of the outage", f"{before.rss_mib:.0f}, {highest:.0f}, {late[-1]:.0f} MiB")
    share = (looks[-1].cpu_s - before.cpu_s) / (looks[-1].at - before.at)
    verdict.figure("CPU meanwhile, pages and looks included", f"{share:.1%} of one core")


def judge_backlog(verdict: Verdict, looks: list[Look], gone: float, live: float, made: Generator, more: float = 0.0) -> None:
    """Size and age of the backlog on the page, in the books, by the clock and by what the devices answered: ways to the same.

    `live`: entries a second; `more`: those among them that are not the generator's.
    """
    silent = [look for look in looks if look.said is None]
    verdict.held("each page says how much waits", not silent, f"{len(looks)} pages")
    sizes = [(look.said[0], look.waiting) for look in looks if look.said is not None]
    verdict.held("as many as the books", all(abs(a - b) <= 3 * live for a, b in sizes), sizes[-1:])
    ages = [(round(look.at - gone, 1), look.oldest_s) for look in looks]
    verdict.held("the oldest is as old as the outage", all(old is not None and abs(old - s) < 10 for s, old in ages), ages[-1:])
    answers = sorted(at for unit in made.units for at in unit.answered)
    expected = [(_read(answers, gone, look.at) + round(more * (look.at - gone)), look.waiting) for look in looks]
    verdict.held("the backlog is what was read meanwhile", all(abs(b - a) <= 0.03 * a + 10 * live for a, b in expected), expected[-1:])
    newest = max(look.newest_s for look in looks)
    verdict.held("live values stay live (≤ 5 s)", newest <= 5, f"{newest:.1f} s")
    last = looks[-1]
    verdict.figure("the page at the end", " / ".join(map(str, last.said)) if last.said else "nothing")
    verdict.figure("backlog at the end", f"{last.waiting}, {last.disk_mib:.1f} MiB on the disk ({last.disk_mib * 1_048_576 / last.waiting:.1f} B each)")
    verdict.figure("page meanwhile, longest", f"{max(look.page_s for look in looks):.2f} s")


def _read(answers: Sequence[float], begin: float, end: float) -> int:
    """Values in the answers of a stretch."""
    return TAGS * (bisect_left(answers, end) - bisect_left(answers, begin))


def judge_drain(verdict: Verdict, drain: Drain, live: float) -> None:
    """P5."""
    verdict.figure("backlog drained", f"{drain.delivered} in {drain.took_s:.1f} s, begun {drain.first_after_s:.1f} s after the return")
    verdict.figure("drain rate", f"{drain.rate:,.0f} a second, {drain.rate / live:.0f} times the live rate".replace(",", " "))
    verdict.held("drained at 5 times the live rate or faster", drain.rate >= 5 * live, f"{drain.rate:.0f}/s")
    verdict.held("live values do not wait for it (≤ 5 s)", drain.newest_s <= 5, f"{drain.newest_s:.1f} s")


def judge_polls(verdict: Verdict, made: Generator, scan_s: float, since: float, until: float) -> None:
    """Devices are asked as if nothing had happened."""
    expected = (until - since) / scan_s
    counts = [sum(since <= at < until for at in unit.answered) for unit in made.units]
    verdict.held("the devices are polled all the time (≥ 97 %)", min(counts) >= 0.97 * expected - 2, f"{min(counts)} of {expected:.0f}")
    gaps = [b - a for unit in made.units for a, b in pairwise(unit.answered) if since <= a and b <= until]
    on_time = sum(abs(gap - scan_s) <= 0.1 * scan_s for gap in gaps) / max(1, len(gaps))
    verdict.figure("polls that follow within 10 % of the interval; longest", f"{on_time:.2%}; {max(gaps, default=0.0):.2f} s")
    verdict.figure("interval between polls, p99", f"{percentile(gaps, 0.99):.3f} s")


def apart_s(made: Generator, scan_s: float) -> float:
    """How late an answer may be read: where others took the machine, as much later as the devices were not asked."""
    longest = max((b - a for unit in made.units for a, b in pairwise(unit.answered)), default=scan_s)
    return APART_S + max(0.0, longest - scan_s)


def judge_rows(
    verdict: Verdict, made: Generator, rows: Numbered, where: str = "tables", *, stops: Sequence[float] = (), apart_s: float = APART_S
) -> None:
    """Against the generator: each once, in order, under its tag; missing at most what was open at `stops`, or each unit's last answer."""
    try:
        orderly(made, rows, apart_s)
        if stops:
            check(made, rows, stops, apart_s)
        gone = {} if stops else lost(made, rows)
        assert not gone, {key: sorted(numbers)[:5] for key, numbers in list(gone.items())[:5]}
    except AssertionError as exc:
        verdict.held(f"{where}: each once, in order, at its time, under its tag, none missing", False, exc)
    else:
        verdict.held(f"{where}: each once, in order, at its time, under its tag, none missing", True, f"{sum(map(len, rows.values()))} samples")


def judge_books(verdict: Verdict, books: dict[str, Any], quarantined: int = 0) -> None:
    """P2, and that nothing was thrown away."""
    rejected = sum(books["rejected"].values())
    verdict.held(
        "read = kept + filtered + rejected + in flight",
        books["balanced"] and books["read"] == books["kept"] + books["filtered"] + rejected + books["in_flight"], books["read"],
    )  # fmt: skip
    for one in books["destinations"]:
        if not one["enabled"]:
            continue
        whole = one["delivered"] + one["pending"] + one["quarantined"] + one["dropped"]
        verdict.held(f"{one['name']}: taken = delivered + pending + quarantined + dropped", one["balanced"] and one["taken"] == whole, one)
        verdict.held(f"{one['name']}: nothing dropped", one["dropped"] == 0, one["dropped"])
    verdict.held("nothing filtered or rejected", books["filtered"] == 0 and rejected == 0, books["rejected"])


def judge_log(verdict: Verdict, output: Path, minutes: float, who: str = "the program") -> None:
    """What is away is told, not repeated: what a person finds in the log afterwards can be read."""
    words = output.read_text(errors="replace")
    verdict.held(f"the log of {who} stays readable (≤ 100 kB and 5 kB a minute)", len(words) <= 100_000 + 5_000 * minutes, f"{len(words) // 1000} kB")
    verdict.figure(f"log of {who}, tracebacks in it", f"{len(words) / 1000:.0f} kB, {words.count('Traceback')}")
