"""Whoever attacks the OPC UA server loses the connection; real clients are served meanwhile."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import Client, ua

from data_transfer.opcua_server.access import Limits
from tests.conftest import eventually
from tests.data_transfer.opcua_world import NOW, World, certificate, node, world

pytestmark = pytest.mark.asyncio(loop_scope="module")
LIMITS = Limits(connections=8, per_address=6, activation_s=3.0, subscriptions=3, history_values=20)
HELLO = b"HELF" + struct.pack("<IIIIIIi", 32, 0, 65536, 65536, 0, 0, -1)
NONE = b"http://opcfoundation.org/UA/SecurityPolicy#None"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(tmp_path_factory.mktemp("opcua"), LIMITS) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def shop(running: World) -> World:
    await running.reset()
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def honest(shop: World) -> AsyncIterator[Client]:
    """A real client, that is served to the end."""
    async with await shop.client() as made:
        yield made
        assert await made.get_node(node("m1.active_power")).read_value() == 11.5


async def ended(shop: World, data: bytes, source: str = "127.0.0.1") -> bytes:
    """What is answered to these bytes until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.server.port, local_addr=(source, 0))
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def chunk(kind: bytes, body: bytes, *, final: bytes = b"F") -> bytes:
    return kind + final + struct.pack("<I", 8 + len(body)) + body


OPEN_NONE = chunk(b"OPN", struct.pack("<II", 0, len(NONE))[:4] + struct.pack("<i", len(NONE)) + NONE + struct.pack("<iiII", -1, -1, 1, 1)
                  + bytes([1, 0, 0xBE, 0x01]) + bytes(2) + struct.pack("<qIIiI", 0, 1, 0, -1, 10_000) + bytes(3)
                  + struct.pack("<IIIiI", 0, 0, 1, -1, 60_000))  # fmt: skip


