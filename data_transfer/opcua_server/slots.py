"""What a variable says now, and who is told. A value is encoded once, however many are told, and not at all while nobody is.

The binary form is that of OPC 10000-6, 5.2.2.17 (DataValue).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary

from data_transfer.opcua_server.status import GONE, WAITING, status_of

_GOOD_DOUBLE: Final = struct.Struct("<BBdqq")  # mask, type, value, source time, server time
_DOUBLE: Final = struct.Struct("<BBdIqq")
_BAD: Final = struct.Struct("<BIqq")
_EPOCH_TICKS: Final = 116_444_736_000_000_000  # 1970 in 100 ns since 1601
_VALUE, _STATUS, _SOURCE, _SERVER = 0x01, 0x02, 0x04, 0x08
_BAD_BIT: Final = 0x8000_0000
_DOUBLE_TYPE: Final = int(ua.VariantType.Double)

Shown: TypeAlias = Any
"""float, str, ua.LocalizedText or None."""
Notify: TypeAlias = Callable[[bytes, "Slot"], None]
"""What is told of a new value: it as it goes over the wire, and whose it is."""


def ticks(time_us: int) -> int:
    """UTC microseconds since 1970 as OPC UA counts: 100 ns since 1601."""
    return time_us * 10 + _EPOCH_TICKS


def as_datetime(time_us: int) -> datetime:
    """For what the library encodes itself."""
    return datetime.fromtimestamp(time_us / 1e6, UTC)


class Slot:
    """The present value of one variable. One thread only.

    `changed` are told when value or status differ from before, `every` also when the source time does (the DataChangeTriggers of
    OPC 10000-4); both hold functions that take the encoded value. `mirrors` are variables that say the same times a factor.
    """

    __slots__ = ("_encoded", "changed", "every", "kind", "mirrors", "server_us", "span", "status", "time_us", "value")

    def __init__(self, kind: ua.VariantType = ua.VariantType.Double, span: float | None = None) -> None:
        self.kind = kind
        self.span = span  # width of its EURange
        self.value: Shown = None
        self.status = int(WAITING)
        self.time_us = 0
        self.server_us = 0
        self.changed: dict[object, Notify] = {}
        self.every: dict[object, Notify] = {}
        self.mirrors: list[tuple[Slot, float]] = []
        self._encoded: bytes | None = None

    def write(self, value: Shown, status: int, time_us: int, now_us: int) -> None:
        """A new reading. A bad one has no value."""
        if status & _BAD_BIT:
            value = None
        same = value == self.value and status == self.status
        known = same and time_us == self.time_us
        self.value, self.status, self.time_us, self.server_us, self._encoded = value, status, time_us, now_us, None
        if self.changed and not same:
            encoded = self.encoded()
            for notify in self.changed.values():
                notify(encoded, self)
        if self.every and not known:
            encoded = self.encoded()
            for notify in self.every.values():
                notify(encoded, self)
        for mirror, factor in self.mirrors:
            mirror.write(value * factor if isinstance(value, float) else None, status, time_us, now_us)

    def write_sample(self, value: float | None, quality: int, time_us: int, now_us: int) -> None:
        """A sample as the bus brings it."""
        self.write(value, 0 if quality == 0 else status_of(quality), time_us, now_us)

    def remove(self, now_us: int) -> None:
        """Its variable is gone: who was told is told that."""
        self.write(None, int(GONE), now_us, now_us)
        self.changed.clear()
        self.every.clear()
        self.mirrors.clear()

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        if self._encoded is None:
            self._encoded = encode(self.kind, self.value, self.status, self.time_us, self.server_us)
        return self._encoded

    def data_value(self, *_asked: object) -> ua.DataValue:
        """For a read."""
        value = ua.Variant() if self.value is None else ua.Variant(self.value, self.kind)
        source = as_datetime(self.time_us) if self.time_us else None
        server = as_datetime(self.server_us) if self.server_us else None
        return ua.DataValue(value, ua.StatusCode(ua.UInt32(self.status)), source, server)


def encode(kind: ua.VariantType, value: Shown, status: int, time_us: int, server_us: int) -> bytes:
    """A DataValue; one without a time says only its status."""
    if not time_us:
        return struct.pack("<BI", _STATUS, status)
    source, server = time_us * 10 + _EPOCH_TICKS, server_us * 10 + _EPOCH_TICKS
    if value is None:
        return _BAD.pack(_STATUS | _SOURCE | _SERVER, status, source, server)
    if kind is ua.VariantType.Double:
        if status == 0:
            return _GOOD_DOUBLE.pack(_VALUE | _SOURCE | _SERVER, _DOUBLE_TYPE, value, source, server)
        return _DOUBLE.pack(_VALUE | _STATUS | _SOURCE | _SERVER, _DOUBLE_TYPE, value, status, source, server)
    body: bytes = variant_to_binary(ua.Variant(value, kind))
    return struct.pack("<B", _VALUE | _STATUS | _SOURCE | _SERVER) + body + struct.pack("<Iqq", status, source, server)
