"""A five-axis mill whose control sends lists: the load of the spindle is the highest of its drives, the feed comes in m/min.

A mapping takes one value from one place. This one needs a maximum over a list and a state made of two flags.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from data_collection.mqtt.plugin import CncMessage, CncPlugin, CncReading


class AxisLoads(CncPlugin):
    """Mills of the type DMU: payload {"drives": [{"name", "load_pct"}], "feed_m_min", "cycle_on", "alarm_active"}."""

    cnc_ids = ("DMU-*",)
    example: ClassVar[Mapping[str, object]] = {
        "cnc_id": "DMU-50-1", "part_program": "VAL_17.H", "timestamp": "2025-03-03T07:00:00Z",
        "payload": {
            "drives": [{"name": "S1", "load_pct": 41.5}, {"name": "S2", "load_pct": 12.0}, {"name": "X", "load_pct": 77.0}],
            "feed_m_min": 1.2, "cycle_on": True, "alarm_active": False,
        },
    }

    def readings(self, message: CncMessage) -> Iterable[CncReading]:
        """Spindle load [%], feed rate [m/min], execution state, program."""
        payload = message.payload
        drives = payload.get("drives")
        if isinstance(drives, list):
            loads = [float(drive["load_pct"]) for drive in drives if str(drive.get("name", "")).startswith("S")]
            if loads:
                yield CncReading("spindle_load", max(loads))
        feed = payload.get("feed_m_min")
        if isinstance(feed, int | float):
            yield CncReading("feed_rate", float(feed) * 1000.0)
        if "cycle_on" in payload:
            state = "ALARM" if payload.get("alarm_active") else "ACTIVE" if payload["cycle_on"] else "READY"
            yield CncReading("execution_state", state)
        if message.part_program is not None:
            yield CncReading("program", message.part_program)
