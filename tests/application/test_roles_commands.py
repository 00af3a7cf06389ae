"""What `web` asks of a line that a collector owns, over Apache Kafka: read now, scan, frames, and plain words when it cannot be."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from analysis.inspection.pictures import kept
from application.roles import asking, common
from application.roles.answering import Answerer
from application.roles.asking import Asker
from application.roles.board import RolesBoard
from application.roles.collect import Collect
from application.roles.common import Reporter, need_kafka
from application.roles.ingest import Ingester
from application.roles.letters import ASK, Letter, opened, read, written
from application.roles.live import LiveFeed
from application.roles.remote import RemoteCollector
from application.roles.wire import packed, unpacked
from config.plant_file import ParsedPlant, parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import Kafka as KafkaSettings
from config.settings import Settings
from data_collection.collector import Collector
from data_collection.mqtt import examples
from data_collection.read_now import read_now
from data_transfer.destination import Directory
from data_transfer.kafka.channel import Channel
from data_transfer.kafka.consumer import Part, Reader, alone
from data_transfer.kafka.options import KafkaOptions
from data_transfer.kafka.producer import Kafka
from database import Database, open_database
from database.edge_plant import EdgePicture, open_edge_plant
from database.ingest import IngestStore
from database.keys import Sealer, load_or_create_key
from domain.camera import NoPicture
from domain.errors import Conflict, LineDown, NotFound, StorageError
from domain.plant import Device, Line, Plant, tags_of
from domain.role import FieldReport, RoleStatus
from domain.sample import Reading
from runtime.clock import SystemClock
from simulator.part_picture import part_picture
from simulator.tcp_frames import FrameServer
from tests.application.camera_server import CameraServer, camera_server
from tests.application.test_inspection_chain import CAMERA, PLANT
from tests.application.test_roles_inspection import NOWHERE, numbered, station
from tests.conftest import eventually
from tests.e2e.generator import TAGS, Generator, generator
from tests.feed_servers import KafkaServer, kafka_server

__all__ = ["kafka_server"]
PICTURE = part_picture(1, 1)


@dataclass
class Shop:
    """`field` is what `web` has, `collector` the one that polls; both are joined by Kafka alone."""

    plant: Plant
    made: Generator
    field: RemoteCollector
    collector: Collector
    board: RolesBoard
    answering: asyncio.Task[None]


@asynccontextmanager
async def shop(kafka: KafkaServer, *, own_key: bool = False) -> AsyncIterator[Shop]:
    clock, key = SystemClock(), secrets.token_bytes(32)
    options = KafkaOptions(kafka.bootstrap, f"ask{time.time_ns()}", partitions=1, roles=True)
    async with generator(1) as made, asyncio.TaskGroup() as tasks:
        plant = parse_plant(made.plant(0.1).replace("timeout_s: 5", "timeout_s: 1"), catalog=ProfileCatalog.shipped(), environ={}).plant
        collector, board = Collector(clock, lambda _reading: None), RolesBoard(clock)
        collector.apply(plant)
        here, there = (Channel(options, options.commands, name, clock) for name in ("web", "c1"))
        asker = Asker("web", here.send, Sealer(key), clock)
        answerer = Answerer("c1", collector, there.send, Sealer(secrets.token_bytes(32) if own_key else key), clock)
        field = RemoteCollector(clock, board, asker.ask)
        field.apply(plant)
        board.take(RoleStatus("c1", "collect", "h", 1, 0, clock.now_us(), "ok", None, 0, 0, 0, 0, line_ids=("tcp1",)))
        board.take(FieldReport("c1", clock.now_us(), tuple(collector.lines()), ()))
        jobs = [collector.run, answerer.run, partial(here.run, asker.take), field.run]
        running = [tasks.create_task(job()) for job in jobs]  # type: ignore[operator]
        answering = tasks.create_task(there.run(answerer.take))
        try:
            await eventually(lambda: here._kafka is not None and there._kafka is not None, 60)
            yield Shop(plant, made, field, collector, board, answering)
        finally:
            for task in (*running, answering):
                task.cancel()


@pytest.mark.server
async def test_a_collector_reads_scans_and_shows_frames_for_web(kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "TAKEN_WITHIN_S", 60.0)  # a busy machine is no fault
    async with shop(kafka_server) as here:
        device, line = here.plant.devices[0], here.plant.lines[0]
        await eventually(lambda: here.collector.devices()[0].state == "online", 30)
        found = await read_now(here.field, SystemClock(), device, line)
        assert found.error is None
        assert [row.point for row in found.rows] == [f"n{k}" for k in range(TAGS)]
        assert found.rows[3].value == here.made.units[0].value(3, round(found.rows[3].value or 0) % 10_000_000)
        assert found.rows[0].raw
        assert "tx" in found.technical

        hits = [hit async for hit in here.field.scan(line, [1, 2], "modbus")]
        assert [hit.address for hit in hits] == [1]

        here.field.frames("tcp1", 0)  # listening begins
        await eventually(lambda: here.field.frames("tcp1", 0).last > 3, 30)
        frames = here.field.frames("tcp1", 0)
        assert frames.visible
        assert {frame.direction for frame in frames.frames} == {"tx", "rx"}
        assert [frame.number for frame in frames.frames] == list(range(1, frames.last + 1))
        assert here.field.frames("tcp1", frames.last - 1).frames[0].number == frames.last

        with pytest.raises(NotFound):
            here.field.frames("tcp9", 0)
        silent = await read_now(here.field, SystemClock(), replace(device, address=99), line)
        assert silent.error is not None, "a device that does not answer is an answer"
        assert "tx" in silent.technical
        with pytest.raises(LineDown):
            await here.field.read_once(device, Line("new", "modbus-tcp", {"host": "127.0.0.1", "port": 1}))


@pytest.mark.server
async def test_a_collector_that_is_away_or_has_another_key_is_a_plain_answer_within_seconds(
    kafka_server: KafkaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TAKEN_WITHIN_S", 1.0)
    async with shop(kafka_server, own_key=True) as here:
        device, line = here.plant.devices[0], here.plant.lines[0]
        with pytest.raises(Conflict, match="c1 has another key"):
            await here.field.read_once(device, line)
        here.answering.cancel()
        await asyncio.gather(here.answering, return_exceptions=True)
        with pytest.raises(Conflict, match="c1 does not answer"):
            await here.field.read_once(device, line)
        here.field.frames("tcp1", 0)
        with pytest.raises(Conflict, match="c1 does not answer"):
            await eventually(lambda: here.field.frames("tcp1", 0).last, 30)
        other = Line("new", "modbus-tcp", {"host": "127.0.0.1", "port": 1})
        here.board.take(RoleStatus("c2", "collect", "h", 2, 0, SystemClock().now_us(), "ok", None, 0, 0, 0, 0))
        with pytest.raises(Conflict, match="several collectors run: c1, c2"):
            await here.field.browse(other, None)
        assert (await read_now_error(here.field, device, line)).startswith("collector c1 does not answer")


@dataclass
class CameraShop:
    """A collector with a camera, a station and a plug-in; the tables and what `web` has, joined to it by Kafka alone."""

    parsed: ParsedPlant
    still: CameraServer
    server: FrameServer
    collect: Collect
    board: RolesBoard
    field: RemoteCollector
    database: Database


@asynccontextmanager
async def camera_shop(kafka: KafkaServer, folder: Path) -> AsyncIterator[CameraShop]:
    clock, edge_dir = SystemClock(), folder / "c1"
    settings = Settings(data_dir=edge_dir, kafka=KafkaSettings(bootstrap=kafka.bootstrap, topic_prefix=f"pic{time.time_ns()}", partitions=1))
    options, key = need_kafka(settings), load_or_create_key(edge_dir / "keys" / "secrets.key")
    (edge_dir / "plugins").mkdir()
    shutil.copy(Path(examples.__file__).parent / "axis_loads.py", edge_dir / "plugins")
    async with AsyncExitStack() as stack:
        still = await stack.enter_async_context(camera_server())
        still.show(PICTURE)
        text = PLANT + CAMERA.replace("@camera@", str(still.port)).replace("wait_s", "user: eye, password_env: CELL_CAMERA, wait_s")
        _device, server = await station(clock)
        stack.push_async_callback(server.stop)
        parsed = parse_plant(text.replace("@qc@", str(server.port)), catalog=ProfileCatalog.shipped(), environ={})
        tags = [numbered(tag, n) for n, tag in enumerate(tags_of(parsed.plant.devices[0]), 1)]
        database = await stack.enter_async_context(open_database(f"sqlite+aiosqlite:///{folder / 'e.db'}", folder / "web", clock))
        edge = await stack.enter_async_context(open_edge_plant(NOWHERE, edge_dir))
        picture = EdgePicture("00" * 16, 1, parsed.document, tags, {})
        collect = Collect("c1", settings, edge, picture, clock, environ={"CELL_CAMERA": "geheim"})
        await collect.open()
        stack.push_async_callback(collect.close)

        board, channel = RolesBoard(clock), Channel(options, options.commands, "web", clock)
        asker = Asker("web", channel.send, Sealer(key), clock)
        field = RemoteCollector(clock, board, asker.ask)
        field.apply(parsed.plant)
        ingester = Ingester("i1", options, IngestStore(database.store, clock), clock)
        live = LiveFeed("web", options, board, clock, lambda _batch: None)
        reporter = Reporter(settings, options, "c1", collect.tell, clock, collect.hears)
        jobs = [*collect.jobs().values(), reporter.announce, ingester.run, live.run, partial(channel.run, asker.take)]
        running = [asyncio.create_task(job()) for job in jobs]  # type: ignore[arg-type]
        stack.push_async_callback(asyncio.gather, *running, return_exceptions=True)
        stack.callback(lambda: [task.cancel() for task in running])
        yield CameraShop(parsed, still, server, collect, board, field, database)


async def asked_at_once(here: CameraShop) -> None:
    """A camera tried and a plug-in tried at the collector, whose environment alone holds the camera's password."""
    await eventually(lambda: here.board.poller("qc") == "c1", 60)
    (camera,), line = here.parsed.plant.cameras, here.parsed.plant.lines[0]
    shot = await here.field.photograph(camera, line)
    assert shot.picture.jpeg == kept(PICTURE, camera).jpeg
    assert "authorization: basic" in here.still.asked[-1].lower(), "its password stands in the collector's environment only"
    with pytest.raises(NoPicture) as refused:
        await here.field.photograph(replace(camera, url=f"http://127.0.0.1:{here.still.port}/a", largest_bytes=100), line)
    assert refused.value.reason == "too_large"
    trial = await here.field.try_plugin("c1", "axis_loads", {"cnc_id": "DMU-1", "payload": {"feed_m_min": 2.5}})
    assert (trial.values, trial.error) == ((("feed_rate", 2500.0),), None)
    with pytest.raises(NotFound):
        await here.field.try_plugin("c1", "nothing", None)


