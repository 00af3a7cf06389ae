"""The OPC UA server over real sockets: nodes, values, subscriptions, history and who is let in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, Node, ua

from data_transfer.opcua_server.slots import Slot
from domain.plant import Machine
from domain.quality import Quality
from domain.sample import TagId, TextSample
from tests.conftest import eventually
from tests.data_transfer.opcua_world import NOW, PLANT, POLICIES, POWER, TAGS, World, certificate, node, private_key, world

START = datetime.fromtimestamp(NOW / 1e6, UTC)


pytestmark = pytest.mark.asyncio(loop_scope="module")  # one server for all: its own nodes take a second


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(tmp_path_factory.mktemp("opcua")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def shop(running: World) -> World:
    await running.reset()
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def client(shop: World) -> AsyncIterator[Client]:
    async with await shop.client() as made:
        yield made


class Heard:
    def __init__(self) -> None:
        self.values: list[ua.DataValue] = []

    def datachange_notification(self, _node: Node, _value: Any, data: Any) -> None:
        self.values.append(data.monitored_item.Value)


class Events:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    def event_notification(self, event: Any) -> None:
        self.heard.append(event)


async def test_the_tree_is_the_plants_with_units_ranges_and_names(client: Client) -> None:
    async def names(name: str) -> list[str]:
        return [(await child.read_browse_name()).Name for child in await client.get_node(node(name)).get_children()]

    assert "Цех №1" in [(await child.read_browse_name()).Name for child in await client.nodes.objects.get_children()]
    assert await names("site") == ["Turning"]
    assert await names("section:Turning") == ["lathe-1"]
    assert await names("machine:lathe-1") == [
        "State", "MachineryItemState", "MachineryOperationMode", "ActivePower", "ShiftEnergy", "Energy", "m1",
    ]  # fmt: skip
    assert await names("device:m1") == ["active_power", "energy_import", "mode", "program"]
    assert (await client.get_node(node("machine:lathe-1")).read_display_name()).Text == "16К20"
    unit = await client.get_node(node("m1.active_power#EngineeringUnits")).read_value()
    assert (unit.UnitId, unit.DisplayName.Text) == (4937556, "kW")  # KWT
    span = await client.get_node(node("m1.active_power#EURange")).read_value()
    assert (span.Low, span.High) == (0.0, 20.0)
    words = await client.get_node(node("m1.mode#EnumValues")).read_value()
    assert [(word.Value, word.DisplayName.Text) for word in words] == [(0, "manual"), (1, "auto")]
    assert await client.get_namespace_array() == [
        "http://opcfoundation.org/UA/", (await client.get_namespace_array())[1], "urn:energy-monitoring:plant",
        "http://opcfoundation.org/UA/Machinery/", "http://opcfoundation.org/UA/ECM/",
    ]  # fmt: skip


async def test_values_have_their_source_time_and_their_quality(shop: World, client: Client) -> None:
    power = client.get_node(node("m1.active_power"))
    found = await power.read_data_value()
    assert (found.Value.Value, found.StatusCode.name, found.SourceTimestamp) == (11.5, "Good", START)
    shop.put(None, Quality.TIMEOUT, NOW + 1_000_000)
    shop.server.on_batch(replace(_batch(shop), texts=(TextSample(TagId(14), NOW, "O1234"),)))

    async def told() -> ua.DataValue | None:
        value = await power.read_data_value(raise_on_bad_status=False)
        return value if value.StatusCode.name == "BadNoCommunication" else None

    bad = await eventually(told, 30)
    assert isinstance(bad, ua.DataValue)
    assert (bad.Value.Value, bad.SourceTimestamp) == (None, START + timedelta(seconds=1))

    async def program() -> bool:  # came with a batch of its own
        found = await client.get_node(node("m1.program")).read_data_value(raise_on_bad_status=False)
        return found.Value is not None and found.Value.Value == "O1234"

    await eventually(program, 30)
    shop.put(25.0, Quality.OUT_OF_RANGE, NOW + 2_000_000)
    await eventually(lambda: _status_is(power, "UncertainEngineeringUnitsExceeded"))


def _batch(shop: World) -> Any:
    return next(iter(shop.server._newest.values()))  # noqa: SLF001


async def _status_is(of: Node, name: str) -> bool:
    return bool((await of.read_data_value(raise_on_bad_status=False)).StatusCode.name == name)


async def test_machines_tell_their_state_by_the_names_of_machinery_and_their_energy_by_those_of_ecm(client: Client) -> None:
    state = client.get_node(node("machine:lathe-1#MachineryItemState.CurrentState"))
    await eventually(lambda: _status_is(state, "Good"))
    assert (await state.read_value()).Text == "Executing"
    mode = await client.get_node(node("machine:lathe-1#MachineryOperationMode.CurrentState")).read_value()
    assert mode.Text == "Processing"
    assert await client.get_node(node("machine:lathe-1#State")).read_value() == "production"
    assert await client.get_node(node("machine:lathe-1#AcActivePowerTotal")).read_value() == 11_500.0
    assert await client.get_node(node("machine:lathe-1#AcActiveEnergyTotalImportHp")).read_value() == 12_500.0
    assert await client.get_node(node("machine:lathe-1#ShiftEnergy")).read_value() == 3.25


async def test_subscribers_hear_each_change_once_with_the_time_of_the_device(shop: World, client: Client) -> None:
    heard = Heard()
    subscription = await client.create_subscription(250, heard)
    await subscription.subscribe_data_change(client.get_node(node("m1.active_power")), queuesize=10)
    await eventually(lambda: len(heard.values) == 1, 30)
    for n, value in enumerate((12.0, 12.0, 13.0, None), 1):
        shop.put(value, 0 if value is not None else Quality.LINE_DOWN, NOW + n * 1_000_000)
    await eventually(lambda: len(heard.values) >= 4, 30)
    assert [value.Value.Value if value.Value is not None else None for value in heard.values] == [11.5, 12.0, 13.0, None]
    assert [value.StatusCode.name for value in heard.values] == ["Good", "Good", "Good", "BadNotConnected"]
    assert heard.values[2].SourceTimestamp == START + timedelta(seconds=3)
    told = shop.server.status().clients[0]
    assert (told.user, told.subscriptions, told.items) == ("reader", 1, 1)
    await subscription.delete()
    await eventually(lambda: shop.server.status().clients[0].items == 0, 30)


async def test_a_deadband_and_a_trigger_on_times_are_kept(shop: World, client: Client) -> None:
    near, every = Heard(), Heard()
    first, second = await client.create_subscription(250, near), await client.create_subscription(250, every)
    power = client.get_node(node("m1.active_power"))
    await first.deadband_monitor(power, 1.0, queuesize=10)
    wanted = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
    await second._subscribe(power, mfilter=wanted, queuesize=10)  # noqa: SLF001
    for n, value in enumerate((11.6, 11.6, 12.6), 1):
        shop.put(value, 0, NOW + n * 1_000_000)
    await eventually(lambda: len(near.values) == 2 and len(every.values) == 4, 30)
    assert [value.Value.Value for value in near.values] == [11.5, 12.6]


async def test_the_same_sample_brought_again_is_no_news() -> None:
    """After a change of the plant the newest samples are brought once more; who triggers on times hears only of another time."""
    slot, told = Slot(), list[bytes]()
    slot.every = {"client": lambda encoded, _slot: told.append(encoded)}
    for time_us, quality in ((NOW, 0), (NOW, 0), (NOW + 1, 0), (NOW + 1, Quality.HELD), (NOW + 1, Quality.HELD)):
        slot.write_sample(11.5, quality, time_us, NOW + 5)
    assert len(told) == 3


async def test_plant_changes_are_taken_up_and_what_stays_is_still_told(shop: World, client: Client) -> None:
    heard, lost = Heard(), Heard()
    subscription = await client.create_subscription(250, heard)
    await subscription.subscribe_data_change(client.get_node(node("m1.active_power")))
    other = await client.create_subscription(250, lost)
    await other.subscribe_data_change(client.get_node(node("m1.mode")))
    events = Events()
    third = await client.create_subscription(250, events)
    await third.subscribe_events(client.nodes.server, ua.ObjectIds.GeneralModelChangeEventType)
    machines = (*PLANT.machines, Machine("mill-2", "Mill", "Milling"))
    shop.server.apply(replace(PLANT, machines=machines), [tag for tag in TAGS if tag.point != "mode"])

    async def there() -> bool:
        children = await client.get_node(node("site")).get_children()
        return [child.nodeid.Identifier for child in children] == ["section:Turning", "section:Milling"]

    await eventually(there, 30)
    shop.put(14.0, 0, NOW + 5_000_000)
    await eventually(lambda: heard.values and heard.values[-1].Value.Value == 14.0, 30)
    await eventually(lambda: lost.values and lost.values[-1].StatusCode.name == "BadNodeIdUnknown", 30)
    await eventually(lambda: events.heard, 30)
    assert events.heard[0].Changes[0].Affected == node("site")
    with pytest.raises(ua.UaStatusCodeError):
        await client.get_node(node("m1.mode")).read_value()


async def test_history_comes_forwards_backwards_and_in_pages(client: Client) -> None:
    power = client.get_node(node("m1.active_power"))
    whole = await power.read_raw_history(START, START + timedelta(seconds=100))
    assert len(whole) == 100
    assert [value.Value.Value for value in whole[8:11]] == [9.0, None, 11.0]
    assert whole[9].StatusCode.name == "BadNotConnected"
    assert whole[3].SourceTimestamp == START + timedelta(seconds=3)
    newest = await _history(client, _details(end=START + timedelta(seconds=50), count=3))
    assert [value.Value.Value for value in newest[0]] == [None, 49.0, 48.0]
    page, point = await _history(client, _details(START, START + timedelta(seconds=5), 2))
    assert [value.Value.Value for value in page] == [1.0, 2.0]
    page, point = await _history(client, _details(START, START + timedelta(seconds=5), 2), point)
    assert [value.Value.Value for value in page] == [3.0, 4.0]
    page, point = await _history(client, _details(START, START + timedelta(seconds=5), 2), point)
    assert ([value.Value.Value for value in page], point) == ([5.0], None)


async def test_summaries_come_from_the_roll_ups(client: Client) -> None:
    details = ua.ReadProcessedDetails(
        StartTime=START, EndTime=START + timedelta(minutes=4), ProcessingInterval=120_000.0,
        AggregateType=[ua.NodeId(ua.ObjectIds.AggregateFunction_Average)],
    )  # fmt: skip
    values, _ = await _history(client, details)
    assert [value.Value.Value for value in values] == [1.5, 3.5]
    details.AggregateType = [ua.NodeId(ua.ObjectIds.AggregateFunction_Delta)]
    values, _ = await _history(client, details, name="m1.energy_import")
    assert [value.Value.Value for value in values] == [1.0, 1.0]
    details.ProcessingInterval = 7_000.0
    with pytest.raises(ua.uaerrors.BadAggregateInvalidInputs):
        await _history(client, details)


def _details(start: datetime | None = None, end: datetime | None = None, count: int = 0) -> ua.ReadRawModifiedDetails:
    never = datetime(1601, 1, 1, tzinfo=UTC)
    return ua.ReadRawModifiedDetails(
        IsReadModified=False, StartTime=start or never, EndTime=end or never, NumValuesPerNode=count, ReturnBounds=False
    )


async def _history(
    client: Client, details: Any, point: bytes | None = None, name: str = POWER.name
) -> tuple[list[ua.DataValue], bytes | None]:
    wanted = ua.HistoryReadParameters()
    wanted.HistoryReadDetails = details
    wanted.ReleaseContinuationPoints = False
    wanted.NodesToRead = [ua.HistoryReadValueId(NodeId=node(name), ContinuationPoint=point)]
    (result,) = await client.uaclient.history_read(wanted)
    result.StatusCode.check()
    return result.HistoryData.DataValues, result.ContinuationPoint


@pytest.mark.parametrize("policy", POLICIES)
async def test_each_policy_signs_and_encrypts(shop: World, policy: str) -> None:
    async with await shop.client(policy=policy) as made:
        assert await made.get_node(node("m1.active_power")).read_value() == 11.5


async def test_nothing_can_be_written_called_or_added(client: Client) -> None:
    power = client.get_node(node("m1.active_power"))
    for of, value in ((power, 1.0), (power, [1.0, 2.0]), (client.get_node(ua.ObjectIds.Server_ServiceLevel), ua.Variant(1, ua.VariantType.Byte))):
        with pytest.raises(ua.uaerrors.BadNotWritable):
            await of.write_value(value)
    with pytest.raises(ua.uaerrors.BadServiceUnsupported):
        await client.nodes.objects.add_object(2, "x")
    with pytest.raises(ua.uaerrors.BadServiceUnsupported):
        await client.nodes.server.call_method(ua.NodeId(ua.ObjectIds.Server_GetMonitoredItems), 1)
    assert await power.read_value() == 11.5


async def test_subscriptions_of_another_client_are_out_of_reach(shop: World, client: Client) -> None:
    mine = await client.create_subscription(250, Heard())
    async with await shop.client() as other:
        assert [status.name for status in await other.uaclient.delete_subscriptions([mine.subscription_id])] == [
            "BadSubscriptionIdInvalid"
        ]
    await mine.subscribe_data_change(client.get_node(node("m1.active_power")))


async def test_without_security_only_the_endpoints_are_told(shop: World) -> None:
    found = await Client(shop.url).connect_and_get_server_endpoints()
    assert {(one.SecurityPolicyUri.rpartition("#")[2], one.SecurityMode.name) for one in found} == {
        (name, "SignAndEncrypt") for name in POLICIES
    }
    assert {token.TokenType.name for one in found for token in one.UserIdentityTokens} == {"UserName"}
    plain = Client(shop.url)
    plain.set_user("reader")
    plain.set_password("a long password")
    with pytest.raises(ua.UaError):
        await plain.connect()
    await shop.refused("policy")


async def test_an_unknown_certificate_waits_for_approval_and_then_connects(shop: World) -> None:
    stranger = certificate(shop.folder, "stranger")
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await (await shop.client(stranger)).connect()
    await shop.refused("certificate_untrusted")
    assert len(shop.waiting()) == 1
    shop.known(stranger)
    async with await shop.client(stranger) as made:
        assert await made.get_node(node("m1.active_power")).read_value() == 11.5
        for path in (shop.folder / "clients" / "trusted").glob("*.der"):
            path.unlink()
        await eventually(lambda: not shop.server.status().clients, 20)  # withdrawn: its connection ends
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):  # and it gets no other
        await (await shop.client(stranger)).connect()
    await shop.refused("certificate_untrusted", 2)


@pytest.mark.parametrize(
    ("kind", "days"), [("expired", (-10, -1)), ("early", (5, 10))],
)  # fmt: skip
async def test_certificates_out_of_their_time_are_refused_though_trusted(shop: World, kind: str, days: tuple[int, int]) -> None:
    path = shop.known(certificate(shop.folder, kind, days=days))
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await (await shop.client(path)).connect()
    await shop.refused(f"certificate_{kind}")


async def test_a_trusted_certificate_is_of_no_use_without_its_key(shop: World, tmp_path: Path) -> None:
    """Certificates are no secret: who has seen one is not who it names."""
    thief = certificate(tmp_path, "thief", key=private_key(2048, "thief")).with_suffix(".pem")
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await (await shop.client(key=thief, timeout_s=2)).connect()
    await shop.refused("signature")
    assert not [one.user for one in shop.server.status().clients if one.user]
    await eventually(lambda: not shop.server.status().clients)  # it is told before the connection is gone


async def test_a_certificate_is_for_the_application_it_names(shop: World) -> None:
    with pytest.raises(ua.uaerrors.BadCertificateUriInvalid):
        await (await shop.client(uri="urn:somebody:else")).connect()
    await shop.refused("certificate_uri")


async def test_signing_without_encryption_is_refused(shop: World) -> None:
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        await (await shop.client(mode=ua.MessageSecurityMode.Sign)).connect()
    await shop.refused("policy")


@pytest.mark.parametrize(("user", "password", "kind"), [("reader", "wrong", "login"), ("nobody", "x", "login"), (None, "", "anonymous")])
async def test_wrong_passwords_and_nobody_are_refused(shop: World, user: str | None, password: str, kind: str) -> None:
    with pytest.raises(ua.UaError):
        await (await shop.client(user=user, password=password)).connect()
    await shop.refused(kind)


async def test_whoever_may_no_longer_is_disconnected(shop: World, client: Client) -> None:
    shop.accounts.forgotten.clear()
    shop.accounts.over = {"ticket"}
    await eventually(lambda: not shop.server.status().clients, 20)
    await eventually(lambda: "ticket" in shop.accounts.forgotten)


async def test_anonymous_clients_need_the_flag_and_a_trusted_certificate(tmp_path: Path) -> None:
    async with world(tmp_path, anonymous=True) as shop:
        async with await shop.client(user=None) as made:
            assert await made.get_node(node("m1.active_power")).read_value() == 11.5
        with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            await (await shop.client(certificate(shop.folder, "stranger"), user=None, timeout_s=2)).connect()
        await shop.refused("certificate_untrusted")


async def test_a_taken_address_is_told_and_tried_again(shop: World, tmp_path: Path) -> None:
    other = type(shop.server)(
        "127.0.0.1", shop.server.port, shop.server._identity, shop.trust, shop.accounts, shop.past, list, shop.server._clock  # noqa: SLF001
    )  # fmt: skip
    other.apply(PLANT, TAGS)
    with pytest.raises(OSError, match="address already in use"):
        await asyncio.wait_for(other.run(), 60)
    assert other.status().state == "failed"
