"""One reader for all pages; a page that fails disturbs no other."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from tests.conftest import eventually
from web_interface.components.base import Part, differences
from web_interface.components.hub import Hub, Tick
from web_interface.services import Services


class Live:
    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[str, object] | None] = asyncio.Queue()
        self.subscribed = 0
        self.shops = 0

    def shop(self) -> object:
        self.shops += 1
        return object()

    async def subscribe(self, *_kinds: str) -> AsyncIterator[tuple[str, object]]:
        self.subscribed += 1
        while True:
            event = await self.queue.get()
            if event is None:
                raise RuntimeError("the source broke")
            yield event


class Browser:
    """What the hub asks of a NiceGUI client."""

    def __init__(self, key: str) -> None:
        self.id, self.is_deleted, self.has_socket_connection = key, False, True


@pytest.fixture
def live() -> Live:
    return Live()


@pytest.fixture
def hub(live: Live) -> Hub:
    return Hub(cast("Services", type("S", (), {"live": live})()), period_s=0.02)


async def test_pages_hear_what_happened_and_share_one_reader(hub: Hub, live: Live) -> None:
    heard: list[set[str]] = [set(), set()]
    for i in range(2):
        hub.join(cast("Any", Browser(str(i))), lambda tick, i=i: heard[i].update(tick.kinds))
    await eventually(lambda: live.subscribed == 1)
    live.queue.put_nowait(("alert", None))
    await eventually(lambda: all(h == {"alert"} for h in heard))
    assert live.subscribed == 1


async def test_a_failing_page_stops_no_other(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    ticks: list[Tick] = []

    def broken(_tick: Tick) -> None:
        raise RuntimeError("drawing failed")

    hub.join(cast("Any", Browser("broken")), broken)
    hub.join(cast("Any", Browser("well")), ticks.append)
    await eventually(lambda: len(ticks) >= 3)
    assert "live update of page broken failed" in caplog.text


async def test_a_broken_source_is_read_again(hub: Hub, live: Live) -> None:
    hub.join(cast("Any", Browser("a")), lambda _tick: None)
    live.queue.put_nowait(None)
    await eventually(lambda: live.subscribed >= 2)


async def test_a_closed_page_leaves_and_one_without_connection_waits(hub: Hub) -> None:
    gone, away, count = Browser("gone"), Browser("away"), [0]
    away.has_socket_connection = False
    hub.join(cast("Any", gone), lambda _tick: None)
    hub.join(cast("Any", away), lambda _tick: count.__setitem__(0, count[0] + 1))
    gone.is_deleted = True
    await eventually(lambda: hub.pages == 1)
    assert count == [0]
    away.has_socket_connection = True
    await eventually(lambda: count[0] > 0)


def test_a_shared_view_is_drawn_once_a_tick(hub: Hub, live: Live) -> None:
    drawn: list[object] = []
    for _ in range(5):
        hub.view("tiles", lambda shop: drawn.append(shop) or len(drawn))
    assert (len(drawn), live.shops) == (1, 1)
    hub.tick()
    assert hub.view("tiles", lambda shop: drawn.append(shop) or len(drawn)) == 2


async def test_news_come_at_once_but_no_faster_than_the_period(live: Live) -> None:
    hub = Hub(cast("Services", type("S", (), {"live": live})()), period_s=0.2)
    ticks: list[tuple[float, frozenset[str]]] = []
    loop = asyncio.get_running_loop()
    hub.join(cast("Any", Browser("a")), lambda tick: ticks.append((loop.time(), tick.kinds)))
    await eventually(lambda: live.subscribed == 1)
    await asyncio.sleep(0.3)  # the first period is over: the hub waits for news
    asked = loop.time()
    live.queue.put_nowait(("sample", None))
    await eventually(lambda: any(kinds for _, kinds in ticks))
    assert ticks[-1][0] - asked < 0.15
    for _ in range(40):
        live.queue.put_nowait(("sample", None))
        await asyncio.sleep(0.01)
    times = [at for at, _ in ticks]
    assert min(b - a for a, b in itertools.pairwise(times)) > 0.19


def test_what_did_not_change_is_the_same_object_for_every_page(hub: Hub, live: Live) -> None:
    """So a page sees without comparing that it shows it already; what changed is new."""
    drawn = iter([{"a": {"kw": "1"}, "b": {"kw": "2"}}, {"a": {"kw": "1"}, "b": {"kw": "3"}}])
    first = hub.view("cards", lambda _shop: next(drawn))
    hub.tick()
    second = hub.view("cards", lambda _shop: next(drawn))
    assert second == {"a": {"kw": "1"}, "b": {"kw": "3"}}
    assert second["a"] is first["a"]
    assert second["b"] is not first["b"]


def test_a_part_sends_only_what_differs_also_after_a_change_by_its_own_page() -> None:
    part = Part.__new__(Part)
    part._data, part._taken, part._props = {"kw": "1", "name": "Lathe"}, None, {}  # type: ignore[assignment]
    picture = {"kw": "2", "name": "Lathe"}
    assert part.change(picture) == {"kw": "2"}
    assert part.change(picture) == {}
    sent: list[object] = []
    part.run_method = lambda _name, changes: sent.append(changes)  # type: ignore[assignment,method-assign]
    part.show({"kw": "9"})
    assert sent == [{"kw": "9"}]
    assert part.change(picture) == {"kw": "2"}


def test_what_differs_between_two_pictures_is_found_once_for_all_pages_that_go_the_same_way(hub: Hub) -> None:
    asked: list[tuple[object, object]] = []

    def find(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> dict[str, dict[str, object]]:
        asked.append((old, new))
        return differences(old, new)

    first, second = {"a": {"kw": "1"}, "b": {"kw": "2"}}, {"a": {"kw": "1"}, "b": {"kw": "3"}}
    assert [hub.step("cards", first, second, find) for _ in range(3)] == [{"b": {"kw": "3"}}] * 3
    assert len(asked) == 1
    late = {"a": {"kw": "0"}, "b": {"kw": "0"}}  # a page that missed a tick catches up from what it shows
    assert hub.step("cards", late, second, find) == {"a": {"kw": "1"}, "b": {"kw": "3"}}


def test_a_picture_that_pages_share_is_not_changed_by_one_of_them() -> None:
    part = Part.__new__(Part)
    part._data, part._taken, part._props = {}, None, {}  # type: ignore[assignment]
    shared = {"kw": "1", "name": "Lathe"}
    part.take(shared)
    part.run_method = lambda _name, _changes: None  # type: ignore[assignment,method-assign,return-value]
    part.show({"kw": "9"})
    assert shared == {"kw": "1", "name": "Lathe"}
    assert part.shown == {"kw": "9", "name": "Lathe"}