NO_OPC_UA = [
    ("zero length", b"MSGF" + struct.pack("<I", 0)), ("length of the head alone", b"OPNF" + struct.pack("<I", 8)),
    ("four GiB", b"MSGF" + struct.pack("<I", 0xFFFF_FFFF)), ("a long greeting", b"HELF" + struct.pack("<I", 60_000)),
    ("another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), ("no greeting", chunk(b"MSG", bytes(40))),
    ("small buffers", b"HELF" + struct.pack("<IIIIIIi", 32, 0, 16, 16, 0, 0, -1)), ("two greetings", HELLO + HELLO),
    ("garbage in a channel", HELLO + chunk(b"OPN", bytes(range(200)))), ("no channel", HELLO + chunk(b"MSG", bytes(40))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), NO_OPC_UA, ids=lambda value: value if isinstance(value, str) else "")
async def test_what_is_no_opc_ua_ends_its_connection(shop: World, honest: Client, name: str, data: bytes) -> None:
    answer = await ended(shop, data)
    assert b"ERR" in answer or not answer, name
    await eventually(lambda: sum(shop.server.status().refused.values()) >= 1, 30)
    await eventually(lambda: len(shop.server.status().clients) == 1, 30)


async def test_chunks_without_end_are_cut_off(shop: World, honest: Client) -> None:
    piece = struct.pack("<II", 6, 13)
    flood = b"".join(chunk(b"MSG", piece + struct.pack("<II", n, 7) + bytes(60_000), final=b"C") for n in range(2, 40))
    async with in_a_channel(shop) as (reader, writer, channel):
        with suppress(ConnectionError):
            writer.write(flood.replace(piece, channel + struct.pack("<I", 13)))
            await asyncio.wait_for(reader.read(), 30)
    await shop.refused("message")


@asynccontextmanager
async def in_a_channel(shop: World) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]]:
    """A connection of somebody unknown, its channel without security, and the channel's number as it is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shop.server.port)
    try:
        writer.write(HELLO + OPEN_NONE)
        ack = await asyncio.wait_for(reader.readexactly(8), 30)
        await reader.readexactly(struct.unpack("<I", ack[4:])[0] - 8)
        head = await asyncio.wait_for(reader.readexactly(12), 30)
        assert head[:3] == b"OPN"
        await reader.readexactly(struct.unpack("<I", head[4:8])[0] - 12)
        yield reader, writer, head[8:12]
    finally:
        writer.close()


MANY = 1_000_000  # enough to be noticed: each of these has a size of 0 bytes
TEXT_READ_AGAIN = struct.pack("<i", -4)  # as long as its own length, backwards
NESTED = bytes([ua.VariantType.Variant]) * 3_000
TOO_DEEP_OR_ENDLESS = {
    "variants within variants": NESTED,
    "arrays within arrays": bytes([ua.VariantType.Variant | 0x80, 1, 0, 0, 0]) * 3_000 + bytes([6, 0, 0, 0, 0]),
    "an array of nothing": bytes([0x80]) + struct.pack("<i", MANY),
    "dimensions": bytes([6 | 0xC0]) + struct.pack("<iiiii", 1, 7, 2, 1000, 1000),
    "many small things": bytes([ua.VariantType.Variant | 0x80]) + struct.pack("<i", 30_000) + bytes(30_000),
}


def request(what: ua.ObjectIds, body: bytes, header: bytes | None = None) -> bytes:
    """`header`: the value of a literal operand, put where a request has room for anything."""
    more = bytes(3)
    if header is not None:
        more = bytes([1, 0]) + struct.pack("<H", ua.ObjectIds.LiteralOperand_Encoding_DefaultBinary) + bytes([1])
        more += struct.pack("<i", len(header)) + header
    return bytes([1, 0]) + struct.pack("<H", what) + bytes(2) + struct.pack("<qIIiI", 0, 1, 0, -1, 10_000) + more + body


ENDPOINTS = ua.ObjectIds.GetEndpointsRequest_Encoding_DefaultBinary
NO_LISTS = struct.pack("<iii", -1, 0, 0)


@pytest.mark.parametrize("inner", [*TOO_DEEP_OR_ENDLESS, "texts"])
async def test_what_has_no_end_ends_the_connection_of_a_stranger(shop: World, honest: Client, inner: str) -> None:
    """A few bytes that say they are millions: each would hold up all others for minutes and take gigabytes."""
    if inner == "texts":
        body = request(ENDPOINTS, struct.pack("<ii", -1, MANY) + TEXT_READ_AGAIN + struct.pack("<i", 0))
    else:
        body = request(ENDPOINTS, NO_LISTS, TOO_DEEP_OR_ENDLESS[inner])
    async with in_a_channel(shop) as (reader, writer, channel):
        writer.write(chunk(b"MSG", channel + struct.pack("<III", 13, 2, 2) + body))
        answer = await asyncio.wait_for(reader.read(), 30)
    assert answer[:3] == b"ERR", inner
    assert sum(shop.server.status().refused.get(kind, 0) for kind in ("malformed", "frame")) >= 1


async def test_endpoints_are_told_to_whoever_asks_in_good_order(shop: World) -> None:
    async with in_a_channel(shop) as (reader, writer, channel):
        writer.write(chunk(b"MSG", channel + struct.pack("<III", 13, 2, 2) + request(ENDPOINTS, NO_LISTS)))
        assert (await asyncio.wait_for(reader.readexactly(3), 30)) == b"MSG"


@pytest.mark.parametrize("inner", [name for name in TOO_DEEP_OR_ENDLESS if name != "many small things"])
async def test_what_has_no_end_costs_somebody_known_one_answer(shop: World, honest: Client, inner: str) -> None:
    operand = ua.NodeId(ua.ObjectIds.LiteralOperand_Encoding_DefaultBinary)
    item = wanted(1, node("m1.active_power"))
    item.RequestedParameters.Filter = ua.ExtensionObject(TypeId=operand, Body=TOO_DEEP_OR_ENDLESS[inner])
    watching = await honest.create_subscription(1000, object())
    with pytest.raises(ua.uaerrors.BadDecodingError):
        await honest.uaclient.create_monitored_items(ua.CreateMonitoredItemsParameters(watching.subscription_id, ItemsToCreate=[item]))
    await shop.refused("malformed")


async def test_a_short_question_for_a_long_answer_is_refused_before_it_is_made(shop: World, honest: Client) -> None:
    """343 kB of the standard's own types, ten thousand times; and all that refers to a node that all refer to."""
    types, known = ua.NodeId(ua.ObjectIds.OpcUa_XmlSchema), ua.NodeId(ua.ObjectIds.Structure)
    long = ua.ReadParameters(NodesToRead=[ua.ReadValueId(NodeId=types, AttributeId=ua.AttributeIds.Value)] * 1000)
    with pytest.raises(ua.uaerrors.BadTooManyOperations):
        await honest.uaclient.read(long)
    wide = ua.BrowseParameters(NodesToBrowse=[ua.BrowseDescription(NodeId=known, BrowseDirection=ua.BrowseDirection.Both)] * 1000)
    with pytest.raises(ua.uaerrors.BadTooManyOperations):
        await honest.uaclient.browse(wide)
    assert shop.server.status().refused["nodes"] == 2
    assert len((await honest.uaclient.read(ua.ReadParameters(NodesToRead=long.NodesToRead[:2])))[0].Value.Value) > 100_000


