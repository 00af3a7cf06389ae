"""A line whose far side speaks by itself: readings as they come, silence, the end of the connection, and the grid between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from data_collection.collector import Collector
from data_collection.driver import DevicePlan, Found, ScanHit, Take, Trace
from data_collection.picture import Picture
from data_collection.placeholders import filled
from data_collection.values import PointValue
from domain.errors import ConfigError, DeviceUnreachable, LineDown
from domain.plant import Device, Line, Plant, Site
from domain.profile import Group, OtherPoint, Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from runtime.clock import SystemClock
from tests.conftest import ROOT, eventually

LINE = Line("bus", "speaking", {"host": "h", "port": 1})
POINTS = (
    Point("active_power", Quantity.ACTIVE_POWER, "W", OtherPoint()),
    Point("execution_state", Quantity.STATE, "1", OtherPoint(), enum={0: "READY", 1: "ACTIVE"}),
    Point("program", Quantity.TEXT, "", OtherPoint()),
)
PROFILE = Profile("cnc", {}, "", "speaking", "", "M", POINTS, parameters={"plc": "A"})
DEVICE = Device("d1", "bus", PROFILE, scan_s=0.1)


@dataclass
class Speaker:
    """A far side in the hand of the test."""

    messages: asyncio.Queue[tuple[str, object, int] | Exception] = field(default_factory=asyncio.Queue)
    connections: int = 0
    vouches: bool = True
    looked: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def connect(self, _line: Line) -> AsyncIterator[SpeakerDriver]:
        self.connections += 1
        yield SpeakerDriver(self)


class SpeakerDriver:
    def __init__(self, speaker: Speaker) -> None:
        self.speaker, self.clock = speaker, SystemClock()
        self.began_s = self.clock.monotonic()

    def prepare(self, device: Device) -> Picture:
        return Picture(device, timeout_s=0.2)

    async def read(self, plan: DevicePlan, group: Group, trace: Trace | None = None) -> Reading:
        raise DeviceUnreachable("not asked in this test")

    async def probe(self, address: int, protocol: str) -> ScanHit | None:
        return None

    async def survey(self, seconds: float) -> Sequence[Found]:
        await self.speaker.looked.wait()
        return [Found("topic/a", "42")]

    async def listen(self, plans: Sequence[DevicePlan], take: Take) -> None:
        (picture,) = (plan for plan in plans if isinstance(plan, Picture))
        while True:
            message = await self.speaker.messages.get()
            if isinstance(message, Exception):
                raise message
            tag, raw, time_us = message
            picture.take(tag, raw, time_us)
            picture.heard(self.clock.monotonic())
            for reading in picture.readings([tag]):
                take(reading)

    async def current(self, plan: DevicePlan, group: Group) -> Reading | None:
        assert isinstance(plan, Picture)
        if plan.silent(self.clock.monotonic(), self.began_s):
            raise DeviceUnreachable("silent")
        return plan.confirmed(group, self.clock.now_us()) if self.speaker.vouches else None


@dataclass
class Shop:
    collector: Collector
    readings: list[Reading]
    speaker: Speaker

    def say(self, tag: str, raw: object, time_us: int | None = None) -> None:
        self.speaker.messages.put_nowait((tag, raw, SystemClock().now_us() if time_us is None else time_us))

    async def until(self, condition: Callable[[], bool]) -> None:
        await eventually(condition, 20)

    @property
    def state(self) -> str:
        return self.collector.devices()[0].state

    def samples(self, tag: str) -> list[tuple[int, float | None, int]]:
        return [
            (r.time_us, v, q) for r in self.readings for p, v, q in zip(r.points, r.values, r.qualities, strict=True) if p == tag
        ]


@asynccontextmanager
async def shop(speaker: Speaker) -> AsyncIterator[Shop]:
    readings: list[Reading] = []
    collector = Collector(SystemClock(), readings.append, {"speaking": speaker.connect})
    collector.apply(Plant(Site("s"), lines=(LINE,), devices=(DEVICE,)))
    task = asyncio.create_task(collector.run())
    try:
        yield Shop(collector, readings, speaker)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_comes_is_handed_on_with_the_sources_time_and_brings_the_device_online() -> None:
    async with shop(Speaker(vouches=False)) as s:
        await s.until(lambda: s.speaker.connections == 1)
        s.say("active_power", 1500, 1_700_000_000_000_000)
        s.say("program", "O1234")
        await s.until(lambda: any(r.texts for r in s.readings))
        assert (1_700_000_000_000_000, 1.5, 0) in s.samples("active_power")
        assert [r.texts for r in s.readings if r.texts] == [{"program": "O1234"}]
        assert s.state == "online"
        assert s.collector.lines()[0].state == "online"


async def test_silence_turns_the_points_bad_and_the_next_message_good_again() -> None:
    async with shop(Speaker(vouches=False)) as s:
        await s.until(lambda: s.speaker.connections == 1)
        s.say("active_power", 1500)
        await s.until(lambda: s.state == "offline")
        assert s.samples("active_power")[-1][1:] == (None, int(Quality.TIMEOUT))
        assert s.speaker.connections == 1
        s.say("active_power", 1600)
        await s.until(lambda: s.state == "online")
        assert s.samples("active_power")[-1][1:] == (1.6, 0)


async def test_what_the_source_vouches_for_is_said_again_on_the_grid() -> None:
    async with shop(Speaker()) as s:
        await s.until(lambda: s.speaker.connections == 1)
        s.say("active_power", 1500)
        await s.until(lambda: len([v for _, v, q in s.samples("active_power") if v == 1.5]) >= 3)
        times = [t for t, v, _ in s.samples("active_power") if v is not None]
        assert times == sorted(set(times))


async def test_a_connection_that_ends_is_opened_anew_and_its_values_are_bad_meanwhile() -> None:
    async with shop(Speaker()) as s:
        await s.until(lambda: s.speaker.connections == 1)
        s.say("active_power", 1500)
        await s.until(lambda: s.state == "online")
        s.speaker.messages.put_nowait(LineDown("broker went away"))
        await s.until(lambda: s.speaker.connections == 2)
        assert s.collector.lines()[0].last_error == "broker went away"
        assert (None, int(Quality.LINE_DOWN)) in [sample[1:] for sample in s.samples("active_power")]
        assert s.collector.lines()[0].errors_last_hour >= 1
        s.say("active_power", 1700)
        await s.until(lambda: s.samples("active_power")[-1][1] == 1.7)


async def test_a_program_error_in_a_source_costs_a_reconnection_only() -> None:
    async with shop(Speaker()) as s:
        await s.until(lambda: s.speaker.connections == 1)
        s.speaker.messages.put_nowait(KeyError("nobody foresaw it"))
        await s.until(lambda: s.speaker.connections == 2)


async def test_a_survey_tells_what_is_on_the_line() -> None:
    async with shop(Speaker()) as s:
        await s.until(lambda: s.speaker.connections == 1)
        surveyed = asyncio.create_task(s.collector.survey(LINE))
        s.say("active_power", 1500)  # what the line says is taken, and its grid runs, while somebody looks around
        await s.until(lambda: s.samples("active_power") and s.samples("active_power")[-1][1] == 1.5)
        polls = s.collector.devices()[0].polls
        await s.until(lambda: s.collector.devices()[0].polls > polls + 1)
        assert not surveyed.done()
        s.speaker.looked.set()
        assert await surveyed == [Found("topic/a", "42")]


# ---- values, pictures, placeholders --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "value", "quality"),
    [
        (True, 1.0, Quality.GOOD), ("active", 1.0, Quality.GOOD), (" READY ", 0.0, Quality.GOOD), ("7", 7.0, Quality.GOOD),
        ("STOPPED", None, Quality.DECODE_ERROR), ("", None, Quality.NO_VALUE), (None, None, Quality.NO_VALUE),
        (float("nan"), None, Quality.NO_VALUE), ([1], None, Quality.DECODE_ERROR),
    ],
)  # fmt: skip
def test_raw_values_of_a_state(raw: object, value: float | None, quality: Quality) -> None:
    assert PointValue(POINTS[1]).number(raw) == (value, quality)


def test_a_value_is_scaled_and_converted_to_its_canonical_unit() -> None:
    point = Point("p", Quantity.ACTIVE_POWER, "W", OtherPoint(), scale=10.0, offset=500.0)
    assert PointValue(point).number(100) == (1.5, Quality.GOOD)


def test_texts_lose_what_cannot_be_shown() -> None:
    assert PointValue(POINTS[2]).words("O1\x00\n2") == "O12"
    assert PointValue(Point("mode", Quantity.TEXT, "", OtherPoint(), enum={2: "AUTO"})).words(2) == "AUTO"


def test_times_of_a_tag_only_grow_and_the_same_points_share_their_tuple() -> None:
    picture = Picture(DEVICE)
    picture.take("active_power", 1, 100)
    (first,) = picture.readings(["active_power"])
    picture.take("active_power", 2, 90)
    (second,) = picture.readings(["active_power"])
    assert (first.time_us, second.time_us) == (100, 101)
    assert first.points is second.points
    confirmed = picture.confirmed(Group.FAST, 50)
    assert confirmed is not None
    assert confirmed.time_us == 102
    assert confirmed.points is picture.points(Group.FAST)
    assert list(confirmed.qualities) == [0, int(Quality.NO_VALUE)]


def test_what_was_told_before_the_connection_ended_is_not_vouched_for() -> None:
    picture = Picture(DEVICE)
    picture.take("active_power", 1, 100)
    picture.forget()
    confirmed = picture.confirmed(Group.FAST, 200)
    assert confirmed is not None
    assert list(confirmed.values) == [None, None]


def test_placeholders_are_parameters_of_the_device() -> None:
    assert filled("ns=4;s=|var|{plc}.App.{device}", DEVICE) == "ns=4;s=|var|A.App.d1"
    with pytest.raises(ConfigError, match="cnc_id is missing"):
        filled("sensor/{cnc_id}", DEVICE)


def test_a_protocols_library_is_imported_with_its_first_line_only() -> None:
    code = (
        "import sys; from data_collection.registry import connects; known = connects(); "
        "print(sorted(name for name in ('asyncua', 'snap7', 'aiomqtt', 'cryptography') if name in sys.modules), 'opcua' in known)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[] True"
