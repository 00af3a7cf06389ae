"""From places of a profile to node ids of one server: placeholders, namespace URIs, paths of browse names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.client.client import Client

from data_collection.placeholders import filled
from domain.errors import ConfigError
from domain.places.opcua import OpcUaPlace
from domain.plant import Device

_INDEX = re.compile(r"ns=\d+;")
_NUMBERED = re.compile(r"(\d{1,5}):(.+)\Z", re.DOTALL)
_ESCAPED = re.compile(r"([/:])")


@dataclass(frozen=True, slots=True)
class Address:
    """A place with its placeholders filled: `text` a node id or a path, `namespace` the URI of its namespace."""

    text: str
    namespace: str | None
    index: int | None

    @property
    def is_path(self) -> bool:
        return self.text.startswith("/")


def address_of(place: OpcUaPlace, device: Device) -> Address:
    """Raises ConfigError when a placeholder has no value or what results is no node."""
    text = filled(place.node, device)
    namespace = None if place.namespace is None else filled(place.namespace, device)
    if not text.startswith("/"):
        try:
            ua.NodeId.from_string(text)
        except (ua.UaError, ValueError) as exc:
            raise ConfigError(f"device {device.id}: {text!r} is no node id") from exc
    return Address(text, namespace, place.index)


def node_id(address: Address, namespaces: Sequence[str]) -> ua.NodeId | None:
    """The node id of an address that is none of a path; None when the server has no such namespace."""
    text = address.text
    if address.namespace is not None:
        if address.namespace not in namespaces:
            return None
        text = f"ns={namespaces.index(address.namespace)};{_INDEX.sub('', text, count=1)}"
    return ua.NodeId.from_string(text)


def browse_path(address: Address, namespaces: Sequence[str]) -> ua.BrowsePath | None:
    """The path below Objects; None when the server has no such namespace."""
    default = 0
    if address.namespace is not None:
        if address.namespace not in namespaces:
            return None
        default = namespaces.index(address.namespace)
    elements = []
    for part in address.text.strip("/").split("/"):
        numbered = _NUMBERED.match(part)
        name = ua.QualifiedName(numbered[2], int(numbered[1])) if numbered else ua.QualifiedName(part, default)
        elements.append(
            ua.RelativePathElement(
                ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences), IsInverse=False, IncludeSubtypes=True,
                TargetName=name,
            )
        )
    return ua.BrowsePath(StartingNode=ua.NodeId(ua.ObjectIds.ObjectsFolder), RelativePath=ua.RelativePath(Elements=elements))


async def resolve(client: Client, addresses: Sequence[Address]) -> Mapping[Address, ua.NodeId | None]:
    """The node of each address on this server as it is now; None for what it does not have."""
    namespaces = await client.get_namespace_array()
    found: dict[Address, ua.NodeId | None] = {}
    paths: list[tuple[Address, ua.BrowsePath]] = []
    for address in dict.fromkeys(addresses):
        if not address.is_path:
            found[address] = node_id(address, namespaces)
            continue
        path = browse_path(address, namespaces)
        if path is None:
            found[address] = None
        else:
            paths.append((address, path))
    for start in range(0, len(paths), 100):
        chunk = paths[start : start + 100]
        results = await client.uaclient.session.translate_browsepaths_to_nodeids([path for _, path in chunk])
        for (address, _), result in zip(chunk, results, strict=True):
            targets = result.Targets if result.StatusCode.is_good() else []
            found[address] = targets[0].TargetId if targets else None
    return found
