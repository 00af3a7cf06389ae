"""An immediate read of the invented shop: its values on the wire of a device that sends the low word first."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

from config.profile_parameters import resolve
from data_collection.modbus.block import byte_order
from data_collection.read_now import rows_of
from data_collection.word_order import probe_orders
from domain.commissioning import ReadNow
from domain.plant import Device
from domain.profile import MercuryPoint, ModbusPoint, Point, WordOrder
from domain.quality import Quality
from domain.quantity import Kind, canonical_factor
from domain.sample import Reading
from tests.web_interface import fake_shop as shop

WIRE_ORDER = WordOrder.LITTLE
SILENT_ADDRESS = 77


def simulate(device: Device) -> ReadNow:
    """What reading `device` once would show; the one at SILENT_ADDRESS does not answer."""
    if device.address == SILENT_ADDRESS:
        frames = "     0.0 ms > 00 01 00 00 00 06 4d 03 00 00 00 2c"
        return ReadNow(0.8, error="timeout", technical=f"no answer from unit {SILENT_ADDRESS} within 800 ms\n{frames}")
    options = {name: value for name, value in device.options.items() if name != "password_env"}
    profile = resolve(device.profile, options)
    known = {tag.point: shop.value_at(tag, shop.START_US)[0] for tag in shop.tags() if tag.device_id == "m1"}
    found: dict[str, tuple[float | None, int, str]] = {}
    for point in profile.points:
        if point.kind is not Kind.TEXT:
            found[point.tag] = _read(point, known)
    texts = {point.tag: "1234567" for point in profile.points if point.kind is Kind.TEXT}
    values = [value for value, _, _ in found.values()]
    qualities = [quality for _, quality, _ in found.values()]
    raw = {tag: words for tag, (_, _, words) in found.items()}
    reading = Reading(device.id, shop.START_US, tuple(found), values, qualities, texts, raw)
    resolved = Device(device.id, device.line, profile, device.address, device.scan_s, device.options)
    rows = rows_of(resolved, [reading])
    orders = probe_orders(resolved, {row.point: row.raw for row in rows})
    return ReadNow(
        0.038, rows,
        technical="     0.0 ms > 00 01 00 00 00 06 03 03 00 00 00 2c\n    37.6 ms < 00 01 00 00 00 5b 03 03 58 6b 85 43 67 de b8",
        orders={order.value: (probe.plausible, probe.of) for order, probe in orders.items()},
        order_values={order.value: probe.values for order, probe in orders.items()},
    )  # fmt: skip


def _read(point: Point, known: Mapping[str, float | None]) -> tuple[float | None, int, str]:
    """Value in the canonical unit, quality, words as hex."""
    value = known.get(point.tag)
    if isinstance(point.where, MercuryPoint):
        missing = value is None
        return value, int(Quality.NO_VALUE) if missing else 0, "FF FF FF" if missing else f"{round(abs(value) * 100) % 2**24:06X}"
    if not isinstance(point.where, ModbusPoint):
        return value, 0, ""
    factor = canonical_factor(point.quantity, point.unit)
    if point.where.type != "float32":
        return value, 0, f"{round((value or 0.0) / factor) % 65536:04X}"
    straight = struct.pack(">f", (value or 0.0) / factor)
    wire = bytearray(4)
    for at, index in enumerate(byte_order(WIRE_ORDER, 4)):
        wire[index] = straight[at]
    as_read = struct.unpack(">f", bytes(wire[i] for i in byte_order(point.where.word_order, 4)))[0]
    words = bytes(wire).hex(" ", 2).upper()
    if not math.isfinite(as_read):
        return None, int(Quality.NO_VALUE), words
    return as_read * factor, 0, words