async def test_of_the_standards_own_nodes_few_are_watched_and_few_values_wait(shop: World, honest: Client) -> None:
    clock, types = ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime), ua.NodeId(ua.ObjectIds.OpcUa_XmlSchema)
    watching = await honest.create_subscription(1000, object())
    found = await honest.uaclient.create_monitored_items(ua.CreateMonitoredItemsParameters(
        SubscriptionId=watching.subscription_id, ItemsToCreate=[wanted(n, of) for n, of in enumerate([*[clock] * 101, types])]
    ))  # fmt: skip
    assert [one.StatusCode.name for one in found] == [*["Good"] * 100, *["BadTooManyMonitoredItems"] * 2]
    assert shop.server.status().refused["items"] == 2
    running = shop.server._running  # noqa: SLF001
    assert running is not None
    inside = running[0].core.subscription_service.subscriptions[watching.subscription_id].service
    assert {one.queue_size for one in inside._monitored_items.values()} == {1}  # noqa: SLF001 - 0 would be without end


def wanted(handle: int, of: ua.NodeId, queue: int = 0) -> ua.MonitoredItemCreateRequest:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=of, AttributeId=ua.AttributeIds.Value), MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(ClientHandle=handle, QueueSize=queue),
    )  # fmt: skip


async def test_too_many_subscriptions_are_refused_and_counted(shop: World, honest: Client) -> None:
    made = [await honest.create_subscription(1000, object()) for _ in range(3)]
    with pytest.raises(ua.uaerrors.BadTooManySubscriptions):
        await honest.create_subscription(1000, object())
    async with await shop.client() as other:
        with pytest.raises(ua.uaerrors.BadTooManySubscriptions):
            await other.create_subscription(1000, object())
    assert shop.server.status().refused["subscriptions"] == 2
    await made[0].delete()
    assert (await honest.create_subscription(1000, object())).subscription_id


