"""The payload of Sparkplug B, for who listens and who publishes.

Source: Eclipse Sparkplug 3.0.0, chapter 6 (payloads) and its protobuf schema; only what this program reads or writes is defined,
other fields are passed over. The library is imported by the first who asks for the class.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

NAMESPACE: Final = "spBv1.0"
_METRIC_FIELDS: Final[Mapping[str, tuple[int, str]]] = {
    "name": (1, "STRING"), "alias": (2, "UINT64"), "timestamp": (3, "UINT64"), "datatype": (4, "UINT32"),
    "is_historical": (5, "BOOL"), "is_transient": (6, "BOOL"), "is_null": (7, "BOOL"),
}  # fmt: skip
_VALUE_FIELDS: Final[Mapping[str, tuple[int, str]]] = {
    "int_value": (10, "UINT32"), "long_value": (11, "UINT64"), "float_value": (12, "FLOAT"), "double_value": (13, "DOUBLE"),
    "boolean_value": (14, "BOOL"), "string_value": (15, "STRING"), "bytes_value": (16, "BYTES"),
}  # fmt: skip
_PROPERTY_VALUES: Final[Mapping[str, tuple[int, str]]] = {"int_value": (3, "UINT32"), "string_value": (8, "STRING")}


@cache
def payload_class() -> Any:
    """The message class of a payload, made from its field numbers."""
    pb = importlib.import_module("google.protobuf.descriptor_pb2")
    pool = importlib.import_module("google.protobuf.descriptor_pool").DescriptorPool()
    factory = importlib.import_module("google.protobuf.message_factory")
    types = pb.FieldDescriptorProto
    file = pb.FileDescriptorProto(name="energy_sparkplug_b.proto", package="energy.sparkplug", syntax="proto2")
    payload = file.message_type.add(name="Payload")

    def one(message: Any, name: str, number: int, kind: str, **more: Any) -> None:
        message.field.add(name=name, number=number, type=getattr(types, f"TYPE_{kind}"), label=types.LABEL_OPTIONAL, **more)

    def many(message: Any, name: str, number: int, kind: str, of: str | None = None) -> None:
        named = {"type_name": f".energy.sparkplug.Payload.{of}"} if of else {}
        message.field.add(name=name, number=number, type=getattr(types, f"TYPE_{kind}"), label=types.LABEL_REPEATED, **named)

    value = payload.nested_type.add(name="PropertyValue")
    one(value, "type", 1, "UINT32")
    one(value, "is_null", 2, "BOOL")
    value.oneof_decl.add(name="value")
    for name, (number, kind) in _PROPERTY_VALUES.items():
        one(value, name, number, kind, oneof_index=0)
    properties = payload.nested_type.add(name="PropertySet")
    many(properties, "keys", 1, "STRING")
    many(properties, "values", 2, "MESSAGE", "PropertyValue")
    metric = payload.nested_type.add(name="Metric")
    for name, (number, kind) in _METRIC_FIELDS.items():
        one(metric, name, number, kind)
    one(metric, "properties", 9, "MESSAGE", type_name=".energy.sparkplug.Payload.PropertySet")
    metric.oneof_decl.add(name="value")
    for name, (number, kind) in _VALUE_FIELDS.items():
        one(metric, name, number, kind, oneof_index=0)
    one(payload, "timestamp", 1, "UINT64")
    many(payload, "metrics", 2, "MESSAGE", "Metric")
    one(payload, "seq", 3, "UINT64")
    pool.Add(file)
    return factory.GetMessageClass(pool.FindMessageTypeByName("energy.sparkplug.Payload"))
