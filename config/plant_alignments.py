"""The section `alignments` of a plant file: tags of different rates brought onto one time grid."""

from __future__ import annotations

from config.fields import Fields
from config.plant_alerts import Surroundings
from config.plant_entries import read_entries
from domain.alignment import AlignedSeries, Alignment, AlignMode
from domain.quantity import Kind

MOST, MOST_SERIES = 50, 100
SHORTEST_MS, LONGEST_MS = 10, 3_600_000


def read_alignments(fields: Fields, around: Surroundings) -> tuple[Alignment, ...]:
    """Each by itself; ids are unique."""
    return read_entries(fields, "alignments", "alignment", MOST, lambda group, own: _read(group, own, around))


def _read(group: Fields, alignment_id: str | None, around: Surroundings) -> Alignment | None:
    name = group.text("name", alignment_id, longest=100)
    grid_ms = group.whole("grid_ms", 1000, low=SHORTEST_MS, high=LONGEST_MS) or 1000
    deadline_ms = group.whole("deadline_ms", 2 * grid_ms, low=SHORTEST_MS, high=LONGEST_MS) or grid_ms
    entries = group.entries("series")
    if not entries:
        group.problem("series", "holds no tags", "at least one tag to align")
    elif len(entries) > MOST_SERIES:
        group.problem("series", f"has {len(entries)} entries", f"at most {MOST_SERIES}")
        return None
    series: list[AlignedSeries] = []
    for entry, path in entries:
        one = Fields(entry, path, group.report)
        read = _series(one, grid_ms, around)
        if read is not None and any(known.tag == read.tag for known in series):
            one.problem("tag", f"{read.tag!r} stands twice", "each tag once")
        elif read is not None:
            series.append(read)
        one.finish()
    if alignment_id is None or not series:
        return None
    return Alignment(alignment_id, name or alignment_id, grid_ms, deadline_ms, tuple(series))


def _series(one: Fields, grid_ms: int, around: Surroundings) -> AlignedSeries | None:
    tag = one.text("tag", required=True)
    mode = one.choice("mode", [mode.value for mode in AlignMode], AlignMode.HOLD.value)
    tolerance_ms = one.whole("tolerance_ms", grid_ms, low=0, high=LONGEST_MS)
    if tag is None:
        return None
    point = around.point(one, "tag", tag)
    if point is not None and point.quantity.kind is Kind.TEXT:
        one.problem("tag", f"{tag!r} is a text", "a tag that is a number")
        return None
    return AlignedSeries(tag, AlignMode(mode or "hold"), grid_ms if tolerance_ms is None else tolerance_ms)
