"""The server itself over real sockets: slow and fat headers, sockets of sessions, what is left open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from domain.access import Role
from tests.conftest import eventually
from tests.web_interface.clients import ADMIN, client, served
from tests.web_interface.fakes import PASSWORD, FakeServices
from web_interface import server
from web_interface.security import sockets
from web_interface.security.gate import Gate, GateOptions
from web_interface.security.hosts import Hosts

HEAD = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n"


async def within(work: Any) -> Any:
    """The same, but not for long."""
    async with asyncio.timeout(5):
        return await work


async def exchange(place: str, *parts: bytes, pause_s: float = 0.0, quiet_s: float = 5.0) -> bytes:
    """Send the parts, read the answer's first piece."""
    reader, writer = await asyncio.open_connection(*place.split(":"))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        async with asyncio.timeout(quiet_s):
            return await reader.read(65536)
    except (ConnectionResetError, BrokenPipeError):
        return b""
    finally:
        writer.close()


async def test_headers_that_never_end_are_408(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADER_S", 0.3)
    async with served(app) as place:
        assert (await exchange(place, HEAD)).startswith(b"HTTP/1.1 408 ")
        assert (await exchange(place)).startswith(b"HTTP/1.1 408 "), "nothing sent at all"
        assert (await exchange(place, HEAD, *[b"x", b"-", b"a", b":", b" ", b"1"] * 3, pause_s=0.05)).startswith(b"HTTP/1.1 408 ")
        assert (await exchange(place, HEAD + b"\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_the_second_request_of_a_connection_has_the_same_deadline(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADER_S", 0.3)
    async with served(app) as place:
        reader, writer = await asyncio.open_connection(*place.split(":"))
        writer.write(HEAD + b"\r\n")
        assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200 ")
        await asyncio.sleep(0.4)  # idle between requests is not slow headers
        writer.write(HEAD)
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_five_hundred_slow_ones_do_not_keep_others_out(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEADER_S", 1.0)
    async with served(app) as place:
        slow = [await asyncio.open_connection(*place.split(":")) for _ in range(500)]
        for _, writer in slow:
            writer.write(b"G")
        assert (await within(exchange(place, HEAD + b"\r\n"))).startswith(b"HTTP/1.1 200 ")
        ends = await asyncio.gather(*(reader.read() for reader, _ in slow))
        assert all(end.startswith(b"HTTP/1.1 408 ") for end in ends)
        for _, writer in slow:
            writer.close()
        await eventually(lambda: server.BoundedHttp.open.total() == 0)


async def test_too_many_connections_of_one_address(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_PER_ADDRESS", 3)
    async with served(app) as place:
        idle = [await asyncio.open_connection(*place.split(":")) for _ in range(3)]
        await eventually(lambda: server.BoundedHttp.open.total() == 3)
        assert (await exchange(place, HEAD + b"\r\n")).startswith(b"HTTP/1.1 503 ")
        for _, writer in idle:
            writer.close()
        await eventually(lambda: server.BoundedHttp.open.total() == 0)
        assert (await exchange(place, HEAD + b"\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD + b"x-fat: " + b"a" * 20_000 + b"\r\n\r\n"],
        [HEAD + b"x-fat: ", *[b"a" * 1000] * 20, b"\r\n\r\n"],
        [HEAD, *[b"x-%d: y\r\n" % n for n in range(3000)], b"\r\n"],
        [b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n"],
    ],
)
async def test_fat_headers_are_431(app: FastAPI, parts: list[bytes]) -> None:
    async with served(app) as place:
        assert (await exchange(place, *parts)).startswith(b"HTTP/1.1 431 ")


async def test_a_large_body_is_no_fat_header(app: FastAPI) -> None:
    form = b"name=operator&password=" + b"x" * 30_000
    head = b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    head += b"content-length: %d\r\n\r\n"
    async with served(app) as place:
        assert (await exchange(place, head % len(form) + form)).startswith(b"HTTP/1.1 403 ")


async def test_who_sends_a_body_too_large_gets_to_read_why(app: FastAPI) -> None:
    head = b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n"
    async with served(app) as place:
        told = await exchange(place, head + b"content-length: 3000000\r\n\r\n", *[b"x" * 100_000] * 30, quiet_s=0.5)
        assert told.startswith(b"HTTP/1.1 413 ")
        chunks = [b"186a0\r\n" + b"x" * 100_000 + b"\r\n"] * 30
        told = await exchange(place, head + b"transfer-encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n", quiet_s=0.5)
        assert told.startswith(b"HTTP/1.1 413 ")


async def test_a_body_without_end_is_cut_off(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LINGER_BYTES", 1_000_000)
    head = b"POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 200000000\r\n\r\n"
    async with served(app) as place:
        _, writer = await asyncio.open_connection(*place.split(":"))
        writer.write(head)

        async def for_ever() -> None:
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()
                await asyncio.sleep(0)

        with pytest.raises(ConnectionError):
            await within(for_ever())
        await eventually(lambda: server.BoundedHttp.open.total() == 0)


@pytest.mark.parametrize("text", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
async def test_what_is_no_http_is_400_without_a_name(app: FastAPI, text: bytes) -> None:
    async with served(app) as place:
        answer = await exchange(place, text)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"server:" not in answer.lower()


# ---- sockets of live pages --------------------------------------------------------------------------------------------


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for the live pages: accepts and sends everything back."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text") or ""})


@pytest.fixture
async def place(services: FakeServices) -> AsyncIterator[str]:
    gate: ASGIApp = Gate(echo, services.access, Hosts((), ()), GateOptions("energy_session", lambda: 0))
    async with served(gate) as where:
        yield where


async def session_of(services: FakeServices, name: str = "operator") -> str:
    return (await services.access.login(name, PASSWORD, "127.0.0.1"))[1]


async def answer_of(ws: Any) -> Any:
    """The next message, soon."""
    return await within(ws.recv())


def socket(place: str, session: str | None, *, origin: str | None = "own", path: str = "/_nicegui_ws/socket.io/") -> Any:
    chosen: Any = f"http://{place}" if origin == "own" else origin
    headers = {"cookie": f"energy_session={session}"} if session else {}
    return connect(f"ws://{place}{path}", origin=chosen, additional_headers=headers, max_size=None)


async def test_a_socket_of_a_session(place: str, services: FakeServices) -> None:
    async with socket(place, await session_of(services)) as ws:
        await ws.send("hello")
        assert await ws.recv() == "hello"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:1"])
async def test_a_foreign_origin_gets_no_socket(place: str, services: FakeServices, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await socket(place, await session_of(services), origin=origin)
    assert refused.value.response.status_code == 403
    assert services.audit_store.log[-1].action == "refused"


async def test_no_socket_without_a_session_or_elsewhere(place: str, services: FakeServices) -> None:
    for session, path in (
        (None, "/_nicegui_ws/socket.io/"),
        ("forged", "/_nicegui_ws/socket.io/"),
        (await session_of(services), "/other"),
    ):
        with pytest.raises(InvalidStatus):
            await socket(place, session, path=path)


async def test_long_polling_is_not_spoken(app: FastAPI, services: FakeServices) -> None:
    async with client(app) as c:
        c.cookies.set("energy_session", await session_of(services))
        assert (await c.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling")).status_code == 400


@pytest.mark.parametrize("change", ["logout", "disable", "role"])
async def test_when_the_session_ends_no_message_passes_and_the_socket_closes(
    place: str, services: FakeServices, change: str
) -> None:
    session = await session_of(services)
    async with socket(place, session) as speaking, socket(place, session) as listening:
        await speaking.send("before")
        assert await speaking.recv() == "before"
        user = services.access.session(session)
        assert user is not None
        match change:
            case "logout":
                await services.access.logout(session)
            case "disable":
                await services.access.set_enabled(user.id, False, ADMIN)
            case _:
                await services.access.set_role(user.id, Role.VIEWER, ADMIN)
        await speaking.send("after")
        with pytest.raises(ConnectionClosed):
            await answer_of(speaking)
        with pytest.raises(ConnectionClosed):
            await answer_of(listening)


async def test_a_message_too_large_closes_the_socket(place: str, services: FakeServices) -> None:
    async with socket(place, await session_of(services)) as ws:
        await ws.send("x" * (sockets.MESSAGE_BYTES - 1))
        assert len(await ws.recv()) == sockets.MESSAGE_BYTES - 1
        await ws.send("x" * (sockets.MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosed):
            await answer_of(ws)


async def test_a_flood_of_messages_closes_the_socket(place: str, services: FakeServices) -> None:
    async with socket(place, await session_of(services)) as ws:
        for _ in range(sockets.MESSAGES_A_SECOND):
            await ws.send("x")
            await answer_of(ws)  # a page that opens may say much at once
        for _ in range(500):
            with contextlib.suppress(ConnectionClosed):
                await ws.send("x")

        async def all_answers() -> None:
            while True:  # those to messages that passed come first
                await answer_of(ws)

        with pytest.raises(ConnectionClosed):
            await all_answers()


async def test_ten_sockets_a_session_and_closed_ones_make_room(place: str, services: FakeServices) -> None:
    session = await session_of(services)
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(socket(place, session)) for _ in range(sockets.PER_SESSION)]
        with pytest.raises(InvalidStatus):
            await socket(place, session)
        async with socket(place, await session_of(services, "viewer")):
            pass
        await opened[0].close()

        async def room() -> bool:
            try:
                async with socket(place, session):
                    return True
            except InvalidStatus:
                return False

        await eventually(room)


async def test_listening_alone_keeps_no_session_alive(place: str, services: FakeServices) -> None:
    session = await session_of(services)
    async with socket(place, session) as ws:
        for _ in range(3):
            services.clock.advance(11 * 60)
            with contextlib.suppress(ConnectionClosed):
                await ws.send("3")  # the answer to a heartbeat
                await ws.recv()
        assert services.access.session(session, touch=False) is None


async def test_acting_does(place: str, services: FakeServices) -> None:
    session = await session_of(services)
    async with socket(place, session) as ws:
        for _ in range(3):
            services.clock.advance(11 * 60)
            await ws.send('42["event",{}]')
            await ws.recv()
        assert services.access.session(session, touch=False) is not None
