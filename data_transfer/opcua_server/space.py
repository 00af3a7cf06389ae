"""Nodes of the plant in the address space: put there, and put there anew when the plant changes, their values kept.

They are written into the library's table of nodes directly: its way of adding one at a time costs a hundred times more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from asyncua import ua
from asyncua.server.address_space import AddressSpace, AttributeValue, NodeData

from data_transfer.opcua_server.names import OWN
from data_transfer.opcua_server.slots import Slot
from data_transfer.opcua_server.tree import NodeSpec, Shape
from data_transfer.opcua_server.units import engineering_unit
from domain.sample import TagId

A = ua.AttributeIds
_I: Final = ua.ObjectIds
_OBJECTS: Final = ua.NodeId(_I.ObjectsFolder)
_FOLDER: Final = ua.NodeId(_I.FolderType)
_PROPERTY: Final = ua.NodeId(_I.PropertyType)
_VARIABLE: Final = ua.NodeId(_I.BaseDataVariableType)
_ANALOG_RANGE: Final = ua.NodeId(_I.AnalogItemType)
_ANALOG_UNIT: Final = ua.NodeId(_I.AnalogUnitType)
_ORGANIZES: Final = ua.NodeId(_I.Organizes)
_COMPONENT: Final = ua.NodeId(_I.HasComponent)
_HAS_PROPERTY: Final = ua.NodeId(_I.HasProperty)
_TYPE: Final = ua.NodeId(_I.HasTypeDefinition)
_READ: Final = 1 << ua.AccessLevel.CurrentRead
_READ_HISTORY: Final = _READ | 1 << ua.AccessLevel.HistoryRead
_KINDS: Final = {
    Shape.NUMBER: (ua.VariantType.Double, _I.Double), Shape.TEXT: (ua.VariantType.String, _I.String),
    Shape.WORDS: (ua.VariantType.LocalizedText, _I.LocalizedText),
}  # fmt: skip


def _shared(value: object, kind: ua.VariantType) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value, kind))


_NO_MASK: Final = _shared(0, ua.VariantType.UInt32)
_NO_EVENTS: Final = _shared(0, ua.VariantType.Byte)
_SCALAR: Final = _shared(-1, ua.VariantType.Int32)
_FALSE, _TRUE = _shared(False, ua.VariantType.Boolean), _shared(True, ua.VariantType.Boolean)


class Space:
    """The plant's nodes of one server. One thread only."""

    def __init__(self, address_space: AddressSpace) -> None:
        self._all = address_space
        self._specs: dict[str, NodeSpec] = {}
        self.slots: dict[str, Slot] = {}  # by identifier
        self.by_tag: dict[TagId, Slot] = {}
        self.tag_of: dict[str, NodeSpec] = {}  # those with history
        self._own: list[ua.NodeId] = []

    def apply(self, specs: Sequence[NodeSpec], now_us: int) -> bool:
        """Take over the tree; what stays keeps its value and who is told. Says whether anything is other than before."""
        wanted = {spec.id: spec for spec in specs}
        if wanted == self._specs:
            return False
        before = self._specs
        self._clear()
        for name in [name for name in self.slots if name not in wanted or not _same_kind(before[name], wanted[name])]:
            self.slots.pop(name).remove(now_us)
        self._specs = wanted
        for spec in specs:
            self._add(spec)
        self.by_tag = {spec.tag: self.slots[spec.id] for spec in specs if spec.tag is not None}
        self.tag_of = {spec.id: spec for spec in specs if spec.history}
        self._tie(specs, now_us)
        return True

    def slot(self, node: ua.NodeId) -> Slot | None:
        """Of a variable of the plant."""
        return self.slots.get(node.Identifier) if node.NamespaceIndex == OWN and isinstance(node.Identifier, str) else None

    def _tie(self, specs: Sequence[NodeSpec], now_us: int) -> None:
        """Those that say what a tag says."""
        for slot in self.by_tag.values():
            slot.mirrors.clear()
        for spec in specs:
            source = self.by_tag.get(spec.mirrors[0]) if spec.mirrors is not None else None
            if source is not None and spec.mirrors is not None:
                source.mirrors.append((self.slots[spec.id], spec.mirrors[1]))
                if source.time_us and not self.slots[spec.id].time_us:
                    value = source.value * spec.mirrors[1] if isinstance(source.value, float) else None
                    self.slots[spec.id].write(value, source.status, source.time_us, now_us)

    def _clear(self) -> None:
        for node in self._own:
            del self._all[node]
        own = set(self._own)
        objects = self._all[_OBJECTS]
        objects.references = [ref for ref in objects.references if ref.NodeId not in own]
        self._own = []

    # -- one node -----------------------------------------------------------------------------------------------------

    def _add(self, spec: NodeSpec) -> None:
        node = ua.NodeId(spec.id, OWN)
        if spec.shape is Shape.FOLDER:
            self._put(node, ua.NodeClass.Object, spec.browse, spec.shown, spec.about, _FOLDER, {A.EventNotifier: _NO_EVENTS})
        else:
            self._variable(node, spec)
        for parent in spec.parents:
            above = self._all[ua.NodeId(parent, OWN) if parent else _OBJECTS]
            _refer(above, self._all[node], _ORGANIZES if spec.shape is Shape.FOLDER else _COMPONENT)

    def _variable(self, node: ua.NodeId, spec: NodeSpec) -> None:
        kind, data_type = _KINDS[spec.shape]
        span = spec.span[1] - spec.span[0] if spec.span is not None else None
        slot = self.slots.get(spec.id)
        if slot is None:
            slot = self.slots[spec.id] = Slot(kind, span)
        slot.span = span
        unit = engineering_unit(spec.unit)
        type_of = _VARIABLE if unit is None else _ANALOG_UNIT if spec.span is None else _ANALOG_RANGE
        access = _shared(_READ_HISTORY if spec.history else _READ, ua.VariantType.Byte)
        self._put(node, ua.NodeClass.Variable, spec.browse, spec.shown, spec.about, type_of, {
            A.DataType: _shared(ua.NodeId(data_type), ua.VariantType.NodeId), A.ValueRank: _SCALAR, A.AccessLevel: access,
            A.UserAccessLevel: access, A.Historizing: _TRUE if spec.history else _FALSE,
            A.MinimumSamplingInterval: _shared(1000.0 * spec.interval_s, ua.VariantType.Double),
        }, slot.data_value)  # fmt: skip
        if unit is not None:
            self._property(node, "EngineeringUnits", unit, _I.EUInformation)
        if spec.span is not None:
            self._property(node, "EURange", ua.Range(Low=spec.span[0], High=spec.span[1]), _I.Range)
        if spec.names:
            values = [ua.EnumValueType(Value=n, DisplayName=ua.LocalizedText(name)) for n, name in sorted(spec.names.items())]
            self._property(node, "EnumValues", values, _I.EnumValueType)

    def _property(self, owner: ua.NodeId, name: str, value: object, data_type: int) -> None:
        node = ua.NodeId(f"{owner.Identifier}#{name}", OWN)
        access = _shared(_READ, ua.VariantType.Byte)
        rank = _shared(1, ua.VariantType.Int32) if isinstance(value, list) else _SCALAR
        self._put(node, ua.NodeClass.Variable, (0, name), name, "", _PROPERTY, {
            A.DataType: _shared(ua.NodeId(data_type), ua.VariantType.NodeId), A.ValueRank: rank, A.AccessLevel: access,
            A.UserAccessLevel: access, A.Historizing: _FALSE, A.Value: _shared(value, ua.VariantType.ExtensionObject),
        })  # fmt: skip
        _refer(self._all[owner], self._all[node], _HAS_PROPERTY)

    def _put(
        self, node: ua.NodeId, node_class: ua.NodeClass, browse: tuple[int, str], shown: str, about: str, type_of: ua.NodeId,
        more: Mapping[ua.AttributeIds, ua.DataValue], callback: Callable[..., ua.DataValue] | None = None,
    ) -> None:
        data = NodeData(node)
        values: dict[ua.AttributeIds, Any] = {
            A.NodeId: _shared(node, ua.VariantType.NodeId), A.NodeClass: _shared(node_class, ua.VariantType.Int32),
            A.BrowseName: _shared(ua.QualifiedName(browse[1], browse[0]), ua.VariantType.QualifiedName),
            A.DisplayName: _shared(ua.LocalizedText(shown), ua.VariantType.LocalizedText),
            A.Description: _shared(ua.LocalizedText(about or None), ua.VariantType.LocalizedText),
            A.WriteMask: _NO_MASK, A.UserWriteMask: _NO_MASK, **more,
        }  # fmt: skip
        data.attributes = {attribute: AttributeValue(value) for attribute, value in values.items()}
        if callback is not None:
            data.attributes[A.Value] = AttributeValue(_NO_MASK)
            data.attributes[A.Value].value_callback = callback
        data.references.append(ua.ReferenceDescription(
            ReferenceTypeId=_TYPE, IsForward=True, NodeId=type_of, NodeClass=ua.NodeClass.Unspecified,
            BrowseName=_attribute(self._all[type_of], A.BrowseName), DisplayName=_attribute(self._all[type_of], A.DisplayName),
        ))  # fmt: skip
        self._all[node] = data
        self._own.append(node)


def _refer(parent: NodeData, child: NodeData, kind: ua.NodeId) -> None:
    """Both ways."""
    type_of = child.references[0].NodeId
    parent.references.append(_reference(child, kind, type_of, forward=True))
    child.references.append(_reference(parent, kind, ua.NodeId(), forward=False))


def _reference(target: NodeData, kind: ua.NodeId, type_of: ua.NodeId, *, forward: bool) -> ua.ReferenceDescription:
    return ua.ReferenceDescription(
        ReferenceTypeId=kind, IsForward=forward, NodeId=target.nodeid, NodeClass=_attribute(target, A.NodeClass),
        BrowseName=_attribute(target, A.BrowseName), DisplayName=_attribute(target, A.DisplayName), TypeDefinition=type_of,
    )  # fmt: skip


def _attribute(data: NodeData, attribute: ua.AttributeIds) -> Any:
    value = data.attributes[attribute].value
    return value.Value.Value if value is not None and value.Value is not None else None


def _same_kind(old: NodeSpec, new: NodeSpec) -> bool:
    """Is it the same variable to somebody who watches it?"""
    return old.shape is new.shape and old.tag == new.tag and old.unit == new.unit
