"""What an MTConnect agent answers: the streams document of `current` and `sample`, and its errors. Pure.

Source: MTConnect Standard part 1 (Header, Errors) and part 3 (Streams), versions 1.1 to 2.x: names of elements are taken without
their namespace. A document with a DTD is refused, so nothing in it can be expanded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from data_collection.mtconnect.observation import UNAVAILABLE, Level, Observation
from data_collection.source_time import time_us
from domain.errors import DecodeError

LARGEST: Final = 32 * 1024 * 1024
_DEEPEST: Final = 64
_CONDITIONS: Final[Mapping[str, Level | None]] = {
    "Normal": Level.NORMAL, "Warning": Level.WARNING, "Fault": Level.FAULT, "Unavailable": None,
}  # fmt: skip
_GROUPS: Final = frozenset({"Samples", "Events", "Condition"})


@dataclass(slots=True)
class Answer:
    """`instance`: changes when the agent was started again; then sequence numbers begin anew. `next_sequence`: where to go on.

    `devices`: observations by device name or uuid. `errors`: (code, text) of an error document.
    """

    instance: str = ""
    next_sequence: int | None = None
    devices: dict[str, list[Observation]] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)


class _Reader:
    """Handlers of one document."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._path: list[str] = []
        self._device: list[Observation] = []
        self._attributes: Mapping[str, str] = {}
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._path.append(local)
        if len(self._path) > _DEEPEST:
            raise DecodeError(f"the document is nested deeper than {_DEEPEST}")
        if local == "Header":
            self.answer.instance = attributes.get("instanceId", "")
            sequence = attributes.get("nextSequence", "")
            self.answer.next_sequence = int(sequence) if sequence.isdecimal() and len(sequence) < 25 else None
        elif local == "DeviceStream":
            name = attributes.get("name") or attributes.get("uuid", "")
            self._device = self.answer.devices.setdefault(name, [])
        self._attributes, self._text = attributes, []

    def characters(self, text: str) -> None:
        self._text.append(text)

    def end(self, _name: str) -> None:
        local = self._path.pop()
        parent = self._path[-1] if self._path else ""
        if parent in _GROUPS and "dataItemId" in self._attributes:
            self._device.append(self._observation(local, parent == "Condition"))
            self._attributes = {}
        elif local == "Error":
            self.answer.errors.append((self._attributes.get("errorCode", ""), "".join(self._text).strip()))

    def _observation(self, local: str, is_condition: bool) -> Observation:
        found, text = self._attributes, "".join(self._text).strip()
        at_us = time_us(found.get("timestamp"))
        item, other = found.get("name") or found["dataItemId"], found["dataItemId"]
        if is_condition:
            level, code = _CONDITIONS.get(local), found.get("nativeCode", "")
            return Observation(item, at_us, text or None, level, code, is_condition=True, other_name=other)
        return Observation(item, at_us, None if text == UNAVAILABLE else text, other_name=other)


def read(document: bytes) -> Answer:
    """The answer of an agent. Raises DecodeError for what is no MTConnect document."""
    if len(document) > LARGEST:
        raise DecodeError(f"the answer is longer than {LARGEST} bytes")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _refuse_dtd
    try:
        parser.Parse(document, True)
    except expat.ExpatError as exc:
        raise DecodeError(f"the answer is no XML: {exc}") from exc
    if not reader.answer.instance and not reader.answer.errors:
        raise DecodeError("the answer is no document of an MTConnect agent")
    return reader.answer


def _refuse_dtd(*_: object) -> None:
    raise DecodeError("the answer declares a document type, which an MTConnect agent never does")
