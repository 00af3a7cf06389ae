"""Cameras over inspection places: with each part of a controller with TCP frames a new picture, now and then of a bad part.

A camera with a folder gets files there, the newest 100; one with a URL is served at that address (plain HTTP). Pictures are drawn
ahead on a thread, so that a part's own is there before the controller tells of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from domain.camera import Camera
from domain.errors import ConfigError
from simulator.devices import SimulatedDevice
from simulator.part_picture import DEFECTS, part_picture

log = logging.getLogger(__name__)
KEPT_FILES: Final = 100
GOOD_FIRST: Final = 30  # parts without a defect: something to learn from
BAD_SHARE: Final = 0.08


def defect_of(seed: int, part: int) -> str | None:
    """What is wrong with a part; the same for the same arguments."""
    chance = random.Random(seed * 7919 + part)
    return chance.choice(DEFECTS) if part > GOOD_FIRST and chance.random() < BAD_SHARE else None


class PartCamera:
    """`shown`: the picture of the newest part. `part` is called when one is done."""

    def __init__(self, camera: Camera, seed: int) -> None:
        self.camera, self._seed = camera, seed
        self.shown = b""
        self.port = 0
        self._parts = 0
        self._next: asyncio.Task[bytes] | None = None
        self._files: deque[Path] = deque()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int) -> None:
        """Raises OSError."""
        if self.camera.folder is not None:
            await asyncio.to_thread(os.makedirs, self.camera.folder, exist_ok=True)
        else:
            self._server = await asyncio.start_server(self._serve, host, port)
            self.port = self._server.sockets[0].getsockname()[1]
        self.shown = await self._drawn(1)
        self._ahead()

    async def stop(self) -> None:
        """No more pictures."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await self._server.wait_closed()

    def part(self) -> None:
        """A part lies under the camera. Parts that follow each other faster than they are drawn look alike."""
        self._parts += 1
        if self._next is not None and self._next.done():
            self.shown = self._next.result()
            self._ahead()
        if self.camera.folder is not None:
            self._write(Path(self.camera.folder))

    def _ahead(self) -> None:
        self._next = asyncio.get_running_loop().create_task(self._drawn(self._parts + 1))

    async def _drawn(self, part: int) -> bytes:
        return await asyncio.to_thread(part_picture, self._seed, part, defect_of(self._seed, part))

    def _write(self, folder: Path) -> None:
        """Under another name first: no reader finds half a file."""
        file = folder / f"part-{self._parts:06}.jpg"
        try:
            draft = file.with_suffix(".part")
            draft.write_bytes(self.shown)
            draft.replace(file)
            self._files.append(file)
            while len(self._files) > KEPT_FILES:
                self._files.popleft().unlink(missing_ok=True)
        except OSError as exc:
            log.warning("camera of %s: %s", self.camera.device_id, exc)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {len(self.shown)}\r\n\r\n"
                    writer.write(head.encode() + self.shown)
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()


@asynccontextmanager
async def serve_cameras(
    cameras: tuple[Camera, ...], devices: Mapping[str, SimulatedDevice], free_ports: bool, seed: int
) -> AsyncIterator[tuple[Camera, ...]]:
    """The cameras of served devices, with the addresses really taken, while inside. Raises ConfigError."""
    found: list[Camera] = []
    async with AsyncExitStack() as stack:
        for camera in cameras:
            device = devices.get(camera.device_id)
            address = urlsplit(camera.url or "")
            if device is None or address.scheme == "https":
                log.warning("the camera of %s is not simulated", camera.device_id)
                found.append(camera)
                continue
            host, port = ("127.0.0.1", 0) if free_ports else (address.hostname or "", address.port or 80)
            eye = PartCamera(camera, seed)
            try:
                await eye.start(host, port)
            except OSError as exc:
                raise ConfigError(f"the camera of {camera.device_id} cannot be served: {exc.strerror or exc}") from exc
            stack.push_async_callback(eye.stop)
            device.on_part.append(eye.part)
            taken = urlunsplit(address._replace(netloc=f"{host}:{eye.port}")) if camera.url is not None else None
            found.append(replace(camera, url=taken) if free_ports else camera)
        yield tuple(found)
