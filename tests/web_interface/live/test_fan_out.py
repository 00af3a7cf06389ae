"""Everybody gets what they asked for; a slow reader loses the oldest, is told, and slows nobody."""

import asyncio

from web_interface.fan_out import BACKLOG, FanOut


async def test_slow_reader_is_told_what_it_lost_and_the_fast_one_loses_nothing() -> None:
    fan = FanOut()
    fast: list[object] = []

    async def read_fast() -> None:
        async for _, event in fan.subscribe("sample"):
            fast.append(event)

    slow = fan.subscribe("sample")
    first = asyncio.ensure_future(anext(slow))
    task = asyncio.create_task(read_fast())
    await asyncio.sleep(0)
    count = BACKLOG + 50
    for n in range(count):
        fan.publish("sample", n)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert fast == list(range(count))
    got = [await first]
    while len(got) < BACKLOG:
        got.append(await anext(slow))
    lost = [n for kind, n in got if kind == "lost"]
    values = [n for kind, n in got if kind == "sample"]
    assert sum(int(str(n)) for n in lost) >= 49
    assert values == sorted(values, key=lambda v: int(str(v)))
    task.cancel()
    await slow.aclose()  # type: ignore[attr-defined]
    await asyncio.gather(task, return_exceptions=True)
    assert fan.readers == 0


async def test_only_the_kinds_asked_for_arrive() -> None:
    fan = FanOut()
    reader = fan.subscribe("alert")
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    assert fan.wanted("alert")
    assert not fan.wanted("sample")
    fan.publish("sample", 1)
    fan.publish("alert", 2)
    assert await waiting == ("alert", 2)
    await reader.aclose()  # type: ignore[attr-defined]
