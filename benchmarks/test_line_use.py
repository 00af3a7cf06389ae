"""How much of a slow line is used: the measured cycle against what bytes, pauses and the meter's latency need at least."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest

from data_collection.driver import Trace
from domain.profile import Group
from tests.data_collection.mercury.peers import bench, device, meter

BAUD, LATENCY_S, PAUSE_S = 9600, 0.040, 0.005


async def took(work: Callable[[], Awaitable[object]]) -> float:
    started = time.monotonic()
    await work()
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("terminal", "long_replies", "groups", "transactions", "size"),
    [
        (False, "off", [Group.FAST], 7, 132),  # P, Q, S, PF 6+15 each, U and I 6+12, f 6+6
        (True, "off", [Group.FAST], 7, 132),
        (False, "auto", [Group.FAST], 1, 95),  # A0h
        (False, "off", [Group.FAST, Group.SLOW], 7 + 4 + 5 + 1, 132 + 62 + 5 * 25 + 21),
    ],
    ids=["groups over tcp", "groups at a pty", "all in one", "fast and slow"],
)
async def test_the_cycle_is_near_the_physical_minimum(
    terminal: bool, long_replies: str, groups: Sequence[Group], transactions: int, size: int
) -> None:
    """A busy computer is no fault of ours: a bare loop that only sends and receives the same bytes is measured beside."""
    async with bench([meter()], terminal=terminal, baud=BAUD, latency_s=LATENCY_S, pause_s=PAUSE_S) as b:
        plan = b.protocol.prepare(device(timeout_s=0.5, long_replies=long_replies))
        for group in (Group.FAST, Group.SLOW, *groups):  # opened, learned
            trace = Trace()
            await b.protocol.read(b.stream, plan, group, trace)
        costs = [plan.cost(group) for group in groups]
        assert sum(c.transactions for c in costs) == transactions
        assert sum(c.bytes_on_wire for c in costs) == size

        async def ours() -> None:
            for group in groups:
                await b.protocol.read(b.stream, plan, group)

        traces = [Trace() for _ in groups]
        for group, trace in zip(groups, traces, strict=True):
            await b.protocol.read(b.stream, plan, group, trace)
        frames = [f for t in traces for f in t.frames]
        exchanges = [(tx[2], len(rx[2])) for tx, rx in zip(frames[::2], frames[1::2], strict=True)]
        assert len(exchanges) == transactions

        async def bare() -> None:
            for request, expected in exchanges:
                await b.stream.write(request)
                while expected > 0:
                    expected -= len(await b.stream.read(1.0))  # noqa: PLW2901 (what is still to come)

        minimum = size * 10 / BAUD + transactions * (LATENCY_S + PAUSE_S)
        best_bare = best = 60.0
        for _ in range(3):
            best_bare = min(best_bare, await took(bare))
            await asyncio.sleep(2 * PAUSE_S)
            best = min(best, await took(ours))
    print(
        f"\n{transactions} transactions, {size} bytes: minimum {1e3 * minimum:.1f} ms, bare loop {best_bare / minimum:.3f}, "
        f"ours {best / minimum:.3f}"
    )
    assert best >= 0.98 * minimum, "the line is not paced"
    assert best <= 1.05 * max(minimum, best_bare)
