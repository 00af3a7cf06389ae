"""Looks at the running program from outside while something is away: what its page and API say, its memory, its disk."""

from __future__ import annotations

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from benchmarks.measure import cpu_s, rss_mib
from tests.conftest import eventually
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
