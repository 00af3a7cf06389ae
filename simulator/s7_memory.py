"""The memory of a simulated S7 controller: the points of its devices as bytes."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from domain.places.s7 import VARIABLE, Address, S7Place, parsed_address
from domain.plant import Device
from domain.profile import Point
from domain.quantity import canonical_factor
from simulator.registers import Value

_FORMATS: Final = {
    "BYTE": ">B", "USINT": ">B", "SINT": ">b", "WORD": ">H", "UINT": ">H", "INT": ">h", "DWORD": ">I", "UDINT": ">I",
    "DINT": ">i", "REAL": ">f", "LWORD": ">Q", "ULINT": ">Q", "LINT": ">q", "LREAL": ">d", "TIME": ">i", "LTIME": ">q",
}  # fmt: skip
Area = tuple[str, int]  # DB, M, I or Q; number of the data block


class S7Memory:
    """`areas`: bytes by area, as large as the points need."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._points: list[tuple[str, Point, S7Place, Address]] = []
        sizes: dict[Area, int] = {}
        for device in devices:
            for point in device.profile.points:
                if isinstance(point.where, S7Place):
                    place = dataclasses.replace(point.where, address=_filled(point.where.address, device))
                    address = parsed_address(place.address)
                    if address is None:
                        continue
                    self._points.append((device.id, point, place, address))
                    area = (address.area, address.db)
                    sizes[area] = max(sizes.get(area, 0), address.byte + place.size)
        self.areas = {area: bytearray(size) for area, size in sizes.items()}

    def write(self, device_id: str, values: Mapping[str, Value]) -> None:
        """Lay a device's values (canonical units) in their places; None leaves a number as it is."""
        for owner, point, place, address in self._points:
            value = values.get(point.tag)
            if owner == device_id and value is not None:
                area = self.areas[address.area, address.db]
                if place.type == "BOOL":
                    mask = 1 << (address.bit or 0)
                    on = bool(value if isinstance(value, float | int) else _code(point, value))
                    area[address.byte] = area[address.byte] | mask if on else area[address.byte] & ~mask
                else:
                    data = encoded(point, place, value)
                    area[address.byte : address.byte + len(data)] = data


def encoded(point: Point, place: S7Place, value: float | str) -> bytes:
    """The bytes of one value; numbers are held within the range of their type."""
    if place.type in VARIABLE or place.type in {"CHAR", "WCHAR", "DATE", "TOD", "LTOD", "DT", "DTL"}:
        return _text(place, value if isinstance(value, str) else f"{value:g}")
    number = float(_code(point, value)) if isinstance(value, str) else value
    raw = (number / canonical_factor(point.quantity, point.unit) - point.offset) / point.scale
    if place.type == "S5TIME":
        return struct.pack(">H", _s5_time(raw))
    layout = _FORMATS[place.type]
    if place.type in {"REAL", "LREAL"}:
        return struct.pack(layout, raw)
    bits = 8 * struct.calcsize(layout)
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if layout[1].islower() else (0, (1 << bits) - 1)
    return struct.pack(layout, min(max(round(raw), low), high))


def _text(place: S7Place, text: str) -> bytes:
    if place.type == "STRING":
        data = text.encode(place.encoding, "replace")[: place.length]
        return bytes((place.length, len(data))) + data
    if place.type == "WSTRING":
        data = text.encode("utf-16-be")[: 2 * place.length]
        return struct.pack(">HH", place.length, len(data) // 2) + data
    if place.type in {"CHAR", "WCHAR"}:
        return (text[:1] or " ").encode("utf-16-be" if place.type == "WCHAR" else place.encoding, "replace")
    return _moment(place.type, text)


def _moment(kind: str, text: str) -> bytes:
    """A date or time from its ISO text; where the text is none, the controller's clock: now, UTC."""
    try:
        when = datetime.fromisoformat(text if kind not in {"TOD", "LTOD"} else f"1990-01-01 {text}")
    except ValueError:
        when = datetime.now(UTC).replace(tzinfo=None)
    since = when - when.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "DATE":
        return struct.pack(">H", (when - datetime(1990, 1, 1)).days)  # noqa: DTZ001
    if kind == "TOD":
        return struct.pack(">I", since.seconds * 1000 + since.microseconds // 1000)
    if kind == "LTOD":
        return struct.pack(">Q", (since.seconds * 1_000_000 + since.microseconds) * 1000)
    weekday = when.isoweekday() % 7 + 1
    if kind == "DTL":
        parts = (when.year, when.month, when.day, weekday, when.hour, when.minute, when.second, when.microsecond * 1000)
        return struct.pack(">H6BI", *parts)
    ms = when.microsecond // 1000
    digits = f"{when:%y%m%d%H%M%S}{ms:03d}{weekday}"
    return bytes.fromhex(digits)


def _s5_time(ms: float) -> int:
    for code, base in enumerate((10, 100, 1000, 10_000)):
        if (count := round(ms / base)) <= 999:
            return code << 12 | count // 100 << 8 | count // 10 % 10 << 4 | count % 10
    return 0x3999


def _code(point: Point, word: str) -> int:
    return next((number for number, name in point.enum.items() if name == word), 0)


def _filled(text: str, device: Device) -> str:
    for name, value in {**device.profile.parameters, **device.options}.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
