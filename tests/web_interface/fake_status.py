"""What the status page and the report list show for the invented shop."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from domain.access import Actor
from domain.errors import NotFound
from domain.feed import EVERYTHING, BacklogCost, BacklogPart, FeedGap, FeedStatus, Moved, OutboxBook, Quarantined
from domain.health import Books, DestinationBook, DeviceStatus, LineStatus, StorageStatus, TaskStatus
from domain.plugin import PluginStatus
from domain.refused import RefusedSummary
from domain.role import RoleStatus
from domain.sample import TagId, TextSample
from tests.web_interface import fake_shop as shop

DAYS_41 = 41 * shop.DAY_US


class FakeStatus:
    """StatusService: the status picture."""

    def __init__(self, clock: shop.ShopClock) -> None:
        self._clock = clock
        self.storage_state = "ok"
        self.apart: Sequence[RoleStatus] = ()
        self.refused: RefusedSummary | None = None

    def lines(self) -> Sequence[LineStatus]:
        since = shop.START_US - DAYS_41
        rows = (
            ("tcp1", "online", 4, 4, 38.0, 0.31, 0, None),
            ("gw1", "online", 3, 3, 74.0, 0.58, 2, None),
            ("gw2", "partial", 3, 2, 96.0, 0.71, 74, "m7: no answer within 800 ms"),
            ("dmg", "online", 2, 2, 21.0, 0.12, 0, None),
            ("com1", "online", 1, 1, 112.0, 0.44, 3, None),
        )
        return [
            LineStatus(
                id_,
                shop.plant().line(id_).transport,
                shop.plant().line(id_).target,
                state,
                shop.LOST_US if state == "partial" else since,
                n,
                ok,
                latency,
                load,
                errors,
                error,
                shop.START_US + 22 * shop.S if error else None,
                1.0,
                0.4,
                0.5,
            )
            for id_, state, n, ok, latency, load, errors, error in rows
        ]

    def devices(self) -> Sequence[DeviceStatus]:
        now = self._clock.now_us()
        found = []
        for device in shop.plant().devices:
            lost = device.id == "m7"
            found.append(
                DeviceStatus(
                    device.id,
                    device.line,
                    device.profile.name,
                    "offline" if lost else "online",
                    shop.LOST_US if lost else shop.START_US - DAYS_41,
                    shop.LOST_US - 2 * shop.S if lost else now - now % shop.S,
                    "no answer within 800 ms" if lost else None,
                    9_874,
                    74 if lost else 0,
                    {"timeout": 74} if lost else {},
                    None if lost else 38.0,
                    shop.START_US + 22 * shop.S if lost else None,
                    device.scan_s,
                )
            )
        return found

    def roles(self) -> Sequence[RoleStatus]:
        return self.apart

    def tasks(self) -> Sequence[TaskStatus]:
        names = ("line:tcp1", "line:gw1", "line:gw2", "line:dmg", "line:com1", "writer", "rollups", "analysis", "live")
        finished = TaskStatus("watchdog", "done", 0, shop.START_US - DAYS_41)  # nobody feeds it here
        return [*(TaskStatus(name, "running", 0, shop.START_US - DAYS_41) for name in names), finished]

    def storage(self) -> StorageStatus:
        cause = None if self.storage_state == "ok" else "the database does not answer"
        backlog = 0 if cause is None else 15_600
        return StorageStatus(
            self.storage_state,
            cause,
            backlog,
            shop.START_US - 60 * shop.S if cause else None,
            0,
            8 << 30,
            4.2,
            38 << 30,
            "sqlite",
            last_write_us=shop.START_US, size_bytes=3 << 30, refused=self.refused,
        )

    def books(self) -> Books:
        return Books(
            shop.START_US - 13 * 3600 * shop.S - 42 * shop.MIN,
            11_482_306,
            9_874_112,
            1_607_921,
            {"no_value": 210, "unregistered": 41, "unknown_device": 22},
            (
                DestinationBook("database", True, 9_874_084, 28, 0, 0),
                DestinationBook("kafka", True, 9_873_700, 412, 0, 0),
                DestinationBook("mqtt", True, 9_874_112, 0, 0, 0),
                DestinationBook("influxdb", True, 4_000, 990, 10, 240, "no answer in time", shop.LOST_US, 5_240),
            ),
        )

    def feeds(self) -> Sequence[FeedStatus]:
        return [
            FeedStatus(
                "kafka", "ok", "kafka:9092", shop.START_US, self._clock.now_us(), None, None,
                OutboxBook(9_874_112, 9_873_700, 412, 0, 0, shop.START_US, 2**20, 2**31),
            ),
            FeedStatus(
                "influxdb", "away", "http://influx.plant:8086", shop.LOST_US, shop.LOST_US, "no answer in time",
                shop.START_US + 22 * shop.S, OutboxBook(5_240, 4_000, 990, 10, 240, shop.LOST_US, 2**20, 2**31, 10), {"204": 40, "503": 3},
                [FeedGap(shop.LOST_US - 240 * shop.S, shop.LOST_US - shop.S, 240, "full", shop.LOST_US)],
            ),
        ]  # fmt: skip

    def plugins(self) -> Sequence[PluginStatus]:
        return [
            PluginStatus("axis_loads", "axis_loads.py", "AxisLoads", ("DMU-*",), "running", shop.START_US, 5120, 20480, 2, 1, 0, 0,
                         "KeyError: 'load_pct' (line 29)"),
            PluginStatus("lathes", "lathes.py", "", (), "broken", shop.START_US, 0, 0, 1, 0, 0, 0,
                         "does not load: SyntaxError: invalid syntax (line 3)"),
        ]

    def started_us(self) -> int:
        return shop.START_US - DAYS_41

    def samples_per_second(self) -> float:
        return 260.0

    def loop_lag_ms(self) -> float:
        return 1.3

    def keeping(self) -> bool:
        return self.storage_state in {"ok", "journal"}


class FakeFeeds:
    """FeedService over the picture's feeds."""

    def __init__(self, status: FakeStatus) -> None:
        self._status = status
        self._refused = [
            Quarantined("field type conflict", [(1, shop.LOST_US + n * shop.S, 11.5 + n, 0)], number=n, refused_us=shop.START_US)
            for n in range(1, 10)
        ]
        self._refused.append(Quarantined("too long", texts=[TextSample(TagId(1), shop.LOST_US, "<b>" + "x" * 3000)], number=10))

    def feeds(self) -> Sequence[FeedStatus]:
        return self._status.feeds()

    def tag_name(self, tag_id: int) -> str:
        return "m1.active_power" if tag_id == 1 else str(tag_id)

    def tag_device(self, tag_id: int) -> str:
        return "m1" if tag_id == 1 else ""

    async def quarantine(self, name: str, actor: Actor, most: int = 100, skip: int = 0) -> Sequence[Quarantined]:
        return self._refused[skip : skip + most] if name == "influxdb" else []

    async def retry_quarantine(self, name: str, actor: Actor, numbers: Collection[int] | None = None) -> Moved:
        return self._taken_out(numbers)

    async def discard_quarantine(self, name: str, actor: Actor, numbers: Collection[int] | None = None) -> Moved:
        return self._taken_out(numbers)

    def _taken_out(self, numbers: Collection[int] | None) -> Moved:
        """All are said to be taken out and stay, for other tests; chosen ones go."""
        if numbers is None:
            return Moved(len(self._refused), 10)
        out = [one for one in self._refused if one.number in numbers]
        if not out:
            raise NotFound("refused entry", ", ".join(map(str, numbers)))
        self._refused = [one for one in self._refused if one not in out]
        return Moved(len(out), sum(map(len, out)))

    async def backlog_cost(self, name: str, actor: Actor, part: BacklogPart) -> BacklogCost:
        if part.keep is not None:
            return BacklogCost(max(0, 990 - part.keep), shop.LOST_US, shop.START_US)
        return BacklogCost(240, shop.LOST_US, shop.START_US)

    async def discard_backlog(self, name: str, actor: Actor, part: BacklogPart = EVERYTHING) -> int:
        return 990 if part.whole else (await self.backlog_cost(name, actor, part)).items
