"""What became of the numbered answers of the generator: rows of any database against what the units say they answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text

from database.engine import Store
from tests.e2e.generator import TAGS, Generator

QUERY = "SELECT t.name, s.time_us, s.value FROM sample s JOIN tag t ON t.id = s.tag_id WHERE s.quality = 0 ORDER BY s.time_us"
APART_S = 2.0  # between a unit's answer and the time under which it is stored
SETTLED_S = 2.0  # at most that much before a kill may be missing
Numbered = Mapping[tuple[int, int], Sequence[tuple[int, int]]]


def numbered(rows: Iterable[Sequence[Any]]) -> Numbered:
    """(time, n) of each (unit, tag), from rows of QUERY; the value tells all three."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for name, time_us, value in rows:
        device, point = str(name).split(".")
        key = int(device[1:]), int(point[1:])
        unit, rest = divmod(round(value), 100_000_000)
        tag, n = divmod(rest, 10_000_000)
        assert (unit, tag) == key, f"{name} holds a value of unit {unit}, tag {tag}"
        found[key].append((int(time_us), n))
    return found


async def stored(store: Store) -> Numbered:
    """What lies in the tables of a database."""
    async with store.read() as connection:
        return numbered(tuple(row) for row in (await connection.execute(text(QUERY))).all())


def orderly(made: Generator, rows: Numbered, apart_s: float = APART_S) -> None:
    """All tags are there; no double, no disorder, no time further than `apart_s` from the answer's."""
    assert len(rows) == len(made.units) * TAGS
    for (number, tag), own in rows.items():
        unit = made.units[number - 1]
        numbers = [n for _, n in own]
        assert numbers == sorted(set(numbers)), f"unit {number} tag {tag}: doubled or out of order"
        for time_us, n in own:
            assert abs(time_us / 1e6 - unit.answered[n]) < apart_s, f"unit {number}: answer {n} is stored under a wrong time"


def missing(made: Generator, rows: Numbered) -> dict[tuple[int, int], set[int]]:
    """Numbers of the answers that are not there, of each (unit, tag) that misses any."""
    gone = {key: set(range(len(made.units[key[0] - 1].answered))) - {n for _, n in own} for key, own in rows.items()}
    return {key: numbers for key, numbers in gone.items() if numbers}


def lost(made: Generator, rows: Numbered) -> dict[tuple[int, int], set[int]]:
    """The same without each unit's last answer: that one may have come when the program no longer listened."""
    gone = {key: numbers - {len(made.units[key[0] - 1].answered) - 1} for key, numbers in missing(made, rows).items()}
    return {key: numbers for key, numbers in gone.items() if numbers}


def check(made: Generator, rows: Numbered, stops: Sequence[float], apart_s: float = APART_S) -> int:
    """In order, and what is missing was answered in the last moments before a stop. How many rows."""
    orderly(made, rows, apart_s)
    for (number, tag), numbers in missing(made, rows).items():
        for n in numbers:
            at = made.units[number - 1].answered[n]
            assert any(-0.5 <= stop - at <= SETTLED_S for stop in stops), f"unit {number} tag {tag}: answer {n} is lost"
    return sum(len(own) for own in rows.values())
