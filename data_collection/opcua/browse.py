"""The server's tree, one level at a time, for choosing nodes. Only reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from asyncua import ua
from asyncua.client.client import Client

from data_collection.opcua.values import NotOne, plain
from domain.browse import BrowsedNode

MOST_CHILDREN: Final = 2000
_CHUNK: Final = 200
LONGEST_VALUE: Final = 80


async def children(client: Client, parent: str | None) -> Sequence[BrowsedNode]:
    """What lies below a node (None: below Objects), variables with their present values. Raises what asyncua raises."""
    namespaces = await client.get_namespace_array()
    start = ua.NodeId(ua.ObjectIds.ObjectsFolder) if parent is None else ua.NodeId.from_string(parent)
    found = await _references(client, start)
    variables = [ref.NodeId for ref in found if ref.NodeClass == ua.NodeClass.Variable]
    values = await _values(client, variables)
    nodes = []
    for ref in found:
        node = ref.NodeId
        index = int(node.NamespaceIndex)
        value = values.get(node)
        nodes.append(
            BrowsedNode(
                node.to_string(), ref.DisplayName.Text or ref.BrowseName.Name or node.to_string(),
                namespaces[index] if 0 < index < len(namespaces) else None,
                ref.NodeClass == ua.NodeClass.Variable, *_told(value),
            )
        )
    return nodes


async def _references(client: Client, start: ua.NodeId) -> list[ua.ReferenceDescription]:
    description = ua.BrowseDescription(
        NodeId=start, BrowseDirection=ua.BrowseDirection.Forward,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences), IncludeSubtypes=True,
        NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable, ResultMask=ua.BrowseResultMask.All,
    )
    session = client.uaclient.session
    (result,) = await session.browse(
        ua.BrowseParameters(RequestedMaxReferencesPerNode=1000, NodesToBrowse=[description])
    )
    result.StatusCode.check()
    found = list(result.References or [])
    while result.ContinuationPoint and len(found) < MOST_CHILDREN:
        (result,) = await session.browse_next(
            ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=[result.ContinuationPoint])
        )
        found += result.References or []
    once = {ref.NodeId: ref for ref in found[:MOST_CHILDREN]}
    return list(once.values())


async def _values(client: Client, nodes: Sequence[ua.NodeId]) -> dict[ua.NodeId, ua.DataValue]:
    found: dict[ua.NodeId, ua.DataValue] = {}
    for start in range(0, len(nodes), _CHUNK):
        chunk = list(nodes[start : start + _CHUNK])
        results = await client.uaclient.session.read_attributes(chunk, ua.AttributeIds.Value)
        found |= dict(zip(chunk, results, strict=True))
    return found


def _told(value: ua.DataValue | None) -> tuple[str, str, int | None]:
    """(value for people, type, length of an array)."""
    if value is None:
        return "", "", None
    if value.StatusCode is not None and not value.StatusCode.is_good():
        return value.StatusCode.name, "", None
    if value.Value is None or value.Value.Value is None:
        return "", "", None
    raw = value.Value.Value
    length = len(raw) if isinstance(raw, list | tuple) else None
    try:
        shown = str(plain(raw, None)) if length is None else ", ".join(str(plain(item, None)) for item in raw[:8])
    except NotOne:
        shown = ""
    shown = "".join(char for char in shown if char.isprintable())[:LONGEST_VALUE]
    return shown, value.Value.VariantType.name, length
