"""A frame's fields, described as data: bytes to values, and the frame that is sent. Pure."""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.errors import ConfigError
from domain.places.tcp_frames import FramePlace
from domain.plant import Device
from domain.profile import Point

BINARY: Final = "binary"
_FORMATS: Final = {
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip
_PADDING: Final = " \0\t\r\n"
Raw = float | int | str | None
"""A value as it stands in a frame; None is "no value"."""
Take = Callable[[bytes], Raw]


class FieldError(Exception):
    """A field that cannot be read; `kind`: too_short, encoding, number."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One field of a frame as it was read. `raw`: its bytes as hex; `error`: (kind, text) where it could not be read."""

    tag: str
    raw: str
    value: Raw
    error: tuple[str, str] | None = None


class Layout:
    """The points of one device in its frame. `length` None: frames of any length. Raises ConfigError naming device and point."""

    def __init__(self, device: Device, length: int | None, encoding: str = "utf-8", separator: str = ";") -> None:
        self.device, self.length, self.encoding, self.separator = device, length, encoding, separator
        if encoding != BINARY:
            try:
                codecs.lookup(encoding)
            except LookupError as exc:
                expected = "expected utf-8, cp1251 or binary"
                raise ConfigError(f"device {device.id}: there is no encoding {encoding!r}; {expected}") from exc
        self._fields = [(point, self._take(point), self._place(point)) for point in device.profile.points]

    def decode(self, frame: bytes) -> list[FieldValue]:
        """Every field, in the order of the profile."""
        found = []
        for point, take, place in self._fields:
            raw = self._bytes(frame, place)
            try:
                found.append(FieldValue(point.tag, raw.hex(" "), take(frame)))
            except FieldError as exc:
                found.append(FieldValue(point.tag, raw.hex(" "), None, (exc.kind, str(exc))))
        return found

    def _place(self, point: Point) -> FramePlace:
        place = point.where
        if not isinstance(place, FramePlace):
            raise ConfigError(f"device {self.device.id}: point {point.tag} has no place in a frame")
        return place

    def _take(self, point: Point) -> Take:
        place = self._place(point)
        where = f"device {self.device.id}: point {point.tag}"
        if place.field is not None:
            if self.encoding == BINARY:
                raise ConfigError(f"{where}: a parted text needs a text encoding, not binary")
            return self._parted(place.field, number=place.type != "text")
        if place.byte is None:
            raise ConfigError(f"{where}: expected byte or field")
        end = place.byte + place.size
        if self.length is not None and end > self.length:
            raise ConfigError(f"{where}: ends at byte {end}, the frame has {self.length}")
        if place.type == "toggles":
            return Toggles(place.byte, place.bit or 0)
        if place.type in {"bit", "bool"}:
            return _bit(place.byte, place.bit) if place.type == "bit" else _truth(place.byte)
        if place.type in {"text", "number"}:
            if place.length is None:
                raise ConfigError(f"{where}: a {place.type} needs its length in bytes")
            return self._slice(place.byte, end, number=place.type == "number")
        return _packed(place.byte, struct.Struct((">" if place.byte_order == "big" else "<") + _FORMATS[place.type]))

    def _slice(self, start: int, end: int, *, number: bool) -> Take:
        encoding = "utf-8" if self.encoding == BINARY else self.encoding

        def take(frame: bytes) -> Raw:
            if len(frame) < end:
                raise FieldError("too_short", f"the frame has {len(frame)} bytes, the field ends at {end}")
            text = _text(frame[start:end], encoding)
            return _number(text) if number else text

        return take

    def _parted(self, index: int, *, number: bool) -> Take:
        def take(frame: bytes) -> Raw:
            fields = _text(frame, self.encoding).split(self.separator)
            if index > len(fields):
                raise FieldError("too_short", f"the frame has {len(fields)} fields, expected one more")
            text = fields[index - 1].strip(_PADDING)
            return _number(text) if number else text

        return take

    def _bytes(self, frame: bytes, place: FramePlace) -> bytes:
        if place.field is None and place.byte is not None:
            return frame[place.byte:place.byte + place.size]
        fields = frame.split(self.separator.encode(self.encoding, "replace")) if self.encoding != BINARY else [frame]
        return fields[place.field - 1] if place.field is not None and place.field <= len(fields) else b""


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding).strip(_PADDING)
    except UnicodeDecodeError as exc:
        raise FieldError("encoding", f"{data[exc.start:exc.start + 4].hex(' ')} is no {encoding}") from exc


def _number(text: str) -> Raw:
    """Digits as characters; blank is no value."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError as exc:
        raise FieldError("number", f"{text[:20]!r} is no number") from exc


def _bit(byte: int, bit: int | None) -> Take:
    mask = 1 << (bit or 0)

    def take(frame: bytes) -> Raw:
        _check(frame, byte + 1)
        return 1 if frame[byte] & mask else 0

    return take


class Toggles:
    """Counts how often a bit changed from frame to frame."""

    def __init__(self, byte: int, bit: int) -> None:
        self._take, self._count = _bit(byte, bit), 0
        self._last: Raw = None

    def __call__(self, frame: bytes) -> int:
        now = self._take(frame)
        self._count += self._last is not None and now != self._last
        self._last = now
        return self._count


def _truth(byte: int) -> Take:
    def take(frame: bytes) -> Raw:
        _check(frame, byte + 1)
        return 1 if frame[byte] not in {0, 0x30} else 0  # "0" as a character is no too

    return take


def _packed(byte: int, packed: struct.Struct) -> Take:
    def take(frame: bytes) -> Raw:
        _check(frame, byte + packed.size)
        value = packed.unpack_from(frame, byte)[0]
        return float(value) if isinstance(value, float) else int(value)

    return take


def _check(frame: bytes, end: int) -> None:
    if len(frame) < end:
        raise FieldError("too_short", f"the frame has {len(frame)} bytes, the field ends at {end}")


VERDICT_CODES: Final[Mapping[str, int]] = {"none": 0, "good": 1, "reject": 2, "unsure": 3}


def frame_out(length: int, encoding: str, *, bit: bool, verdict: str = "none", item: int = 0, score: float = 0.0) -> bytes:
    """The frame that is sent: bit 0, the verdict on an item, its number (0 to 65535, then round) and its score (0 to 1).

    Binary: byte 0 bit 0; byte 1 verdict (0 none, 1 good, 2 reject, 3 unsure); bytes 2 and 3 the item's number, bytes 4 and 5 the
    score in 1/10000, high byte first. Text: `0` or `1`, then `;verdict;number;score` - the characters 0 and 1 differ in bit 0 of
    byte 0 too. The rest is filled up (0, or blanks). Raises ValueError where `length` has no room.
    """
    if encoding == BINARY:
        body = struct.pack(">BBHH", int(bit), VERDICT_CODES[verdict], item % 65536, round(10_000 * min(max(score, 0.0), 1.0)))
        if verdict == "none":
            body = body[:1]
        fill = b"\0"
    else:
        text = str(int(bit)) if verdict == "none" else f"{int(bit)};{verdict};{item % 65536};{score:.4f}"
        body, fill = text.encode(encoding), b" "
    if len(body) > length:
        raise ValueError(f"a frame of {length} bytes has no room for the {len(body)} bytes of a verdict")
    return body.ljust(length, fill)


def bit_of(frame: bytes) -> int | None:
    """Bit 0 of byte 0; None of an empty frame."""
    return frame[0] & 1 if frame else None