async def stored_with_its_item(here: CameraShop) -> None:
    """An item comes, its picture lies in the tables, and both are counted."""
    await eventually(lambda: here.collect.devices()[0].state == "online", 30)
    asked = len(here.still.asked)
    await eventually(lambda: here.server.trigger() or len(here.still.asked) > asked, 30)

    async def stored() -> bool:
        return any(item.picture is not None for item in await here.database.inspection.items("cell", 10))

    await eventually(stored, 60)
    item = next(item for item in await here.database.inspection.items("cell", 10) if item.picture is not None)
    found = await here.database.inspection.picture("cell", item.number)
    assert found is not None
    assert (found.width, found.height, found.jpeg) == (640, 480, kept(PICTURE, here.parsed.plant.cameras[0]).jpeg)
    await eventually(lambda: bool(here.board.cameras()) and here.board.cameras()[0].taken > 0, 30)
    assert [(plugin.name, plugin.collector, plugin.state) for plugin in here.board.plugins()] == [("axis_loads", "c1", "running")]


@pytest.mark.server
async def test_a_picture_comes_with_its_item_over_kafka_and_web_may_ask_as_soon_as_it_hears_of_the_collector(
    kafka_server: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "AGAIN_S", 600.0)  # the first question has to be heard
    monkeypatch.setattr(asking, "TAKEN_WITHIN_S", 60.0)
    async with camera_shop(kafka_server, tmp_path) as here:
        await asked_at_once(here)
        await stored_with_its_item(here)


