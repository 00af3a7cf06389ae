"""The plant as a tree of nodes, before any of them exists: site, sections, machines, devices, tags. Pure.

Identifiers are texts that stay the same over restarts and changes of the plant: a tag's is its name ("m1.active_power"), the
others begin with what they are ("machine:lathe-1"), what belongs to a node follows after "#".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from data_transfer.opcua_server.names import ENERGY_INDEX, MACHINERY_INDEX, MEASURED, OWN
from domain.plant import Device, Machine, Plant, Tag
from domain.profile import Point
from domain.quantity import Kind, canonical_factor
from domain.sample import TagId

SITE = "site"
OTHERS = "devices"


class Shape(Enum):
    """What a node is."""

    FOLDER = "folder"
    NUMBER = "number"
    TEXT = "text"
    WORDS = "words"  # a localized text


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node. `parents`: identifiers of those it stands under; "" the Objects folder. `names`: of a state's numbers.

    `tag`: whose values it shows, for good; `mirrors`: the tag's value times a factor.
    """

    id: str
    browse: tuple[int, str]  # namespace index, name
    shown: str
    shape: Shape
    parents: tuple[str, ...]
    about: str = ""
    unit: str = ""
    span: tuple[float, float] | None = None  # EURange, in `unit`
    names: Mapping[int, str] = field(default_factory=dict)
    tag: TagId | None = None
    mirrors: tuple[TagId, float] | None = None
    history: bool = False
    interval_s: float = 1.0


def tree(plant: Plant, tags: Sequence[Tag]) -> list[NodeSpec]:
    """All nodes, parents before children."""
    devices = {device.id: device for device in plant.devices}
    present = set(plant.tag_devices)
    of_device: dict[str, list[Tag]] = {}
    for tag in tags:
        if tag.device_id in present:
            of_device.setdefault(tag.device_id, []).append(tag)
    specs = [NodeSpec(SITE, (OWN, plant.site.name), plant.site.name, Shape.FOLDER, ("",))]
    sections = dict.fromkeys(machine.section for machine in plant.machines if machine.section)
    specs += [NodeSpec(f"section:{name}", (OWN, name), name, Shape.FOLDER, (SITE,)) for name in sections]
    fed: dict[str, list[str]] = {}
    for machine in plant.machines:
        specs += _machine(machine, of_device)
        if machine.meter is not None:
            fed.setdefault(machine.meter, []).append(f"machine:{machine.id}")
    if any(device not in fed for device in plant.tag_devices):
        specs.append(NodeSpec(OTHERS, (OWN, "Devices"), "Devices", Shape.FOLDER, (SITE,), "devices that feed no machine"))
    for device_id in plant.tag_devices:
        parents = tuple(fed.get(device_id, [OTHERS]))
        specs += _device(device_id, devices.get(device_id), of_device.get(device_id, ()), parents)
    return specs


def _machine(machine: Machine, of_device: Mapping[str, Sequence[Tag]]) -> Iterator[NodeSpec]:
    me = f"machine:{machine.id}"
    parent = f"section:{machine.section}" if machine.section else SITE
    yield NodeSpec(me, (OWN, machine.id), machine.name or machine.id, Shape.FOLDER, (parent,))
    yield NodeSpec(f"{me}#State", (OWN, "State"), "State", Shape.TEXT, (me,), "off, idle, production, alarm")
    for name in ("MachineryItemState", "MachineryOperationMode"):
        yield NodeSpec(f"{me}#{name}", (MACHINERY_INDEX, name), name, Shape.FOLDER, (me,))
        yield NodeSpec(f"{me}#{name}.CurrentState", (0, "CurrentState"), "CurrentState", Shape.WORDS, (f"{me}#{name}",))
    yield NodeSpec(f"{me}#ActivePower", (OWN, "ActivePower"), "ActivePower", Shape.NUMBER, (me,), unit="kW")
    yield NodeSpec(
        f"{me}#ShiftEnergy", (OWN, "ShiftEnergy"), "ShiftEnergy", Shape.NUMBER, (me,), "energy of the running shift", unit="kWh"
    )
    found = [tag for tag in of_device.get(machine.meter or "", ()) if tag.point in MEASURED]
    if found:
        yield NodeSpec(f"{me}#Energy", (OWN, "Energy"), "Energy", Shape.FOLDER, (me,))
    for tag in found:
        name, unit, factor = MEASURED[tag.point]
        yield NodeSpec(
            f"{me}#{name}", (ENERGY_INDEX, name), name, Shape.NUMBER, (f"{me}#Energy",), unit=unit, mirrors=(tag.id, factor),
            interval_s=tag.interval_s,
        )  # fmt: skip


def _device(device_id: str, device: Device | None, tags: Sequence[Tag], parents: tuple[str, ...]) -> Iterator[NodeSpec]:
    me = f"device:{device_id}"
    points = {point.tag: point for point in device.profile.points} if device is not None else {}
    about = device.profile.title.get("en", device.profile.name) if device is not None else ""
    yield NodeSpec(me, (OWN, device_id), device_id, Shape.FOLDER, parents, about)
    for tag in tags:
        text = tag.kind is Kind.TEXT
        yield NodeSpec(
            tag.name, (OWN, tag.point), tag.point, Shape.TEXT if text else Shape.NUMBER, (me,), unit="" if text else tag.unit,
            span=None if text else _span(points.get(tag.point)), names=tag.enum, tag=tag.id, history=not text,
            interval_s=tag.interval_s,
        )  # fmt: skip


def _span(point: Point | None) -> tuple[float, float] | None:
    """Plausible range in the canonical unit; unknown where transformer ratios still come between."""
    if point is None or point.plausible is None or point.secondary:
        return None
    factor = canonical_factor(point.quantity, point.unit)
    return point.plausible[0] * factor, point.plausible[1] * factor