class Heard:
    """Values of a client that watches one."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def datachange_notification(self, _node: object, value: float, _data: object) -> None:
        self.values.append(value)

    def newest_is(self, value: float) -> bool:
        return self.values[-1:] == [value]


@asynccontextmanager
async def served(shop: World, honest: Client) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """`await some(n)` until n more values, one after the other, have come to the honest client."""
    heard, number = Heard(), 0
    await (await honest.create_subscription(250, heard)).subscribe_data_change(honest.get_node(node("m1.active_power")))

    async def some(count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            shop.put(100.0 + number, 0, NOW + number * 1_000_000)
            await eventually(partial(heard.newest_is, 100.0 + number), 30)

    try:
        yield some
    finally:
        shop.put(11.5)
        await shop.told()
        assert len(heard.values) >= number  # every single one


@asynccontextmanager
async def again_and_again(*attacks: Callable[[], Awaitable[object]]) -> AsyncIterator[Counter[int]]:
    """All of them at once, each over and over; how often each was done."""
    done: Counter[int] = Counter()

    over = asyncio.Event()

    async def go_on(index: int, attack: Callable[[], Awaitable[object]]) -> None:
        while not over.is_set():
            with suppress(ConnectionError, TimeoutError, ua.UaError):
                await attack()
            done[index] += 1
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(go_on(index, attack)) for index, attack in enumerate(attacks)]
    try:
        yield done
    finally:
        over.set()
        await asyncio.gather(*tasks)


async def test_under_all_attacks_at_once_every_value_comes_to_a_real_client(shop: World, honest: Client) -> None:
    def no_opc_ua(kinds: Sequence[bytes], source: str) -> Callable[[], Awaitable[object]]:
        left = cycle(kinds)
        return lambda: ended(shop, next(left), source)

    async def guess() -> None:
        await (await shop.client(user="nobody", password="guessed", timeout_s=5)).connect()

    async def unknown() -> None:
        await (await shop.client(stranger, timeout_s=5)).connect()

    stranger, kinds = certificate(shop.folder, "storm"), [data for _name, data in NO_OPC_UA]
    attacks = [no_opc_ua(kinds[n::4], f"127.0.0.{10 + n}") for n in range(4)]
    async with served(shop, honest) as some, again_and_again(*attacks, guess, unknown) as done:
        await some(2)
        await eventually(lambda: len(done) == len(attacks) + 2, 60)
        await some(3)
    await eventually(lambda: len(shop.server.status().clients) == 1, 30)
    refused = shop.server.status().refused
    assert min(refused["frame"], refused["login"], refused["certificate_untrusted"]) >= 1


async def test_ten_thousand_watched_values_are_taken_more_refused_and_others_served_meanwhile(shop: World, honest: Client) -> None:
    async with await shop.client() as greedy, served(shop, honest) as some:
        mine = await greedy.create_subscription(1000, object())
        asked = [
            ua.CreateMonitoredItemsParameters(mine.subscription_id, ItemsToCreate=[wanted(n, node("m1.active_power"), 100) for n in part])
            for part in (range(5_000), range(5_000, 10_000), range(10_020))
        ]  # fmt: skip
        greed = asyncio.gather(*(greedy.uaclient.create_monitored_items(one) for one in asked[:2]))
        await some(2)
        assert {one.StatusCode.name for part in await greed for one in part} == {"Good"}
        (told,) = [one for one in shop.server.status().clients if one.items == 10_000]
        assert told.user == "reader"
        asked[2].ItemsToCreate = asked[2].ItemsToCreate[:20]
        results = await greedy.uaclient.create_monitored_items(asked[2])
        assert {one.StatusCode.name for one in results} == {"BadTooManyMonitoredItems"}
        assert shop.server.status().refused["items"] == 20
        await some(1)


async def test_the_limits_are_those_promised() -> None:
    limits = Limits()
    assert (limits.message_bytes, limits.connections, limits.per_address) == (1024 * 1024, 50, 5)
    assert (limits.activation_s, limits.subscriptions, limits.items_per_client) == (10.0, 100, 10_000)


async def test_whoever_does_not_sign_in_is_closed_whatever_it_does_and_too_many_are_refused(shop: World, honest: Client) -> None:
    async def parked(source: str, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", shop.server.port, local_addr=(source, 0))
        writer.write(data)
        return reader, writer

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 30)
        writer.close()

    async def trickle(writer: asyncio.StreamWriter, data: bytes, at_once: int) -> None:
        with suppress(ConnectionError):
            for at in range(0, len(data), at_once):
                writer.write(data[at : at + at_once])
                await writer.drain()
                await asyncio.sleep(0.1)

    before = [b"", HELLO, HELLO + OPEN_NONE, b"", HELLO + OPEN_NONE, b""]
    one = [await parked("127.0.0.2", data) for data in before]
    talking = [
        asyncio.create_task(trickle(one[3][1], HELLO * 10, 1)),
        asyncio.create_task(trickle(one[4][1], b"".join(chunk(b"MSG", struct.pack("<IIII", 0, 13, n, n)) for n in range(50)), 20)),
    ]  # fmt: skip
    one += [await parked("127.0.0.2") for _ in range(2)]
    await shop.refused("per_address", 2)
    async with served(shop, honest) as some:
        two = [await parked("127.0.0.3") for _ in range(3)]
        await shop.refused("connections", 2)
        await asyncio.gather(some(3), *(end(*each) for each in (*one, *two)))
    for task in talking:
        task.cancel()
    await eventually(lambda: len(shop.server.status().clients) == 1, 30)
    assert shop.server.status().refused["activation"] >= 5
    async with await shop.client() as other:
        assert await other.get_node(node("m1.active_power")).read_value() == 11.5


async def test_whoever_takes_no_answers_costs_a_bounded_room_and_is_closed(
    shop: World, honest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = await shop.client()
    await deaf.connect()
    mine = await deaf.create_subscription(250, object())
    await mine.subscribe_data_change(deaf.get_node(node("m1.active_power")), queuesize=100)
    running = shop.server._running  # noqa: SLF001
    assert running is not None
    assert running[0].connections is not None
    server = list(running[0].connections.open)[-1]
    types = ua.ReadValueId(NodeId=ua.NodeId(ua.ObjectIds.OpcUa_XmlSchema), AttributeId=ua.AttributeIds.Value)
    deaf.uaclient.protocol.transport.pause_reading()
    asking = [
        asyncio.create_task(deaf.uaclient.read(ua.ReadParameters(NodesToRead=[types] * 10))) for _ in range(200)
    ]  # fmt: skip
    async with served(shop, honest) as some:
        await eventually(lambda: not server.takes_answers, 30)
        await some(4)
        assert server._transport is not None  # noqa: SLF001
        assert server._transport.get_write_buffer_size() < 10 * 1024 * 1024  # noqa: SLF001 - of 680 MB that were asked for
        monkeypatch.setattr("data_transfer.opcua_server.connections.QUIET_S", 0.5)
        await shop.refused("slow")
        await eventually(lambda: len(shop.server.status().clients) == 1, 30)
        await some(1)
    deaf.uaclient.protocol.transport.resume_reading()  # it hears that nobody is there any more
    await asyncio.gather(*asking, return_exceptions=True)
    with suppress(ConnectionError, TimeoutError, ua.UaError):
        await deaf.disconnect()


async def test_certificates_made_up_in_masses_do_not_fill_the_list(shop: World, honest: Client) -> None:
    for n in range(12):
        path = certificate(shop.folder, f"made-up-{n}")
        assert shop.trust.refusal(path.read_bytes(), "10.0.0.9") == "untrusted"
    assert len(shop.waiting()) <= 10


async def test_a_weak_key_is_refused(tmp_path: Path, shop: World) -> None:
    assert shop.trust.refusal(certificate(tmp_path, "weak", bits=1024).read_bytes(), "10.0.0.9") == "weak"
    assert shop.trust.refusal(b"no certificate", "10.0.0.9") == "broken"
