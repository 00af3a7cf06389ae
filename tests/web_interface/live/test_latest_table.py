"""What is shown live is what came last; what is lost is never shown as alive, never as 0."""

from domain.plant import Tag
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Batch, TagId, TextSample
from web_interface.latest_table import LatestTable

S = 1_000_000


def tag(number: int, device: str, point: str) -> Tag:
    return Tag(TagId(number), f"{device}.{point}", device, point, Quantity.ACTIVE_POWER, "kW")


P, U = tag(1, "m1", "active_power"), tag(2, "m1", "voltage_l1")


def table() -> LatestTable:
    made = LatestTable()
    made.apply([P, U], {"m1": "lathe"}, [P.id])
    return made


def test_a_lost_tag_shows_no_value_but_what_it_was_and_when() -> None:
    t = table()
    ids = (P.id, U.id)
    t.on_batch(Batch("m1", 10 * S, ids, (6.8, 230.0), (0, 0)))
    t.on_batch(Batch("m1", 11 * S, ids, (None, None), (Quality.TIMEOUT, Quality.TIMEOUT)))
    t.on_batch(Batch("m1", 12 * S, ids, (None, None), (Quality.TIMEOUT, Quality.TIMEOUT)))
    found = t.value(P)
    assert found is not None
    assert (found.value, found.quality, found.time_us) == (None, Quality.TIMEOUT, 12 * S)
    assert (found.last_good, found.last_good_us) == (6.8, 10 * S)
    assert found.machine_id == "lathe"


def test_groups_of_one_device_keep_their_own_batches() -> None:
    t = table()
    t.on_batch(Batch("m1", 10 * S, (P.id,), (6.8,), (0,)))
    t.on_batch(Batch("m1", 11 * S, (U.id,), (230.0,), (0,)))
    assert [v.value for v in t.values()] == [6.8, 230.0]


def test_changed_values_are_told_once() -> None:
    t = table()
    t.on_batch(Batch("m1", 10 * S, (P.id, U.id), (6.8, 230.0), (0, 0)))
    assert [v.tag.name for v in t.take_changed()] == ["m1.active_power", "m1.voltage_l1"]
    assert t.take_changed() == []


def test_age_of_data_is_told_by_the_last_good_value_not_by_what_is_asked_seldom() -> None:
    t = table()
    assert t.newest_good_us() is None
    t.on_batch(Batch("m1", 10 * S, (U.id,), (230.0,), (0,)))  # a group read once a day stays good
    for second in range(11, 800):
        t.on_batch(Batch("m1", second * S, (P.id,), (6.8,), (0,)))
    t.on_batch(Batch("m1", 800 * S, (P.id,), (None,), (Quality.TIMEOUT,)))
    assert t.newest_good_us() == 799 * S


def test_good_share_counts_the_last_values_only() -> None:
    t = table()
    t.on_batch(Batch("m1", 10 * S, (P.id, U.id), (6.8, None), (0, Quality.NO_VALUE)))
    assert t.good_share() == 0.5


def test_trace_takes_only_good_power_and_gives_minute_means() -> None:
    t = table()
    ids = (P.id, U.id)
    for second, power in enumerate((2.0, 4.0, 99.0)):
        quality = Quality.SPIKE if power > 50 else Quality.GOOD
        t.on_batch(Batch("m1", (600 + second) * S, ids, (power, 230.0), (quality, 0)))
    trace = t.trace(P.id)
    assert trace is not None
    assert trace.points(600 * S, 720 * S, 60 * S) == [(600 * S, 3.0), (660 * S, None)]


def test_text_tags_show_their_text() -> None:
    t = table()
    serial = tag(3, "m1", "serial")
    t.apply([P, U, serial], {}, [])
    t.on_batch(Batch("m1", 10 * S, (), (), (), (TextSample(serial.id, 10 * S, "41906467"),)))
    found = t.value(serial)
    assert found is not None
    assert found.text == "41906467"


def test_values_of_a_removed_device_are_gone_and_of_the_others_stay() -> None:
    t = table()
    t.on_batch(Batch("m1", 10 * S, (P.id,), (6.8,), (0,)))
    other = tag(9, "m2", "active_power")
    t.apply([other], {}, [])
    assert t.values() == []
    t.apply([P, other], {}, [])
    assert t.value(P) is None


def test_a_plan_compiled_anew_replaces_the_old_batch_and_keeps_the_last_good_value() -> None:
    t = table()
    t.on_batch(Batch("m1", 10 * S, (P.id, U.id), (6.8, 230.0), (0, 0)))
    renewed = (P.id, U.id)  # equal, but another tuple
    t.on_batch(Batch("m1", 11 * S, renewed, (None, None), (Quality.LINE_DOWN, Quality.LINE_DOWN)))
    assert t.good_share() == 0.0
    found = t.value(P)
    assert found is not None
    assert (found.value, found.last_good, found.last_good_us) == (None, 6.8, 10 * S)
