"""A lathe whose control sends events instead of values: each PART_DONE is one part, and the counter is made here.

The plug-in remembers how many it saw. What it remembers is lost when it is loaded again: the counter then begins at 0, which the
product takes for the reset of a counter, and no part is lost or counted twice. The broker may deliver a message twice (QoS 1), so
each event is counted by its number.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from data_collection.mqtt.plugin import CncMessage, CncPlugin, CncReading


class EventCounter(CncPlugin):
    """Lathes of the type CTX: payload {"event": "PART_DONE" | "CYCLE_START" | "CYCLE_END" | "FAULT", "number"}."""

    cnc_ids = ("CTX-*",)
    example: ClassVar[Mapping[str, object]] = {
        "cnc_id": "CTX-310-2", "part_program": "BOLT_M12.NC", "timestamp": 1741000000.25,
        "payload": {"event": "PART_DONE", "number": 4711},
    }
    _STATES: ClassVar[Mapping[str, str]] = {"CYCLE_START": "ACTIVE", "CYCLE_END": "READY", "FAULT": "ALARM"}

    def __init__(self) -> None:
        self._parts: dict[str, int] = {}
        self._last: dict[str, object] = {}

    def readings(self, message: CncMessage) -> Iterable[CncReading]:
        """Part counter, execution state, program."""
        event, number = message.payload.get("event"), message.payload.get("number")
        if event == "PART_DONE" and (number is None or self._last.get(message.cnc_id) != number):
            self._last[message.cnc_id] = number
            self._parts[message.cnc_id] = self._parts.get(message.cnc_id, 0) + 1
            yield CncReading("part_count", self._parts[message.cnc_id])
        if event in self._STATES:
            yield CncReading("execution_state", self._STATES[str(event)])
        if message.part_program is not None:
            yield CncReading("program", message.part_program)
