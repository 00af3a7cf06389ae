"""The server itself, on an event loop of its own: address space, endpoints, listening, housekeeping. One thread only."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from asyncua import Server, ua

from data_transfer.opcua_server.access import Identity, Limits, Principal, SignIn, Trust
from data_transfer.opcua_server.connections import Connections
from data_transfer.opcua_server.guard import Core, Refused
from data_transfer.opcua_server.history import AGGREGATES, Reader
from data_transfer.opcua_server.names import ENERGY, ITEM_STATE, MACHINERY, OPERATION_MODE, OWN, PLANT
from data_transfer.opcua_server.slots import Slot
from data_transfer.opcua_server.space import Space
from data_transfer.opcua_server.status import status_of
from data_transfer.opcua_server.subscriptions import Items, Subscriptions
from data_transfer.opcua_server.tree import SITE, NodeSpec
from domain.errors import MonitorError, StorageError
from domain.ports import Clock, History
from domain.product import NAME, VERSION
from domain.quality import Quality
from domain.sample import Batch
from domain.served import MachineFigures
from domain.state import MachineState

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
PASS_S: Final = 0.05  # values wait for no longer than this
POLICIES: Final = (
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt, ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
)  # fmt: skip
_I: Final = ua.ObjectIds
_ADDED_AND_DELETED: Final = 0b1111  # nodes and references, both ways (OPC 10000-5, 12.16)
_NO_STATE: Final = int(ua.StatusCodes.BadNoCommunication)


class Host:
    """`home`: the product's own event loop, where `sign_in` and `history` live. `take`: batches since it was last asked."""

    def __init__(
        self, address: tuple[str, int], identity: Identity, limits: Limits, trust: Trust, sign_in: SignIn, history: History,
        home: asyncio.AbstractEventLoop, take: Callable[[], Sequence[Batch]], refused: Counter[str], clock: Clock, *,
        anonymous: bool = False,
    ) -> None:
        self._address, self._identity, self._limits, self._trust = address, identity, limits, trust
        self._sign_in, self._history, self._home, self._take = sign_in, history, home, take
        self._refused, self._clock, self._anonymous = refused, clock, anonymous
        self.core = Core()
        self._server = Server(iserver=self.core)
        self.space = Space(self.core.aspace)
        self.connections: Connections | None = None
        self._listener: asyncio.Server | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.port = address[1]
        self.loop = asyncio.get_running_loop()

    # -- life ---------------------------------------------------------------------------------------------------------

    async def build(self) -> None:
        """The standard's own nodes are thousands: takes a second or two."""
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # what it says of clients is counted and said here
        server, core, limits = self._server, self.core, self._limits
        server.name, server.product_uri, server.manufacturer_name = NAME, PLANT, NAME
        server.application_type = ua.ApplicationType.Server
        core.history_manager = Reader(
            self.space, self._history, self._ask, limits.history_values, self._clock.now_us, self._count
        )
        await server.init()
        await server.set_application_uri(self._identity.uri)
        await server.set_build_info(PLANT, NAME, NAME, VERSION, VERSION, datetime.now(UTC))
        namespaces = ["http://opcfoundation.org/UA/", self._identity.uri, PLANT, MACHINERY, ENERGY]
        await server.get_node(ua.NodeId(_I.Server_NamespaceArray)).write_value(namespaces)
        items = Items(limits.items_per_client, limits.items, self._count)
        core.use(Subscriptions(core.aspace, core, self.space, items, limits.subscriptions))
        server.set_security_policy(list(POLICIES))
        server.set_identity_tokens([ua.UserNameIdentityToken, *([ua.AnonymousIdentityToken] if self._anonymous else [])])
        await server.load_certificate(self._identity.certificate)
        await server.load_private_key(self._identity.key)
        await self._tell_abilities()

    async def _tell_abilities(self) -> None:
        """What clients look up before they ask for history."""
        limits, write = self._limits, self._write
        await write(_I.HistoryServerCapabilities_AccessHistoryDataCapability, True, ua.VariantType.Boolean)
        await write(_I.HistoryServerCapabilities_MaxReturnDataValues, limits.history_values, ua.VariantType.UInt32)
        folder = self.core.aspace[ua.NodeId(_I.HistoryServerCapabilities_AggregateFunctions)]
        for number in AGGREGATES:
            node = self.core.aspace[ua.NodeId(number)]
            names = [node.attributes[a].value for a in (ua.AttributeIds.BrowseName, ua.AttributeIds.DisplayName)]
            browse, shown = (found.Value.Value if found is not None and found.Value is not None else None for found in names)
            folder.references.append(ua.ReferenceDescription(
                ReferenceTypeId=ua.NodeId(_I.Organizes), IsForward=True, NodeId=node.nodeid, NodeClass=ua.NodeClass.Object,
                BrowseName=browse, DisplayName=shown, TypeDefinition=ua.NodeId(_I.AggregateFunctionType),
            ))  # fmt: skip

    async def _write(self, number: int, value: object, kind: ua.VariantType) -> None:
        await self._server.write_attribute_value(ua.NodeId(number), ua.DataValue(ua.Variant(value, kind)))

    async def listen(self) -> None:
        """Raises OSError when the address cannot be had."""
        host, port = self._address
        name = f"[{host}]" if ":" in host else host
        self._server.set_endpoint(f"opc.tcp://{name}:{port}/")
        await self._server._setup_server_nodes()
        self.connections = Connections(
            self.core, self._server._policies, self._limits, self._trust, self._login, self._gone,
            self._refused, self._clock,
        )  # fmt: skip
        self._listener = await asyncio.get_running_loop().create_server(self.connections.factory, host, port)
        self.port = self._listener.sockets[0].getsockname()[1]
        await self.core.start()

    async def run(self, stop: asyncio.Event) -> None:
        """Pass values on and look after clients until stopped; then everything is closed."""
        look_at = self._clock.monotonic()
        rounds = 0
        try:
            while not stop.is_set():
                self.pass_on()
                if self._clock.monotonic() - look_at >= LOOK_S and self.connections is not None:
                    look_at = self._clock.monotonic()
                    self.connections.look()
                    rounds += 1
                    if rounds % 2 == 0:
                        self._spawn(self._check_principals())
                await asyncio.sleep(PASS_S)
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self.connections is not None:
            self.connections.close_all()
            await asyncio.sleep(0)
            if self.connections.ending:
                await asyncio.wait(self.connections.ending, timeout=5)
        for task in self._background:
            task.cancel()
        if self._listener is not None:
            await self.core.stop()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- values -------------------------------------------------------------------------------------------------------

    def apply(self, specs: Sequence[NodeSpec]) -> None:
        """The plant is another: who watches the server's events is told so."""
        if self.space.apply(specs, self._clock.now_us()) and self._listener is not None:
            self._spawn(self._tell_change())

    async def _tell_change(self) -> None:
        changes = await self._server.get_event_generator(ua.NodeId(_I.GeneralModelChangeEventType))
        changes.event.Severity = 100
        changes.event.data_types["Changes"] = ua.VariantType.ExtensionObject  # the library knows structures by their node only
        changes.event.Changes = [ua.ModelChangeStructureDataType(
            Affected=ua.NodeId(SITE, OWN), AffectedType=ua.NodeId(_I.FolderType), Verb=ua.Byte(_ADDED_AND_DELETED)
        )]  # fmt: skip
        await changes.trigger(message="the plant changed")

    def pass_on(self) -> None:
        """What came since."""
        by_tag, now_us = self.space.by_tag, self._clock.now_us()
        for batch in self._take():
            time_us = batch.time_us
            for tag_id, value, quality in zip(batch.tag_ids, batch.values, batch.qualities, strict=True):
                slot = by_tag.get(tag_id)
                if slot is not None:
                    slot.write_sample(value, quality, time_us, now_us)
            for text in batch.texts:
                slot = by_tag.get(text.tag_id)
                if slot is not None:
                    slot.write(text.text, 0, text.time_us, now_us)

    def figures(self, machines: Sequence[MachineFigures]) -> None:
        """Of the machines now, once a second."""
        now_us, slots = self._clock.now_us(), self.space.slots
        for one in machines:
            me = f"machine:{one.id}"
            if f"{me}#State" in slots:
                _write_machine({name: slots[f"{me}#{name}"] for name in _MACHINE}, one, now_us)

    # -- the product's side -------------------------------------------------------------------------------------------

    async def _ask(self, work: Awaitable[Any]) -> Any:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_awaited(work), self._home))

    async def _login(self, name: str, password: str, source: str) -> Principal | None:
        try:
            principal: Principal = await self._ask(self._sign_in.sign_in(name, password, source))
        except StorageError as exc:
            log.warning("OPC UA server: a login cannot be checked: %s", exc)
            return None
        except MonitorError:
            return None
        return principal

    def _gone(self, ticket: str) -> None:
        self._home.call_soon_threadsafe(self._sign_in.forget, ticket)

    async def _check_principals(self) -> None:
        """Who may no longer is closed (S7)."""
        if self.connections is None:
            return
        held = {}
        for connection in list(self.connections.open):
            session = connection.session
            if session is not None and session.principal is not None and session.principal.ticket:
                held[session.principal.ticket] = connection
        if not held:
            return
        try:
            over = await self._ask(self._sign_in.still(list(held)))
        except MonitorError:
            return  # the database is away: nothing can have changed there
        for ticket in over:
            held[ticket].refuse(Refused("login", ua.StatusCodes.BadUserAccessDenied))

    def _count(self, kind: str) -> None:
        self._refused[kind] += 1


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


_MACHINE: Final = (
    "State", "MachineryItemState.CurrentState", "MachineryOperationMode.CurrentState", "ActivePower", "ShiftEnergy",
)  # fmt: skip


def _write_machine(slots: dict[str, Slot], one: MachineFigures, now_us: int) -> None:
    known = one.state is not MachineState.NO_DATA
    status, since = 0 if known else _NO_STATE, one.state_since_us or now_us
    words = {
        "State": one.state.value, "MachineryItemState.CurrentState": ua.LocalizedText(ITEM_STATE.get(one.state, "")),
        "MachineryOperationMode.CurrentState": ua.LocalizedText(OPERATION_MODE.get(one.state, "None")),
    }  # fmt: skip
    for name, value in words.items():
        slot = slots[name]
        if (slot.status, slot.time_us) != (status, since) or (known and slot.value != value):
            slot.write(value, status, since, now_us)
    power, shift = one.power_kw, one.shift_kwh
    missing = status_of(Quality.NO_VALUE)
    slots["ActivePower"].write(power, missing if power is None else status_of(min(one.power_quality, 63)), now_us, now_us)
    slots["ShiftEnergy"].write(shift, missing if shift is None else 0, now_us, now_us)
