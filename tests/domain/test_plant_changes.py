"""Changes of two people in one part of the plant come together, or the second is told."""

from __future__ import annotations

import pytest

from domain.errors import Conflict
from domain.plant_changes import merged

DAY = {"name": "day", "start": "08:00", "end": "20:00", "rotation": {"on": [1, 2]}}
OTHER = {**DAY, "rotation": {"on": [3, 4]}}
NIGHT = {"name": "night", "start": "20:00", "end": "08:00"}


@pytest.mark.parametrize(("known", "wanted", "stored", "expected"), [
    ({"a": 1, "b": 2}, {"a": 5, "b": 2}, {"a": 1, "b": 2, "c": 3}, {"a": 5, "b": 2, "c": 3}),
    ({"a": 1, "b": 0}, {"a": 1}, {"a": 4, "b": 0}, {"a": 4}),
    (None, [{"id": "x"}], [{"id": "y"}], [{"id": "y"}, {"id": "x"}]),
    ([{"id": "x", "n": 1}], [], [{"id": "x", "n": 1}, {"id": "y"}], [{"id": "y"}]),
    ([{"id": "x", "n": 1}], [{"id": "x", "n": 2}], [{"id": "x", "n": 2}, {"id": "y"}], [{"id": "x", "n": 2}, {"id": "y"}]),
    ([DAY, OTHER], [DAY, OTHER, NIGHT], [OTHER], [OTHER, NIGHT]),  # nothing tells both days apart but all they say
    ({"holidays": [{"date": "2026-05-02"}]}, {"holidays": [{"date": "2026-05-02"}, {"date": "2026-01-09"}]},
     {"country": "RU", "holidays": [{"date": "2026-05-02"}, {"date": "2026-03-09"}]},
     {"country": "RU", "holidays": [{"date": "2026-01-09"}, {"date": "2026-03-09"}, {"date": "2026-05-02"}]}),
])  # fmt: skip
def test_what_touches_different_entries_comes_together(known: object, wanted: object, stored: object, expected: object) -> None:
    assert merged(known, wanted, stored) == expected


@pytest.mark.parametrize(("known", "wanted", "stored"), [
    ({"a": 1}, {"a": 2}, {"a": 3}),
    ({"a": 1}, {}, {"a": 3}),
    ([{"id": "x", "n": 1}], [{"id": "x", "n": 2}], []),
    ([], [{"id": "x", "n": 2}], [{"id": "x", "n": 3}]),
    ([DAY, OTHER], [{**DAY, "start": "07:00"}, OTHER], [{**DAY, "start": "09:00"}, OTHER]),
])  # fmt: skip
def test_of_two_who_change_the_same_the_second_is_told(known: object, wanted: object, stored: object) -> None:
    with pytest.raises(Conflict):
        merged(known, wanted, stored)
