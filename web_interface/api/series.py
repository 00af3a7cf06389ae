"""A period of several tags: the step that fits, the points, and their JSON form; tables.py has the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.plant import Tag
from domain.ports import Step
from domain.quantity import Kind
from web_interface.api.problems import BadParameter, TooLarge
from web_interface.api.tables import Table, raw_table, rollup_table
from web_interface.api.times import rfc3339, rfc3339_column
from web_interface.services.trends import HistoryService

MOST_POINTS = 100_000
AUTO_POINTS = 5_000
STEPS = (Step.RAW, Step.M1, Step.M15, Step.H1, Step.D1)


def expected_points(tag: Tag, step: Step, from_us: int, to_us: int) -> int:
    """How many points that would be, at most (raw: at the nominal interval)."""
    width_s = step.seconds or max(tag.interval_s, 0.01)
    return int((to_us - from_us) / 1e6 / width_s) + 1


async def fetch(
    history: HistoryService, tags: Sequence[Tag], step: Step | None, from_us: int, to_us: int, max_points: int = AUTO_POINTS
) -> tuple[Step, list[Table]]:
    """With `step` None the finest that gives at most `max_points` a tag. Raises TooLarge for over 100 000 points."""
    for tag in tags:
        if tag.kind is Kind.TEXT:
            raise BadParameter("tag", f"{tag.name} holds text: it has a latest value, but no series")
    if step is not None:
        tables = await _fetch(history, tags, step, from_us, to_us, MOST_POINTS)
        if tables is None:
            raise TooLarge(
                f"that would be more than {MOST_POINTS} points; ask for a shorter span, fewer tags or a coarser step", MOST_POINTS
            )
        return step, tables
    for candidate in STEPS:
        if any(expected_points(tag, candidate, from_us, to_us) > max_points + 1 for tag in tags) and candidate is not Step.D1:
            continue
        most = min(MOST_POINTS, (max_points + 1) * len(tags))
        tables = await _fetch(history, tags, candidate, from_us, to_us, most)
        if tables is not None:
            return candidate, tables
    raise TooLarge(f"even by day that would be more than {max_points} points a tag", max_points)


async def _fetch(
    history: HistoryService, tags: Sequence[Tag], step: Step, from_us: int, to_us: int, most: int
) -> list[Table] | None:
    """None when there are more than `most` points."""
    if step is not Step.RAW and sum(expected_points(tag, step, from_us, to_us) for tag in tags) > most + len(tags):
        return None
    tables: list[Table] = []
    left = most
    for tag in tags:
        if step is Step.RAW:
            table = raw_table(tag, await history.raw(tag.name, from_us, to_us, left + 1))
        else:
            table = rollup_table(tag, await history.rollup(tag.name, step, from_us, to_us))
        left -= len(table)
        if left < 0:
            return None
        tables.append(table)
    return tables


def as_json(step: Step, tables: Sequence[Table], from_us: int, to_us: int) -> dict[str, Any]:
    """The JSON form; points are rows."""
    return {
        "from": rfc3339(from_us),
        "to": rfc3339(to_us),
        "step": step.value,
        "series": [
            {
                "tag": table.tag.name,
                "unit": table.tag.unit,
                "columns": table.columns,
                "points": list(zip(rfc3339_column(table.data[0]), *table.data[1:], strict=True)),
            }
            for table in tables
        ],
    }
