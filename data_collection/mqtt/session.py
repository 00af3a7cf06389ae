"""Connections to a broker: one that the broker remembers, for the messages, and others of the moment, to look around.

aiomqtt and paho are imported here and nowhere else of the product.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from data_collection import options
from data_collection.mqtt.mapping import Message
from data_collection.mqtt.tls import Heard, context
from domain.errors import AccessDenied, LineDown
from domain.plant import Line
from domain.ports import Clock

EXPIRY_S: Final = 86_400
"""How long the broker keeps messages for us while we are away (MQTT 5; with 3.1.1 its own settings decide)."""
WAITING: Final = 200_000
"""Messages between socket and reader; beyond them aiomqtt drops and logs. At 2 000 a second 100 s of standing still."""
_DENIED: Final = ("not authorized", "bad user name or password", "not authorised")
_AT_ONCE: Final = 500


def client_id_of(line: Line, data_dir: Path | None) -> str:
    """The name by which the broker knows this line of this installation again: `client_id`, else one of its own."""
    given = line.options.get("client_id")
    if isinstance(given, str) and given:
        return given
    place = hashlib.blake2s(f"{uuid.getnode()} {data_dir}".encode(), digest_size=4).hexdigest()
    return f"energy-{line.id}-{place}"[:64]


class Session:
    """One connection. `messages` yields what comes, in pieces; what came before a break is yielded before that is raised."""

    def __init__(self, client: aiomqtt.Client, clock: Clock) -> None:
        self._client, self._clock = client, clock

    async def subscribe(self, filters: Sequence[str], qos: int) -> None:
        """Raises LineDown, or AccessDenied where the broker refuses a filter."""
        for wanted in filters:
            try:
                granted = await self._client.subscribe(wanted, qos)
            except aiomqtt.MqttError as exc:
                raise LineDown(f"the broker does not take the subscription to {wanted}: {exc}") from exc
            codes = [getattr(code, "value", code) for code in granted]
            if any(isinstance(code, int) and code >= 0x80 for code in codes):
                raise AccessDenied(f"the broker refuses the subscription to {wanted}")

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Filters of an earlier session that nobody needs any more. Raises LineDown."""
        try:
            for old in filters:
                await self._client.unsubscribe(old)
        except aiomqtt.MqttError as exc:
            raise LineDown(f"the broker does not end a subscription: {exc}") from exc

    async def messages(self) -> AsyncIterator[list[Message]]:
        """Raises LineDown when the connection is over. What was acknowledged to the broker is never thrown away."""
        broken: aiomqtt.MqttError | None = None
        iterator = self._client.messages
        while broken is None:
            first: list[aiomqtt.Message] = []
            try:
                first = [await anext(iterator)]
            except aiomqtt.MqttError as exc:
                broken = exc
            while True:
                taken = self._waiting(_AT_ONCE - len(first))
                if not first and not taken:
                    break
                yield [self._message(m) for m in (*first, *taken)]
                first = []
        raise LineDown(f"the connection to the broker is over: {broken.__cause__ or broken}")

    def left(self) -> list[Message]:
        """What was received and not yet yielded, when nobody waits for more."""
        return [self._message(m) for m in self._waiting(WAITING)]

    def _waiting(self, most: int) -> list[aiomqtt.Message]:
        queue = self._client._queue  # its iterator forgets what is queued when the connection breaks
        return [queue.get_nowait() for _ in range(min(most, queue.qsize()))]

    def _message(self, message: aiomqtt.Message) -> Message:
        payload = message.payload if isinstance(message.payload, bytes) else str(message.payload or "").encode()
        return Message(message.topic.value, payload, self._clock.now_us(), bool(message.retain))


@asynccontextmanager
async def session(line: Line, clock: Clock, identifier: str | None) -> AsyncIterator[Session]:
    """A connection to the line's broker. With `identifier` the broker keeps subscriptions and messages while we are away;
    without, it is a connection of the moment that disturbs nobody. Raises LineDown, AccessDenied, ConfigError.
    """
    heard = Heard()
    client = _client(line, identifier, heard)
    client._disconnected.add_done_callback(lambda over: over.cancelled() or over.exception())  # else asyncio logs what we report
    loop = asyncio.get_running_loop()
    heard.refused = lambda: loop.call_soon_threadsafe(_give_up, client)
    try:
        await client.__aenter__()
    except aiomqtt.MqttError as exc:
        text = str(exc)
        if heard.words is not None:
            raise AccessDenied(f"{line.target}: {heard.words}") from exc
        if any(word in text.lower() for word in _DENIED):
            raise AccessDenied(f"{line.target}: the broker refuses user or password: {text}") from exc
        raise LineDown(f"{line.target}: {text}") from exc
    except (OSError, ssl.SSLError) as exc:
        raise LineDown(f"{line.target}: {exc}") from exc
    try:
        yield Session(client, clock)
    finally:
        with contextlib.suppress(aiomqtt.MqttError):  # it was gone already
            await client.__aexit__(None, None, None)


def _give_up(client: aiomqtt.Client) -> None:
    """End the waiting for an acceptance that will not come."""
    if not client._connected.done():
        client._connected.set_exception(aiomqtt.MqttError("refused"))


def _client(line: Line, identifier: str | None, heard: Heard) -> aiomqtt.Client:
    version = options.choice(line, "version", "3.1.1", ("3.1.1", "5"))
    five = version == "5"
    kept = identifier is not None
    properties = None
    if five and kept:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = EXPIRY_S
    user = line.options.get("user")
    return aiomqtt.Client(
        options.text(line, "host"), options.whole(line, "port", 1883, 1, 65535),
        username=str(user) if user else None, password=line.password, identifier=identifier or f"look-{uuid.uuid4().hex[:16]}",
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        clean_session=None if five else not kept, clean_start=not kept if five else 3, properties=properties,
        timeout=options.number(line, "timeout_s", 10.0), keepalive=15, max_queued_incoming_messages=WAITING,
        tls_context=context(line), logger=heard,
    )
