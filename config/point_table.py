"""Points of a profile from the rows of a table. Pure; whether they make sense is the loader's to say."""

from __future__ import annotations

from collections.abc import Sequence

from config.yaml_source import plain_scalar
from domain.errors import ConfigError

MOST_POINTS = 2000
_TEXTS = {"tag", "quantity", "unit", "table", "type", "word_order", "group", "query", "item"}
_BORDERS = ("low", "high")


def points_from(rows: Sequence[Sequence[object]]) -> list[dict[str, object]]:
    """One point a row, as a profile has them: the first row names the fields, `low` and `high` are the ends of `plausible`.

    Raises ConfigError when the first row has no column tag, or there are no points.
    """
    filled = [row for row in rows if any(not _is_empty(cell) for cell in row)]
    names = ["" if _is_empty(cell) else str(cell).strip().lower() for cell in filled[0]] if filled else []
    if "tag" not in names:
        raise ConfigError("tag: is missing; expected a column tag")
    points = [_point(names, row) for row in filled[1 : MOST_POINTS + 1]]
    if not points:
        raise ConfigError("points: are missing; expected at least one point")
    return points


def _point(names: Sequence[str], row: Sequence[object]) -> dict[str, object]:
    cells = {name: cell for name, cell in zip(names, row, strict=False) if name and not _is_empty(cell)}
    point = {name: _value(name, cell) for name, cell in cells.items() if name not in _BORDERS}
    borders = [_value(name, cells[name]) if name in cells else None for name in _BORDERS]
    return point | ({"plausible": borders} if borders != [None, None] else {})


def _is_empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _value(name: str, cell: object) -> object:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if name in _TEXTS:
        return str(cell).strip()
    if not isinstance(cell, str):
        return cell if isinstance(cell, bool | int | float) else str(cell)
    words = cell.strip()
    decimal = words.count(",") == 1 and words.replace(",", "").lstrip("-").isdigit()
    return plain_scalar(words.replace(",", ".") if decimal else words)
