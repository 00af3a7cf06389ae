"""Who answers on a line, and as what profile each is recognised. Only reading requests are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from data_collection.collector import Collector
from data_collection.driver import ScanHit
from data_collection.read_now import rows_of
from domain.commissioning import NETS, Answer, ReadNowRow, ScanStep
from domain.errors import DeviceError
from domain.plant import Device, Line, Plant
from domain.profile import Profile
from domain.quality import FIRST_BAD
from domain.quantity import Quantity

LAST_ADDRESS: Final = {"mercury": 240, "modbus": 247}  # those above are broadcasts or reserved
_PROTOCOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "modbus-tcp": ("modbus",), "rtu-over-tcp": ("mercury", "modbus"), "serial": ("mercury", "modbus"),
}  # fmt: skip
_USUAL: Final = {"mercury": "mercury-234"}  # where the protocol's test tells no model
_LEAST = 2  # one register that happens to look like a voltage is chance


def protocols_of(line: Line) -> Sequence[str]:
    """The protocols in which addresses of the line can be asked; empty where devices have no addresses."""
    return _PROTOCOLS.get(line.transport, ())


def askable(addresses: Iterable[int], protocol: str) -> list[int]:
    """Those of the addresses that a device of the protocol may have."""
    return [address for address in addresses if 1 <= address <= LAST_ADDRESS[protocol]]


async def scan(
    collector: Collector, plant: Plant, line: Line, addresses: Sequence[int], profiles: Sequence[Profile]
) -> AsyncIterator[ScanStep]:
    """Ask every address in every protocol of the line, between its polls. Raises ConfigError, LineDown."""
    questions = [(address, protocol) for protocol in protocols_of(line) for address in askable(addresses, protocol)]
    taken = {device.address: device for device in plant.devices if device.line == line.id}
    found: set[int] = set()
    for n, (address, protocol) in enumerate(questions, 1):
        answer = None
        if address not in found:  # one device has one address, and one that spoke is not asked in another protocol
            async for hit in collector.scan(line, [address], protocol):
                found.add(address)
                answer = await _recognised(collector, line, hit, taken.get(address), profiles)
        yield ScanStep(n, len(questions), address, answer)


async def _recognised(
    collector: Collector, line: Line, hit: ScanHit, known: Device | None, profiles: Sequence[Profile]
) -> Answer:
    names: Sequence[str] = ()
    told = False
    if known is not None:
        names = (known.profile.name,)
    elif hit.protocol == "modbus":
        names = await _by_reading(collector, line, hit.address, [p for p in profiles if p.protocol == "modbus"])
        told = bool(names)
    elif any(profile.name == _USUAL.get(hit.protocol) for profile in profiles):
        names = (_USUAL[hit.protocol],)  # reading further needs the password, and a wrong one may lock the meter
    return Answer(
        hit.address, hit.protocol, hit.answer, hit.seconds, names, told, known.id if known is not None else None
    )


async def _by_reading(collector: Collector, line: Line, address: int, profiles: Sequence[Profile]) -> Sequence[str]:
    """Profiles under which the device shows a net that exists, those with the most such values first."""
    scores: dict[str, int] = {}
    for profile in profiles:
        points = tuple(p for p in profile.points if p.quantity in NETS)
        if not points:
            continue
        device = Device("scan", line.id, replace(profile, points=points), address)
        try:
            rows = rows_of(device, await collector.read_once(device, line))
        except DeviceError:
            continue
        if (score := likeness(rows)) >= _LEAST:
            scores[profile.name] = score
    return sorted(scores, key=lambda name: (-scores[name], name))


def likeness(rows: Sequence[ReadNowRow]) -> int:
    """How many voltages [V] and frequencies [Hz] are those of a net; 0 as soon as one is of none. A dead phase says nothing."""
    good = 0
    for row in rows:
        if row.quality >= FIRST_BAD:
            return 0
        if row.value is None or row.value == 0:
            continue
        if not any(abs(row.value - nominal) <= spread for nominal, spread in NETS[Quantity(row.quantity)]):
            return 0
        good += 1
    return good
