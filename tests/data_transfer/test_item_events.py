"""An inspected part on its way through a feed and back: features, verdict, reasons."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from data_transfer.events import of_item
from data_transfer.kafka.decode import item_of
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.inspection_reason import Reason

REASONS = (Reason("above", "load.max", 78.25, 45.2), Reason("deviates", "load.std", -3.1), Reason("failed", detail="no model"))
ITEM = InspectedItem("cell", 7, 1_000, 2_000, {"load.max": 78.25}, Verdict(7, Outcome.REJECT, 0.9, REASONS, "limits 1"), False)


def through_json(item: InspectedItem, **changed: object) -> InspectedItem:
    event = of_item(item)
    return item_of(replace(event, body=json.loads(json.dumps({**event.body, **changed}))))


def test_an_item_comes_out_as_it_went_in_and_reasons_can_be_read_as_text() -> None:
    assert through_json(ITEM) == ITEM
    assert of_item(ITEM).body["reasons"] == ["load.max: 78.25 > 45.2", "load.std: -3.1 σ", "the model failed: no model"]


def test_reasons_of_an_earlier_version_are_texts() -> None:
    event = of_item(ITEM)
    old = {name: value for name, value in event.body.items() if name != "causes"}
    assert item_of(replace(event, body=old)).verdict.reasons == REASONS


@pytest.mark.parametrize("causes", [[5], [None], 3, [{"code": "above", "value": "x", "border": 1}]])
def test_reasons_that_are_none_are_refused(causes: object) -> None:
    with pytest.raises(ValueError, match=r"item|float"):
        through_json(ITEM, causes=causes)


def test_a_code_without_its_numbers_is_a_text() -> None:
    (reason,) = through_json(ITEM, causes=[{"code": "above", "feature": "load.max"}]).verdict.reasons
    assert str(reason) == "above load.max"