@pytest.mark.server
async def test_who_listens_before_its_topics_are_made_hears_as_soon_as_they_are(kafka_server: KafkaServer) -> None:
    options = KafkaOptions(kafka_server.bootstrap, f"early{time.time_ns()}", partitions=2, roles=True)
    reading = asyncio.create_task(held(alone(options, [options.samples, options.status], "early")))
    await asyncio.sleep(0.5)  # its first question is answered: there are none
    async with Kafka(options, Directory()).open():
        assert {topic for topic, _part in await reading} == {options.samples, options.status}


async def held(opening: AbstractAsyncContextManager[Reader]) -> frozenset[Part]:
    async with opening as reader:
        return reader.assigned


async def read_now_error(field: RemoteCollector, device: Device, line: Line) -> str:
    with pytest.raises(Conflict) as found:
        await read_now(field, SystemClock(), device, line)
    return str(found.value)


class Silent(Collector):
    """Whose work never ends, and tells when it is broken off."""

    def __init__(self) -> None:
        super().__init__(SystemClock(), lambda _reading: None, {})
        self.begun, self.broken_off = asyncio.Event(), asyncio.Event()

    async def read_once(self, device: Device, line: Line, trace: object = None) -> list[Reading]:
        self.begun.set()
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            self.broken_off.set()


