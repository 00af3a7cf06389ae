"""An agent that answers anything but what it should, over a real socket: said in plain words, come back from, and nobody else's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from data_collection.mtconnect import agent_xml
from domain.plant import Line
from tests.data_collection.mtconnect.recordings import adapter
from tests.data_collection.mtconnect.test_lines import Shop, device, line
from tests.data_collection.mtconnect.test_lines import shop as shop_of

HEAD = '<?xml version="1.0"?><MTConnectStreams><Header instanceId="{instance}" nextSequence="{sequence}"/>'
BODY = (
    '<Streams><DeviceStream name="A"><ComponentStream><Events>'
    '<Value dataItemId="i" name="Part_Count" sequence="1" timestamp="2026-01-02T03:04:05Z">7</Value>'
    "</Events></ComponentStream></DeviceStream></Streams></MTConnectStreams>"
)


def document(instance: str = "1", sequence: str = "2") -> bytes:
    return (HEAD.format(instance=instance, sequence=sequence) + BODY).encode()


def answer(body: bytes, status: str = "200 OK", kind: str = "text/xml") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


def streamed(*parts: bytes, length: str | None = None) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=part\r\nConnection: close\r\n\r\n"
    return head + b"".join(
        b"--part\r\nContent-length: %s\r\n\r\n%s\r\n" % ((length or str(len(part))).encode(), part) for part in parts
    )


class Agent:
    """Says what it is told to say, to `current` and to `sample`; a stream stays open behind its last part."""

    def __init__(self) -> None:
        self.current, self.sample = answer(document()), streamed(document())
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        streams = b"/sample" in request
        writer.write(self.sample if streams else self.current)
        if streams:
            await reader.read(-1)  # until the product goes
        writer.close()


@asynccontextmanager
async def shop() -> AsyncIterator[tuple[Agent, Shop, Callable[[], str]]]:
    """The agent's line beside a healthy one, and what is said about the agent's machine."""
    hostile = Agent()
    server = await asyncio.start_server(hostile.serve, "127.0.0.1", 0)
    async with adapter(b"2026-01-02T03:04:05Z|Part_Count|3\r\n") as port:
        healthy = Line("other", "mtconnect", line(port).options)
        place = line(server.sockets[0].getsockname()[1], "agent")
        devices = (device("mtconnect-hurco"), replace(device("mtconnect-hurco", "good"), line="other"))
        async with shop_of(place, *devices, beside=(healthy,)) as found:

            def said() -> str:
                (status,) = [s for s in found.collector.devices() if s.device_id == "m"]
                (own,) = [s for s in found.collector.lines() if s.line_id == "mt"]
                return f"{status.state} {status.last_error} {own.last_error}"

            yield hostile, found, said
    server.close()


CURRENT = (
    (answer(b"<html><body>It works!"), "no XML"),
    (answer(b"", "503 Service Unavailable"), "the agent answers HTTP 503"),
    (answer(document()[:-40]), "no XML"),
    (answer(b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'), "declares a document type"),
    (answer(b"<MTConnectDevices/>"), "no document of an MTConnect agent"),
    (answer(b'<MTConnectError><Header instanceId="1"/><Errors><Error errorCode="X">busy</Error></Errors></MTConnectError>'), "busy"),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"<a/>" * 100_000, "longer than 100000 bytes"),
    (b"220 mail.example ESMTP\r\n", "RemoteProtocolError"),
)  # fmt: skip


@pytest.mark.parametrize(("reply", "words"), CURRENT, ids=lambda value: value if isinstance(value, str) else "")
async def test_a_wrong_answer_is_said_and_the_right_one_is_taken_by_itself(
    reply: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_xml, "LARGEST", 100_000)
    async with shop() as (hostile, found, said):
        hostile.current = reply
        await found.until(lambda: words in said())
        assert not said().startswith("online")
        assert [v for _, v, _ in found.values("part_count") if v is not None] == []
        await found.until(lambda: any(v == 3 for _, v, _ in found.values("part_count", "good")))
        hostile.current = answer(document())
        await found.until(lambda: any(v == 7 for _, v, _ in found.values("part_count")) and said().startswith("online"))


STREAM = (
    (streamed(document(), document()[:90]), "no XML"),
    (streamed(document(), length="9" * 5000), "longer than 100000 bytes"),
    (streamed(document(), b" " * 200_000), "longer than 100000 bytes"),
    (answer(b"<html>gone"), "no XML"),
)


@pytest.mark.parametrize(("reply", "words"), STREAM, ids=("broken", "length", "long", "page"))
async def test_a_stream_that_breaks_is_said_and_begun_anew(reply: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_xml, "LARGEST", 100_000)
    async with shop() as (hostile, found, said):
        if words.startswith("longer"):
            reply += b"x" * 200_000
        hostile.sample = reply
        await found.until(lambda: words in said())
        hostile.sample = streamed(document())
        await found.until(lambda: said().startswith("online"))
        assert any(v == 3 for _, v, _ in found.values("part_count", "good"))


async def test_a_number_that_is_none_costs_nothing() -> None:
    async with shop() as (hostile, found, said):
        hostile.current = answer(document(sequence="²" * 9))
        hostile.sample = streamed(document(sequence="9" * 5000))
        await found.until(lambda: said().startswith("online") and any(v == 7 for _, v, _ in found.values("part_count")))
