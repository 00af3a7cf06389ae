"""Serves a controller that sends frames of its own: see simulator.transports.Serve. Bit 0 of byte 0 changes with each part."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from domain.places.tcp_frames import FramePlace
from domain.plant import Line
from simulator.control_words import Wire, wire_values
from simulator.devices import SimulatedDevice
from simulator.serve import Simulation, listening, named_address
from simulator.tcp_server import TcpServer

PORT: Final = 5050
INTERVAL_S: Final = 0.2
PART_FRAMES: Final = 10
_FORMATS: Final = {
    "int8": "b", "uint8": "B", "bool": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip


class FrameServer(TcpServer):
    """Sends the frame of its devices to whoever connects; `received` keeps what is sent to it: (s since the trigger, bytes).

    A part is done each `part_frames` frames; with None only by `trigger`.
    """

    def __init__(
        self, line: Line, devices: Sequence[SimulatedDevice], interval_s: float = INTERVAL_S,
        part_frames: int | None = PART_FRAMES,
    ) -> None:
        super().__init__()
        self.line, self._devices, self._interval_s, self._part_frames = line, list(devices), interval_s, part_frames
        self.received: list[tuple[float, bytes]] = []
        self.frames = self.parts = 0
        self._triggered_s = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listening = asyncio.create_task(self._listen(reader))
        try:
            while not writer.is_closing() and not listening.done():
                if all(d.faults.peek("silence") is None for d in self._devices):
                    writer.write(self.frame())
                    await writer.drain()
                await asyncio.sleep(self._interval_s)
        finally:
            listening.cancel()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                self.received = [*self.received[-999:], (time.monotonic() - self._triggered_s, data)]

    def trigger(self) -> None:
        """A part is done: bit 0 changes with the next frame."""
        for device in self._devices:
            for told in device.on_part:
                told()
        self.parts += 1
        self._triggered_s = time.monotonic()

    def frame(self) -> bytes:
        """The present frame, all devices in it."""
        options = self.line.options
        length, delimiter = options.get("length", 32), options.get("delimiter")
        encoding = str(options.get("encoding", "utf-8"))
        self.frames += 1
        if self._part_frames is not None and self.frames % self._part_frames == 0:
            self.trigger()
        bit = self.parts % 2
        binary = encoding == "binary"
        fields = [
            (p.where, wire_values(d.device, d.values())[p.tag])
            for d in self._devices for p in d.device.profile.points if isinstance(p.where, FramePlace)
        ]
        parted = [(place, value) for place, value in fields if place.field is not None]
        body = bytearray((b"\0" if binary else b" ") * (length if isinstance(length, int) else 1024))
        if parted:
            texts = ["0"] * max(place.field or 0 for place, _ in parted)
            for place, value in parted:
                texts[(place.field or 1) - 1] = str(bit) if place.type == "toggles" else _shown(value)
            text = str(options.get("separator", ";")).join(texts).encode("utf-8" if binary else encoding)
            body[:len(text)] = text
        for place, value in fields:
            if place.byte is not None:
                _put(body, place, value, bit)
        if not binary:
            body[0] = body[0] & ~1 | bit if chr(body[0]) in "01" else body[0]
        if isinstance(delimiter, str):
            return bytes(body).rstrip(b" \0") + delimiter.encode().decode("unicode_escape").encode("latin-1")
        return bytes(body[:length]) if isinstance(length, int) else bytes(body)


def _put(body: bytearray, place: FramePlace, value: Wire, bit: int) -> None:
    at = place.byte or 0
    if place.type in {"bit", "toggles"}:
        mask, on = 1 << (place.bit or 0), bit if place.type == "toggles" else bool(value) and value not in {"READY", "0"}
        body[at] = body[at] | mask if on else body[at] & ~mask
    elif place.type in {"text", "number"}:
        body[at:at + place.size] = _shown(value).encode()[: place.size].ljust(place.size)
    else:
        number = value if isinstance(value, int | float) else 0
        code = (">" if place.byte_order == "big" else "<") + _FORMATS[place.type]
        whole = int(number) % (1 << 8 * place.size) if code[1].isupper() else int(number)  # a counter that is full begins anew
        body[at:at + place.size] = struct.pack(code, float(number) if code[1] in "fd" else whole)


def _shown(value: Wire) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


@asynccontextmanager
async def serve(simulation: Simulation, lines: Sequence[Line], free_ports: bool) -> AsyncIterator[Mapping[str, Line]]:
    """One controller a line. Raises ConfigError."""
    taken: dict[str, Line] = {}
    async with AsyncExitStack() as stack:
        for line in lines:
            server = FrameServer(line, [d for d in simulation.devices.values() if d.device.line == line.id])
            taken[line.id] = await listening(server, line, named_address(line, PORT), free_ports)
            stack.push_async_callback(server.stop)
        yield taken
