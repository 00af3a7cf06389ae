"""What must hold between the points of a profile: one meaning a tag, no value over another, room in one read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from config.problems import Path, Report
from config.profile_points import BIT_TABLES, registers_of
from domain.profile import ModbusPoint, Point

Placed = tuple[Point, Path]


def check_tags(points: Sequence[Placed], report: Report) -> None:
    """A tag stands once."""
    seen: dict[str, Path] = {}
    for point, path in points:
        if point.tag in seen:
            line = report.line(seen[point.tag])
            where = "" if line is None else f" (first in line {line})"
            report.problem((*path, "tag"), f"{point.tag!r} stands twice{where}", "each tag once")
        seen.setdefault(point.tag, path)


def check_overlaps(points: Sequence[Placed], overlapping: Collection[str], report: Report) -> None:
    """Two values may share registers only as bits of one register, or when one says `overlaps: true`."""
    by_table: dict[str, list[tuple[int, int, Point, Path]]] = {}
    for point, path in points:
        where = point.where
        if isinstance(where, ModbusPoint):
            by_table.setdefault(where.table, []).append((where.address, where.address + registers_of(where), point, path))
    for table, placed in by_table.items():
        placed.sort(key=lambda item: item[:2])
        open_ones: list[tuple[int, int, Point, Path]] = []
        for item in placed:
            open_ones = [other for other in open_ones if other[1] > item[0]]
            for other in open_ones:
                if not _may_share(item[2], other[2], overlapping):
                    report.problem(
                        (*item[3], "address"),
                        f"{item[2].tag} ({_span(item)}) lies over {other[2].tag} ({_span(other)}) in the table {table}",
                        "other addresses, or overlaps: true where that is meant",
                    )
            open_ones.append(item)


def check_reads(points: Sequence[Placed], max_registers: int, report: Report) -> None:
    """Each value fits into one read."""
    for point, path in points:
        where = point.where
        if isinstance(where, ModbusPoint) and where.table not in BIT_TABLES and registers_of(where) > max_registers:
            report.problem(
                path, f"{point.tag} takes {registers_of(where)} registers, one read brings {max_registers}",
                "a value that fits into one read, or larger max_registers",
            )


def occupied(points: Sequence[Point]) -> Mapping[str, set[int]]:
    """The addresses of each table that the points take."""
    taken: dict[str, set[int]] = {}
    for point in points:
        if isinstance(point.where, ModbusPoint):
            start = point.where.address
            taken.setdefault(point.where.table, set()).update(range(start, start + registers_of(point.where)))
    return taken


def _may_share(one: Point, other: Point, overlapping: Collection[str]) -> bool:
    if one.tag in overlapping or other.tag in overlapping:
        return True
    a, b = one.where, other.where
    if not isinstance(a, ModbusPoint) or not isinstance(b, ModbusPoint) or a.address != b.address:
        return False
    if a.bit is not None and b.bit is not None:
        return a.bit != b.bit
    return (a.bit is None) != (b.bit is None) and registers_of(a) == registers_of(b)


def _span(item: tuple[int, int, Point, Path]) -> str:
    return f"{item[0]}" if item[1] == item[0] + 1 else f"{item[0]} to {item[1] - 1}"
