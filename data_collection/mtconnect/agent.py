"""A line to an agent: `current` for what is, then `sample` as a stream for what comes, over HTTP. httpx is imported here only."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

import httpx

from data_collection import options
from data_collection.mtconnect import agent_xml
from data_collection.mtconnect.observation import Observation
from domain.errors import DecodeError, LineDown
from domain.plant import Line

HEARTBEAT_MS: Final = 10_000
INTERVAL_MS: Final = 500
MOST: Final = 10_000
_BOUNDARY: Final = re.compile(r'boundary="?([^";,\s]+)"?')


class Agent:
    """One agent. `batches` yields observations by device name; `missed` counts how often its buffer had run over."""

    def __init__(self, line: Line) -> None:
        self.line = line
        host, port = options.text(line, "host"), options.whole(line, "port", 5000, 1, 65535)
        self._base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._timeout = httpx.Timeout(options.number(line, "timeout_s", 5.0), read=3 * HEARTBEAT_MS / 1000)
        self.missed = 0

    async def current(self) -> agent_xml.Answer:
        """What is now. Raises LineDown, DecodeError."""
        async with httpx.AsyncClient(timeout=self._timeout) as client:
            return await self._current(client)

    async def batches(self) -> AsyncIterator[Mapping[str, Sequence[Observation]]]:
        """First all that is, then what changes, in its order; nothing is left out but what the agent's buffer lost.

        An agent that was started again (another instance), or whose buffer ran over, is asked for all anew. Raises LineDown.
        """
        async with httpx.AsyncClient(timeout=self._timeout) as client:
            while True:
                answer = await self._current(client)
                yield answer.devices
                instance, at = answer.instance, answer.next_sequence
                async for part in self._sample(client, at):
                    if part.instance and part.instance != instance:
                        break
                    if part.errors:
                        self.missed += 1
                        break
                    yield part.devices

    async def _current(self, client: httpx.AsyncClient) -> agent_xml.Answer:
        try:
            async with client.stream("GET", f"{self._base}/current") as response:
                answer = await _answer(response)
        except httpx.HTTPError as exc:
            raise LineDown(f"{self.line.target}: {type(exc).__name__} {exc}".strip()) from exc
        if answer.errors:
            raise DecodeError(f"{self.line.target}: the agent answers {answer.errors[0][0]}: {answer.errors[0][1]}")
        return answer

    async def _sample(self, client: httpx.AsyncClient, at: int | None) -> AsyncIterator[agent_xml.Answer]:
        query = {"interval": INTERVAL_MS, "heartbeat": HEARTBEAT_MS, "count": MOST} | ({} if at is None else {"from": at})
        try:
            async with client.stream("GET", f"{self._base}/sample", params=query) as response:
                match = _BOUNDARY.search(response.headers.get("content-type", ""))
                if match is None:  # an agent that does not stream, or an error
                    yield await _answer(response)
                    return
                async for document in _parts(response.aiter_bytes(), match[1].encode()):
                    yield agent_xml.read(document)
        except httpx.HTTPError as exc:
            raise LineDown(f"{self.line.target}: {type(exc).__name__} {exc}".strip()) from exc
        raise LineDown(f"{self.line.target}: the agent ended its stream")


async def _answer(response: httpx.Response) -> agent_xml.Answer:
    """What a single document says. Raises DecodeError."""
    try:
        return agent_xml.read(await _whole(response))
    except DecodeError as exc:
        if response.status_code < 400:
            raise
        raise DecodeError(f"the agent answers HTTP {response.status_code}") from exc


async def _whole(response: httpx.Response) -> bytes:
    """The body, as far as a document may be long; of a longer one only that it is."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > agent_xml.LARGEST:
            break
    return bytes(body)


async def _parts(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """The bodies of a multipart/x-mixed-replace stream, each as soon as its `Content-length` has arrived."""
    buffer = b""
    async for chunk in chunks:
        buffer += chunk
        while (found := _part(buffer, boundary)) is not None:
            document, buffer = found
            yield document
        if len(buffer) > agent_xml.LARGEST:
            raise DecodeError(f"a part of the agent's stream is longer than {agent_xml.LARGEST} bytes")


def _part(buffer: bytes, boundary: bytes) -> tuple[bytes, bytes] | None:
    """The first whole part and what follows it. Without a length a part ends at the next boundary."""
    begin = buffer.find(b"--" + boundary)
    head_end = buffer.find(b"\r\n\r\n", begin)
    if begin < 0 or head_end < 0:
        return None
    length = re.search(rb"(?i)content-length:\s*(\d{1,12})\b", buffer[begin:head_end])
    start = head_end + 4
    if length is not None:
        end = start + int(length[1])
        return (buffer[start:end], buffer[end:]) if len(buffer) >= end else None
    end = buffer.find(b"--" + boundary, start)
    return (buffer[start:end].strip(), buffer[end:]) if end >= 0 else None
