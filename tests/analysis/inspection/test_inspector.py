"""Items between triggers: their features, their verdict at once, what is not judged."""

from __future__ import annotations

from analysis.inspection.inspector import ActiveModel, Inspector
from analysis.inspection.models import train
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.plant import Plant, Site, Tag
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Batch, TagId

TAGS = (
    Tag(TagId(1), "c.trigger", "c", "trigger", Quantity.COUNT, "1"), Tag(TagId(2), "c.load", "c", "load", Quantity.LOAD, "%"),
    Tag(TagId(3), "c.parts", "c", "parts", Quantity.COUNT, "1"), Tag(TagId(4), "m.load", "m", "load", Quantity.LOAD, "%"),
)
IDS = (TagId(1), TagId(2))


class Desk:
    def __init__(self) -> None:
        self.given: list[tuple[str, Verdict, float]] = []
        self.kept: list[InspectedItem] = []
        self.inspector = Inspector(self.hand_in, self.kept.append)
        self.inspector.apply(Plant(Site("s")), TAGS)
        self.now = 0

    def hand_in(self, device_id: str, verdict: Verdict, took_s: float) -> bool | None:
        self.given.append((device_id, verdict, took_s))
        return True

    def read(self, count: float | None, load: float | None, quality: int = 0) -> None:
        self.now += 1_000_000
        self.inspector.on_batch(Batch("c", self.now, IDS, (count, load), (0 if count is not None else 65, quality)))


def test_what_was_read_since_the_last_trigger_is_one_item() -> None:
    desk = Desk()
    for count, load in ((4, 90), (5, 91), (5, 10), (5, None), (6, 30), (6, 50)):
        desk.read(count, load, 0 if load is not None else int(Quality.TIMEOUT))
    assert [item.number for item in desk.kept] == [1, 2]
    second = desk.kept[1]
    assert (second.features["load.mean"], second.features["load.max"], second.features["load.last"]) == (20, 30, 30)
    assert (second.opened_us, second.closed_us) == (2_000_000, 5_000_000)
    assert set(second.features) == {f"load.{name}" for name in ("mean", "min", "max", "std", "last")}, "counters are no features"
    assert second.verdict.outcome is Outcome.NONE, "nobody judges without a model"
    assert desk.given == []


def test_a_verdict_is_handed_in_at_once_and_numbers_go_on_after_a_start() -> None:
    desk = Desk()
    desk.inspector.went_on({"c": 41})
    good = [{"load.mean": 40.0 + n / 10, "load.max": 50.0 + n / 10} for n in range(20)]
    desk.inspector.models["c"] = ActiveModel("limits 3", train("limits", good))
    for count, load in ((1, 41), (2, 41), (2, 32), (3, 50.5), (3, 90), (4, 90)):
        desk.read(count, load)
    outcomes = [verdict.outcome for _, verdict, _ in desk.given]
    assert outcomes[-2:] == [Outcome.GOOD, Outcome.REJECT]
    assert desk.kept[0].number == 42
    assert desk.kept[-1].written_back is True
    assert desk.kept[-1].verdict.model == "limits 3"
    assert desk.kept[-1].verdict.reasons[0].feature.startswith("load.m")


def test_a_counter_that_begins_anew_ends_no_item() -> None:
    desk = Desk()
    for count in (7, 8, 0, 1):
        desk.read(count, 10)
    assert [item.number for item in desk.kept] == [1, 2]
    assert desk.kept[1].features["load.mean"] == 10
    assert desk.kept[1].opened_us == 3_000_000


def test_a_damaged_model_leaves_the_item_unsure_and_the_data_flowing() -> None:
    desk = Desk()
    desk.inspector.models["c"] = ActiveModel("limits 1", {"kind": "limits", "features": ["load.mean"]})
    for count in (1, 2):
        desk.read(count, 10)
    assert desk.kept[0].verdict.outcome is Outcome.UNSURE
    assert desk.kept[0].verdict.reasons[0].code == "failed"


def test_a_plant_that_changes_elsewhere_leaves_the_item_open() -> None:
    desk = Desk()
    desk.read(1, 10)
    desk.inspector.apply(Plant(Site("s")), (*TAGS, Tag(TagId(9), "x.y", "x", "y", Quantity.LOAD, "%")))
    desk.read(1, 20)
    desk.read(2, 30)
    assert desk.kept[0].features["load.mean"] == 25


def test_judging_is_quick() -> None:
    desk = Desk()
    good = [{f"load.{name}": 40.0 + n / 7 + k for k, name in enumerate(("mean", "min", "max", "std", "last"))} for n in range(60)]
    desk.inspector.models["c"] = ActiveModel("forest 1", train("forest", good))
    for count in range(100):
        desk.read(count, 40 + count % 5)
    took = sorted(seconds for _, _, seconds in desk.given)
    assert len(took) == 99
    assert took[len(took) // 2] < 0.02
