"""The section `alignments`: what is taken, and what is refused with its place."""

from __future__ import annotations

import pytest

from config.plant_file import PlantFileError, plant_from_document
from domain.alignment import AlignedSeries, Alignment, AlignMode
from domain.plant import Plant
from tests.config.test_plant_loops import CATALOG, POINTS


def read(*alignments: object) -> Plant:
    document = {
        "site": {"name": "S"}, "lines": [{"id": "l", "transport": "modbus-tcp", "host": "h"}],
        "devices": [{"id": "tc", "line": "l", "points": POINTS}], "alignments": list(alignments),
    }  # fmt: skip
    return plant_from_document(document, catalog=CATALOG, environ={})


def test_an_alignment_has_sensible_defaults_and_takes_all_it_is_told() -> None:
    assert read({"id": "a", "series": [{"tag": "tc.value"}]}).alignments == (
        Alignment("a", "a", 1000, 2000, (AlignedSeries("tc.value", AlignMode.HOLD, 1000),)),
    )
    told = {
        "id": "a", "name": "Печь", "grid_ms": 100, "deadline_ms": 250,
        "series": [{"tag": "tc.value", "mode": "interpolate", "tolerance_ms": 0}, {"tag": "tc.output", "mode": "nearest"}],
    }  # fmt: skip
    assert read(told).alignments == (
        Alignment("a", "Печь", 100, 250, (
            AlignedSeries("tc.value", AlignMode.INTERPOLATE, 0), AlignedSeries("tc.output", AlignMode.NEAREST, 100),
        )),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"series": []}, "series"), ({"grid_ms": 5}, "10 to 3600000"), ({"deadline_ms": "soon"}, "whole number"),
        ({"series": [{"tag": "tc.nothing"}]}, "tc.nothing"), ({"series": [{"tag": "tc.program"}]}, "is a text"),
        ({"series": [{"tag": "tc.value", "mode": "guess"}]}, "interpolate"),
        ({"series": [{"tag": "tc.value"}, {"tag": "tc.value"}]}, "stands twice"), ({"speed": 1}, "speed"),
        ({"series": [{"tag": "tc.value", "tolerance_ms": -1}]}, "0 to 3600000"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(change: dict[str, object], expected: str) -> None:
    with pytest.raises(PlantFileError) as caught:
        read({"id": "a", "series": [{"tag": "tc.value"}], **change})
    (problem,) = caught.value.problems
    assert problem.field.startswith("alignments")
    assert expected in f"{problem.field} {problem.message} {problem.expected}"


def test_the_alignment_of_an_id_stands_once() -> None:
    with pytest.raises(PlantFileError, match="'a' stands twice"):
        read({"id": "a", "series": [{"tag": "tc.value"}]}, {"id": "a", "series": [{"tag": "tc.value"}]})
