"""read and scan: what the electrician asks of one device or line. Only reading requests are sent."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from typing import TypeVar

from application.common import CLI, run_with_database
from application.plant import read_text
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from config.settings import load_settings
from data_collection.collector import Collector
from data_collection.driver import Trace
from data_collection.registry import connects
from data_collection.scan import LAST_ADDRESS, askable, protocols_of
from data_collection.workspace import Workspace
from domain.errors import ConfigError, DeviceError, NotFound
from domain.plant import Device, Line, Plant
from domain.quality import Quality
from domain.sample import Reading
from runtime.clock import SystemClock

from application.common import Commands  # isort: skip

LONGEST_RAW = 47


def add_commands(commands: Commands) -> None:
    """read DEVICE, scan LINE."""
    read = commands.add_parser("read", help="read one device now: tag, value, unit, quality, raw words, time taken")
    read.add_argument("device")
    read.add_argument("--plant", metavar="FILE", help="a plant file instead of the stored plant")
    read.add_argument("--trace", action="store_true", help="also print every frame that was sent and received")
    read.set_defaults(run=_read)
    scan = commands.add_parser("scan", help="which addresses of a line answer, with what")
    scan.add_argument("line")
    scan.add_argument("--plant", metavar="FILE", help="a plant file instead of the stored plant")
    scan.add_argument("--from", dest="first", type=int, default=1, metavar="N", help="first address (default 1)")
    scan.add_argument("--to", dest="last", type=int, default=247, metavar="N", help="last address (default 247)")
    scan.add_argument("--protocol", choices=["modbus", "mercury", "both"], default="both")
    scan.set_defaults(run=_scan)


def _read(options: argparse.Namespace) -> int:
    plant = _plant(options.plant)
    device = _find("device", options.device, plant.devices)
    return asyncio.run(_read_device(device, plant.line(device.line), with_trace=options.trace))


async def _read_device(device: Device, line: Line, *, with_trace: bool) -> int:
    collector = _collector()
    trace = Trace()
    clock = SystemClock()
    started = clock.monotonic()
    try:
        readings = await collector.read_once(device, line, trace)
    except DeviceError as exc:
        _print_trace(trace, started)
        print(f"{device.id}: no values: {exc}")
        return 1
    if with_trace:
        _print_trace(trace, started)
    for reading in readings:
        _print_reading(device, reading)
    for note in trace.notes:
        print(note)
    print(f"{device.id} ({device.profile.name}) on {line.id} ({line.target}): {clock.monotonic() - started:.3f} s")
    return 0 if any(q == 0 for reading in readings for q in reading.qualities) else 1


def _print_reading(device: Device, reading: Reading) -> None:
    units = {point.tag: point.canonical_unit for point in device.profile.points}
    for tag, value, code in zip(reading.points, reading.values, reading.qualities, strict=True):
        quality = Quality(code)
        shown = "-" if value is None else f"{value:.6g}"
        why = "" if quality.reason is None else f" ({quality.reason})"
        print(f"{tag:28} {shown:>14} {units.get(tag, ''):6} {quality.grade + why:24} {_raw_words(reading.raw.get(tag, ''))}")
    for tag, text in reading.texts.items():
        print(f"{tag:28} {text:>14} {'':6} {'good':24} {_raw_words(reading.raw.get(tag, ''))}")


def _raw_words(raw: str) -> str:
    """Raw words of one value; of a long reply its beginning (--trace prints every frame whole)."""
    return raw if len(raw) <= LONGEST_RAW else raw[:LONGEST_RAW] + " ..."


def _print_trace(trace: Trace, started: float) -> None:
    for direction, at, data in trace.frames:
        print(f"{(at - started) * 1e3:9.1f} ms {direction} {data.hex(' ')}")


def _scan(options: argparse.Namespace) -> int:
    plant = _plant(options.plant)
    line = _find("line", options.line, plant.lines)
    highest = max(LAST_ADDRESS.values())
    if not 1 <= options.first <= options.last <= highest:
        wanted = f"expected two of 1 to {highest}, the lower one first"
        raise ConfigError(f"--from {options.first} --to {options.last} holds no address to ask; {wanted}")
    return asyncio.run(_scan_line(line, range(options.first, options.last + 1), options.protocol))


async def _scan_line(line: Line, addresses: Sequence[int], protocol: str) -> int:
    both = protocols_of(line)
    if not both:
        return await _survey_line(line)
    protocols = both if len(both) < 2 or protocol == "both" else [protocol]
    collector = _collector()
    found: set[int] = set()  # one device may answer in both protocols
    for wanted in protocols:
        asked = askable(addresses, wanted)
        if sys.stderr.isatty():  # silence takes its time: minutes for a whole bus
            print(f"asking {len(asked)} addresses in {wanted} ...", file=sys.stderr, flush=True)
        try:
            async for hit in collector.scan(line, asked, wanted):
                found.add(hit.address)
                print(f"{hit.address:4}  {hit.protocol:8} {hit.answer}  ({hit.seconds * 1e3:.0f} ms)", flush=True)
        except DeviceError as exc:
            print(f"{line.id} ({line.target}): {exc}")
            return 1
    print(f"{line.id} ({line.target}): {len(found)} of {len(addresses)} addresses answered")
    return 0 if found else 1


async def _survey_line(line: Line) -> int:
    """A line whose devices have no numbers: what it tells of itself."""
    try:
        found = await _collector().survey(line)
    except DeviceError as exc:
        print(f"{line.id} ({line.target}): {exc}")
        return 1
    if found is None:
        print(f"{line.id}: a {line.transport} line has no addresses to be asked; use read DEVICE")
        return 2
    for item in found:
        print(f"{item.where}  {item.answer}")
    print(f"{line.id} ({line.target}): {len(found)} found")
    return 0 if found else 1


def _collector() -> Collector:
    return Collector(SystemClock(), lambda _reading: None, connects(Workspace(load_settings().data_dir)))


def _plant(file: str | None) -> Plant:
    if file is not None:
        from pathlib import Path  # noqa: PLC0415

        catalog = ProfileCatalog.load(load_settings().data_dir / "profiles")
        return parse_plant(read_text(Path(file)), file=file, catalog=catalog, environ=os.environ).plant
    found: list[Plant] = []

    async def take(app: CLI) -> int:
        found.append(app.plant.plant)
        return 0

    run_with_database(take)
    return found[0]


_Item = TypeVar("_Item", Device, Line)


def _find(what: str, wanted: str, known: Sequence[_Item]) -> _Item:
    for item in known:
        if item.id == wanted:
            return item
    raise NotFound(what, wanted, tuple(item.id for item in known))
