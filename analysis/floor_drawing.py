"""A plain plan of a shop for those who have no picture yet: a hall, a bay for each section, a pad for each machine.

Drawn as a PNG in greys on a transparent ground, so that it suits light and dark pages. Pure.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from domain.floor import Place
from domain.plant import Machine

WIDTH, HEIGHT = 1600, 900  # pixels
MARGIN, WALL, PARTITION = 24, 12, 6
AISLE_SHARE = 0.16  # of the height of a bay: the passage along its lower side
DASH, GAP = 26, 18
# index of the palette -> red, green, blue, opacity 0..255
NOTHING, FLOOR, PAD, PAD_EDGE, LINE, WALLS = range(6)
PALETTE = (
    (128, 140, 150, 0), (128, 140, 150, 18), (128, 140, 150, 46), (128, 140, 150, 120), (128, 140, 150, 90), (118, 130, 140, 255),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels from the left upper corner."""

    left: int
    top: int
    right: int
    bottom: int


def drawn_floor(machines: Sequence[Machine]) -> tuple[bytes, Mapping[str, Place]]:
    """The picture and a place for every machine, in percent of it."""
    canvas = _Canvas()
    hall = Box(MARGIN, MARGIN, WIDTH - MARGIN, HEIGHT - MARGIN)
    canvas.frame(hall, WALLS, WALL)
    inside = Box(hall.left + WALL, hall.top + WALL, hall.right - WALL, hall.bottom - WALL)
    canvas.fill(inside, FLOOR)
    places: dict[str, Place] = {}
    groups = _sections(machines)
    for box, group in zip(_bays(inside, len(groups)), groups, strict=False):
        _draw_bay(canvas, box, inside)
        for pad, machine in zip(_pads(box, len(group)), group, strict=False):
            canvas.fill(pad, PAD)
            canvas.frame(pad, PAD_EDGE, 2)
            x, y = (pad.left + pad.right) / 2, (pad.top + pad.bottom) / 2
            places[machine.id] = Place(round(x / WIDTH * 100, 2), round(y / HEIGHT * 100, 2))
    return canvas.png(), places


def _sections(machines: Sequence[Machine]) -> Sequence[Sequence[Machine]]:
    found: dict[str, list[Machine]] = {}
    for machine in machines:
        found.setdefault(machine.section, []).append(machine)
    return list(found.values())


def _grid(box: Box, columns: int, rows: int) -> Iterator[Box]:
    """Row by row."""
    width, height = (box.right - box.left) / columns, (box.bottom - box.top) / rows
    for row in range(rows):
        for column in range(columns):
            yield Box(
                round(box.left + column * width), round(box.top + row * height),
                round(box.left + (column + 1) * width), round(box.top + (row + 1) * height),
            )  # fmt: skip


def _bays(inside: Box, number: int) -> Iterator[Box]:
    columns = max(1, number if number <= 4 else math.ceil(math.sqrt(number * 1.6)))
    return _grid(inside, columns, max(1, math.ceil(number / columns)))


def _pads(bay: Box, number: int) -> Iterator[Box]:
    """Of a shape like the bay's, with room between them."""
    width, height = bay.right - bay.left, (bay.bottom - bay.top) * (1 - AISLE_SHARE)
    columns = max(1, round(math.sqrt(number * width / height)))
    rows = max(1, math.ceil(number / columns))
    for cell in _grid(Box(bay.left, bay.top, bay.right, round(bay.top + height)), columns, rows):
        across, down = (cell.right - cell.left) * 0.07, (cell.bottom - cell.top) * 0.16
        yield Box(round(cell.left + across), round(cell.top + down), round(cell.right - across), round(cell.bottom - down))


def _draw_bay(canvas: _Canvas, bay: Box, inside: Box) -> None:
    """The partition at its right side ends at the aisle, whose border is dashed."""
    aisle = round(bay.bottom - (bay.bottom - bay.top) * AISLE_SHARE)
    for left in range(bay.left + GAP, bay.right - GAP, DASH + GAP):
        canvas.fill(Box(left, aisle, min(left + DASH, bay.right - GAP), aisle + 3), LINE)
    if bay.right < inside.right - 1:
        half = PARTITION // 2
        canvas.fill(Box(bay.right - half, bay.top, bay.right + half, aisle - 20), WALLS)
    if bay.bottom < inside.bottom - 1:
        canvas.fill(Box(bay.left, bay.bottom - 3, bay.right, bay.bottom + 3), WALLS)


class _Canvas:
    """One byte a pixel: the index of its colour."""

    def __init__(self) -> None:
        self._rows = [bytearray(WIDTH) for _ in range(HEIGHT)]

    def fill(self, box: Box, colour: int) -> None:
        left, right = max(0, box.left), min(WIDTH, box.right)
        if right > left:
            line = bytes([colour]) * (right - left)
            for row in self._rows[max(0, box.top) : max(0, box.bottom)]:
                row[left:right] = line

    def frame(self, box: Box, colour: int, thick: int) -> None:
        self.fill(Box(box.left, box.top, box.right, box.top + thick), colour)
        self.fill(Box(box.left, box.bottom - thick, box.right, box.bottom), colour)
        self.fill(Box(box.left, box.top, box.left + thick, box.bottom), colour)
        self.fill(Box(box.right - thick, box.top, box.right, box.bottom), colour)

    def png(self) -> bytes:
        """Eight bits a pixel with a palette and its opacities (PNG specification, 11.2)."""
        head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        colours = b"".join(bytes(entry[:3]) for entry in PALETTE)
        opacities = bytes(entry[3] for entry in PALETTE)
        pixels = zlib.compress(b"".join(b"\0" + row for row in self._rows), 9)
        chunks = ((b"IHDR", head), (b"PLTE", colours), (b"tRNS", opacities), (b"IDAT", pixels), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
