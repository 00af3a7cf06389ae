"""One immediate read as the electrician sees it: raw words, values, plausibility, and the four word orders side by side."""

from __future__ import annotations

from collections.abc import Sequence

from data_collection.collector import Collector
from data_collection.driver import Trace
from data_collection.word_order import probe_orders
from domain.commissioning import ReadNow, ReadNowRow
from domain.errors import DeviceError
from domain.places import Place
from domain.plant import Device, Line
from domain.ports import Clock
from domain.profile import MercuryPoint, ModbusPoint, Point
from domain.quantity import canonical_factor
from domain.sample import Reading


async def read_now(collector: Collector, clock: Clock, device: Device, line: Line) -> ReadNow:
    """Read every group of `device` once on its line. A device that does not answer is an answer too: `error` says how."""
    trace = Trace()
    started = clock.monotonic()
    try:
        readings = await collector.read_once(device, line, trace)
    except DeviceError as exc:
        return ReadNow(clock.monotonic() - started, error=exc.kind, technical=f"{exc}\n{frames_text(trace)}".strip())
    rows = rows_of(device, readings)
    orders = probe_orders(device, {row.point: row.raw for row in rows})
    return ReadNow(
        clock.monotonic() - started,
        rows,
        technical="\n".join([*trace.notes, frames_text(trace)]).strip(),
        orders={order.value: (probe.plausible, probe.of) for order, probe in orders.items()},
        order_values={order.value: probe.values for order, probe in orders.items()},
    )


def frames_text(trace: Trace) -> str:
    """What went over the wire, one frame a line."""
    if not trace.frames:
        return ""
    first = trace.frames[0][1]
    return "\n".join(f"{(at - first) * 1e3:8.1f} ms {direction} {data.hex(' ')}" for direction, at, data in trace.frames)


def rows_of(device: Device, readings: Sequence[Reading]) -> list[ReadNowRow]:
    """One row a point, in the order of the profile; points that were not read are left out."""
    values = {
        tag: (value, quality, reading.raw.get(tag, ""))
        for reading in readings
        for tag, value, quality in zip(reading.points, reading.values, reading.qualities, strict=True)
    }
    texts = {tag: (text, reading.raw.get(tag, "")) for reading in readings for tag, text in reading.texts.items()}
    rows: list[ReadNowRow] = []
    for point in device.profile.points:
        if point.tag in values:
            value, quality, raw = values[point.tag]
            rows.append(_row(point, raw, value, None, int(quality)))
        elif point.tag in texts:
            text, raw = texts[point.tag]
            rows.append(_row(point, raw, None, text, 0))
    return rows


def _row(point: Point, raw: str, value: float | None, text: str | None, quality: int) -> ReadNowRow:
    return ReadNowRow(
        point.tag, point.quantity.value, where_text(point), raw, value, text, point.canonical_unit, quality,
        _plausible(point, value),
    )


def where_text(point: Point) -> str:
    """Where the point lies, as the electrician finds it in the manual."""
    where = point.where
    if isinstance(where, ModbusPoint):
        return f"{where.table} {where.address}" + (f".{where.bit}" if where.bit is not None else "")
    if isinstance(where, MercuryPoint):
        return f"{where.query} {where.item}"
    if isinstance(where, Place):
        return where.shown
    return ", ".join(f"{name}={value}" for name, value in where.fields.items())


def _plausible(point: Point, value: float | None) -> bool | None:
    """Is the value inside the profile's range? None without a range or value."""
    if value is None or point.plausible is None:
        return None
    factor = canonical_factor(point.quantity, point.unit)
    low, high = sorted((point.plausible[0] * factor, point.plausible[1] * factor))
    return low <= value <= high
