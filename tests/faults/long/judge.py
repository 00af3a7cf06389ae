"""What a long run must have held, judged by looks, counts and rows: each claim goes into the verdict."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.measure import percentile
from tests.e2e.generator import TAGS, Generator
from tests.e2e.numbered import APART_S, Numbered, check, lost, orderly
from tests.faults.long.verdict import Verdict
from tests.faults.long.witness import Drain, Look


def memory(verdict: Verdict, before: Look, looks: list[Look]) -> None:
    """What waits in memory is bounded: more outage is not more memory."""
    highest = max(look.rss_mib for look in looks)
    late = [look.rss_mib for look in looks[-max(2, len(looks) // 4) :]]
    verdict.held("memory does not grow with the outage (≤ 64 MiB)", highest - before.rss_mib <= 64, f"{before.rss_mib:.0f} → {highest:.0f} MiB")
    verdict.held("nor in its last quarter (≤ 8 MiB)", late[-1] - late[0] <= 8, f"{late[0]:.1f} → {late[-1]:.1f} MiB")
    verdict.figure("memory before, at most meanwhile, at the end of the outage", f"{before.rss_mib:.0f}, {highest:.0f}, {late[-1]:.0f} MiB")
    share = (looks[-1].cpu_s - before.cpu_s) / (looks[-1].at - before.at)
    verdict.figure("CPU meanwhile, pages and looks included", f"{share:.1%} of one core")


def backlog(verdict: Verdict, looks: list[Look], gone: float, live: float, made: Generator, more: float = 0.0) -> None:
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


def drain(verdict: Verdict, drain: Drain, live: float) -> None:
    """P5."""
    verdict.figure("backlog drained", f"{drain.delivered} in {drain.took_s:.1f} s, begun {drain.first_after_s:.1f} s after the return")
    verdict.figure("drain rate", f"{drain.rate:,.0f} a second, {drain.rate / live:.0f} times the live rate".replace(",", " "))
    verdict.held("drained at 5 times the live rate or faster", drain.rate >= 5 * live, f"{drain.rate:.0f}/s")
    verdict.held("live values do not wait for it (≤ 5 s)", drain.newest_s <= 5, f"{drain.newest_s:.1f} s")


def polls(verdict: Verdict, made: Generator, scan_s: float, since: float, until: float) -> None:
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


def rows(
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


def books(verdict: Verdict, books: dict[str, Any], quarantined: int = 0) -> None:
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


def log(verdict: Verdict, output: Path, minutes: float, who: str = "the program") -> None:
    """What is away is told, not repeated: what a person finds in the log afterwards can be read."""
    words = output.read_text(errors="replace")
    verdict.held(f"the log of {who} stays readable (≤ 100 kB and 5 kB a minute)", len(words) <= 100_000 + 5_000 * minutes, f"{len(words) // 1000} kB")
    verdict.figure(f"log of {who}, tracebacks in it", f"{len(words) / 1000:.0f} kB, {words.count('Traceback')}")
