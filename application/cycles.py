"""Whether each line can carry what the plant asks of it, before anything is connected."""

from __future__ import annotations

from data_collection.collector import Collector
from domain.plant import Plant
from runtime.clock import SystemClock


def cycle_warnings(plant: Plant) -> list[str]:
    """One sentence a line whose asked scan interval cannot be met, with the calculated cycle in seconds."""
    collector = Collector(SystemClock(), lambda _reading: None)
    collector.apply(plant)
    found = []
    for line in collector.lines():
        if line.warning is None or line.cycle_calculated_s is None:
            continue
        need, asked = line.cycle_calculated_s, line.cycle_asked_s or 0.0
        verdict = "cannot meet" if need > asked else "leaves little room in"
        found.append(
            f"line {line.line_id}: one pass over its {line.devices} devices takes {need:.2f} s as calculated; "
            f"that {verdict} the shortest scan interval asked for, {asked:g} s"
        )
    return found


def cycle_table(plant: Plant) -> list[str]:
    """Calculated cycle of each line, for the electrician."""
    collector = Collector(SystemClock(), lambda _reading: None)
    collector.apply(plant)
    return [
        f"line {line.line_id:12} {line.devices:3} devices  cycle {line.cycle_calculated_s:.3f} s calculated, "
        f"{line.cycle_asked_s or 0:g} s asked"
        for line in collector.lines()
        if line.cycle_calculated_s is not None
    ]