async def test_stopping_in_the_page_stops_the_work_at_the_collector() -> None:
    device, line = Device("d", "l", ProfileCatalog.shipped().get("mercury-234"), 3), Line("l", "serial")
    collector, sealer = Silent(), Sealer(secrets.token_bytes(32))

    async def post(_key: str, value: bytes) -> None:
        answerer.take(value)
        asker.take(value)

    asker, answerer = Asker("web", post, sealer, SystemClock()), Answerer("c1", collector, post, sealer, SystemClock())
    running = asyncio.create_task(answerer.run())
    await asyncio.sleep(0)
    question = asyncio.create_task(asker.ask("c1", "read", device, line, within_s=60.0))
    await asyncio.wait_for(collector.begun.wait(), 10)
    question.cancel()
    await asyncio.wait_for(collector.broken_off.wait(), 10)
    with pytest.raises(Conflict, match="does not know 'write'"):
        await asker.ask("c1", "write", within_s=10.0)
    running.cancel()


async def test_a_question_that_comes_while_its_collector_starts_is_asked_again_and_obeyed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "AGAIN_S", 0.05)
    sealer, heard, done = Sealer(secrets.token_bytes(32)), list[bytes](), list[str]()

    async def post(key: str, value: bytes) -> None:
        if key == "web":
            asker.take(value)
            return
        heard.append(value)
        if len(heard) > 2:  # before that nobody listened
            answerer.take(value)
            answerer.take(value)

    async def work(what: str) -> str:
        done.append(what)
        await asyncio.sleep(0.2)  # it is not asked again while it works
        return f"{what} done"

    asker = Asker("web", post, sealer, SystemClock())
    answerer = Answerer("c1", Silent(), post, sealer, SystemClock(), {"work": work})
    running = asyncio.create_task(answerer.run())
    await asyncio.sleep(0)
    assert await asker.ask("c1", "work", "it", within_s=10.0) == "it done"
    assert done == ["it"]
    assert len(heard) >= 3
    running.cancel()


async def test_a_process_tells_the_others_of_itself_only_once_it_hears_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, told = asyncio.Event(), asyncio.Event()

    async def announce(*_: object) -> None:
        told.set()

    monkeypatch.setattr(common, "announce", announce)
    settings = Settings(data_dir=tmp_path, kafka=KafkaSettings(bootstrap="127.0.0.1:1"))
    reporter = Reporter(settings, need_kafka(settings), "c1", lambda: [], SystemClock(), heard.wait)
    telling = asyncio.create_task(reporter.announce())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not told.is_set()
    heard.set()
    await asyncio.wait_for(telling, 10)
    assert told.is_set()


def test_a_letter_hides_what_is_in_it_and_cannot_be_passed_off_as_another() -> None:
    sealer = Sealer(secrets.token_bytes(32))
    value = written(Letter(ASK, "1", "web", "c1", 5, {"password": "planted-secret"}), sealer)
    assert b"planted" not in value
    assert opened(read(value), sealer).body == {"password": "planted-secret"}
    document = json.loads(value)
    document["head"][3] = "c2"
    with pytest.raises(StorageError):
        opened(read(json.dumps(document).encode()), sealer)
    with pytest.raises(ValueError, match=r"no letter|unpack"):
        read(b'{"head": [1]}')


def test_every_shipped_profile_and_its_device_cross_between_the_roles() -> None:
    catalog = ProfileCatalog.shipped()
    for name in catalog.names():
        device = Device("d", "l", catalog.get(name), 3, options={"ct_ratio": 20}, password="pw")
        assert unpacked(json.loads(json.dumps(packed(device)))) == device


@pytest.mark.parametrize("foreign", [
    {"class": "Path", "fields": {}}, {"class": "Device"}, {"enum": ["Role", "admin"]}, {"eval": "1"}, {"bytes": "zz"}, {"a": 1, "b": 2},
])  # fmt: skip
def test_only_the_named_classes_come_out_of_a_message(foreign: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        unpacked(foreign)
    with pytest.raises(TypeError):
        packed(object())
