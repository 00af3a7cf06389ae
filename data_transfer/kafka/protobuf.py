"""Messages as Protobuf: the same content as the JSON of data_transfer.messages, by the schema in energy.proto beside this file.

The schema file is what is shipped to readers and what is used here: the classes are made from it when the feed starts. The
library is imported by whoever has this format.
"""

from __future__ import annotations

import importlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from data_transfer.messages import Message, as_document

SCHEMA_FILE = Path(__file__).with_name("energy.proto")
CONTENT_TYPE = "application/x-protobuf"
_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s*(optional|repeated) (\w+) (\w+) = (\d+);", re.MULTILINE)


@cache
def classes() -> dict[str, Any]:
    """Message classes by name."""
    pb = importlib.import_module("google.protobuf.descriptor_pb2")
    pool = importlib.import_module("google.protobuf.descriptor_pool").DescriptorPool()
    factory = importlib.import_module("google.protobuf.message_factory")
    kinds = pb.FieldDescriptorProto
    file = pb.FileDescriptorProto(name=SCHEMA_FILE.name, package="energy", syntax="proto2")
    for name, body in _MESSAGE.findall(SCHEMA_FILE.read_text(encoding="utf-8")):
        message = file.message_type.add(name=name)
        for label, kind, field, number in _FIELD.findall(body):
            plain = getattr(kinds, f"TYPE_{kind.upper()}", None)
            message.field.add(
                name=field, number=int(number), label=getattr(kinds, f"LABEL_{label.upper()}"),
                type=kinds.TYPE_MESSAGE if plain is None else plain,
                **({"type_name": f".energy.{kind}"} if plain is None else {}),
            )  # fmt: skip
    pool.Add(file)
    names = [message.name for message in file.message_type]
    return {name: factory.GetMessageClass(pool.FindMessageTypeByName(f"energy.{name}")) for name in names}


def as_protobuf(message: Message, site: str) -> bytes:
    """Value of a Kafka message."""
    document = dict(as_document(message, site))
    del document["time"]  # the same as time_us
    if message.event is not None:
        detail = document.pop("detail")
        document["detail_json"] = json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
        return _bytes(classes()["Event"](**_present(document)))
    samples = document.pop("samples")
    made = classes()["Samples"](**_present(document))
    for sample in samples:
        made.samples.add(**_present(sample))
    return _bytes(made)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _bytes(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
