"""Messages become readings by topic, path and time field; what is wrong is counted and costs itself only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from data_collection.mqtt import json_path, topic
from data_collection.mqtt.mapping import LARGEST_PAYLOAD, Message, MqttPlan, Router, subscriptions
from domain.errors import ConfigError
from domain.places.mqtt import MqttPlace
from domain.plant import Device
from domain.profile import Point, Profile
from domain.quality import Quality
from domain.quantity import Quantity
from domain.sample import Reading
from tests.data_collection.mqtt.test_sparkplug import payload

NOW = int(datetime(2026, 3, 2, 8, 0, tzinfo=UTC).timestamp()) * 1_000_000
STATES = {0: "READY", 1: "ACTIVE", 2: "ALARM"}
POINTS = (
    ("spindle_speed", Quantity.SPEED, "1/min", {"path": "payload.spindle.speed"}),
    ("active_power", Quantity.ACTIVE_POWER, "W", {"path": "payload.power_w"}),
    ("axis_load", Quantity.LOAD, "%", {"path": "payload.axes[1].load"}),
    ("execution_state", Quantity.STATE, "1", {"path": "payload.state"}),
    ("program", Quantity.TEXT, "", {"path": "part_program"}),
)


def device(
    points: Any = POINTS, device_id: str = "dmg", parameters: Mapping[str, object] | None = None, **options: object
) -> Device:
    given = {"topic": "sensor/CNC/#", "id_path": "cnc_id", "time_path": "timestamp"} if parameters is None else dict(parameters)
    made = tuple(
        Point(tag, quantity, unit, MqttPlace(**fields), enum=STATES if quantity is Quantity.STATE else {})
        for tag, quantity, unit, fields in points
    )
    profile = Profile("cnc", {"ru": "x", "en": "x"}, "x", "mqtt", "test", "H", made, parameters=given)
    return Device(device_id, "bus", profile, options=options or {"cnc_id": "DMG-1"})


def message(payload: object, name: str = "sensor/CNC/DMG-1", *, retained: bool = False) -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(name, data, NOW, retained)


def take(router: Router, sent: Message) -> list[Reading]:
    return router.take(sent)[0]


FULL = {
    "cnc_id": "DMG-1", "part_program": "VAL_7.NC", "timestamp": "2026-03-02T07:59:58.250Z",
    "payload": {"spindle": {"speed": 3200}, "power_w": "5400.5", "axes": [{"load": 1}, {"load": 42.5}], "state": "ACTIVE"},
}


def test_one_message_gives_one_reading_in_canonical_units_at_its_own_time() -> None:
    (reading,) = take(Router([MqttPlan(device())]), message(FULL))
    values = dict(zip(reading.points, reading.values, strict=True))
    assert values == {"spindle_speed": 3200, "active_power": pytest.approx(5.4005), "axis_load": 42.5, "execution_state": 1}
    assert reading.texts == {"program": "VAL_7.NC"}
    assert reading.time_us == NOW - 1_750_000
    assert set(reading.qualities) == {int(Quality.GOOD)}


def test_messages_with_the_same_points_share_their_tuple() -> None:
    router = Router([MqttPlan(device())])
    first, second = (take(router, message({**FULL, "timestamp": f"2026-03-02T07:59:0{n}Z"})) for n in (1, 2))
    assert first[0].points is second[0].points


def test_the_id_in_the_message_picks_the_device() -> None:
    router = Router([MqttPlan(device()), MqttPlan(device(device_id="hermle", cnc_id="H-2"))])
    assert [r.device_id for r in take(router, message({**FULL, "cnc_id": "H-2"}))] == ["hermle"]
    assert take(router, message({**FULL, "cnc_id": "nobody"})) == []
    assert router.faults == {"id": 1}
    assert router.last_fault is not None
    assert "sensor/CNC/DMG-1" in router.last_fault.detail


def test_the_topic_picks_the_device_where_messages_name_none() -> None:
    points = [("active_power", Quantity.ACTIVE_POWER, "kW", {"path": ""})]
    plain = {"topic": "shop/{cnc_id}/power", "payload": "text"}
    router = Router([MqttPlan(device(points, name, plain, cnc_id=name)) for name in ("a", "b")])
    (reading,) = take(router, message(b" 7.25\n", "shop/b/power"))
    assert (reading.device_id, reading.values[0], reading.time_us) == ("b", 7.25, NOW)


@pytest.mark.parametrize(("payload", "kind"), [
    (b"{not json", "json"),
    (b"\xff\xfe{}", "encoding"),
    (b"[" * 100_000, "json"),
    (b'"' + b"x" * LARGEST_PAYLOAD + b'"', "too_large"),
])
def test_a_bad_payload_is_counted_with_its_topic(payload: bytes, kind: str) -> None:
    router = Router([MqttPlan(device())])
    assert take(router, message(payload)) == []
    (plan,) = router.plans
    assert plan.faults == {kind: 1}
    assert str(plan.last_fault).startswith("sensor/CNC/DMG-1: ")
    assert take(router, message(FULL)), "the next message is read as ever"


def test_a_wrong_type_costs_its_point_only() -> None:
    router = Router([MqttPlan(device())])
    payload = {**FULL["payload"], "power_w": "plenty", "spindle": {"speed": [1, 2]}}  # type: ignore[dict-item]
    (reading,) = take(router, message({**FULL, "payload": payload}))
    found = dict(zip(reading.points, zip(reading.values, reading.qualities, strict=True), strict=True))
    assert found["active_power"] == (None, int(Quality.DECODE_ERROR))
    assert "spindle_speed" not in found
    assert found["axis_load"] == (42.5, 0)
    assert router.plans[0].faults == {"type": 1, "decode": 1}
    assert "active_power" in str(router.plans[0].last_fault)


def test_null_and_nan_are_no_value_and_never_zero() -> None:
    router = Router([MqttPlan(device())])
    data = b'{"cnc_id": "DMG-1", "payload": {"power_w": null, "spindle": {"speed": NaN}}}'
    (reading,) = take(router, message(data))
    assert list(reading.values) == [None, None]
    assert set(reading.qualities) == {int(Quality.NO_VALUE)}


def test_a_retained_message_keeps_its_own_time_and_without_one_is_not_fresh() -> None:
    router = Router([MqttPlan(device())])
    (old,) = take(router, message(FULL, retained=True))
    assert old.time_us == NOW - 1_750_000
    (ageless,) = take(router, message({k: v for k, v in FULL.items() if k != "timestamp"}, retained=True))
    assert set(ageless.qualities) == {int(Quality.HELD)}


@pytest.mark.parametrize(("stamp", "kind"), [("2030-01-01T00:00:00Z", "clock"), ("yesterday", "time")])
def test_a_wrong_clock_is_said_and_our_own_time_kept(stamp: str, kind: str) -> None:
    router = Router([MqttPlan(device())])
    (reading,) = take(router, message({**FULL, "timestamp": stamp}))
    assert reading.time_us == NOW
    assert set(reading.qualities) == {int(Quality.CLOCK)}
    assert router.plans[0].faults == {kind: 1}


@pytest.mark.parametrize(("stamp", "zone", "expected"), [
    (1_772_438_400, None, NOW), (1_772_438_400_000, None, NOW), (NOW, None, NOW), (NOW * 1000, None, NOW),
    ("2026-03-02 11:00:00", "Europe/Moscow", NOW), ("2026-03-02T08:00:00.1234567+00:00", None, NOW + 123_456),
])
def test_times_in_every_usual_form(stamp: object, zone: str | None, expected: int) -> None:
    options: dict[str, object] = {"cnc_id": "DMG-1", **({"clock_timezone": zone} if zone else {})}
    (reading,) = take(Router([MqttPlan(device(**options))]), message({**FULL, "timestamp": stamp}))
    assert reading.time_us == expected


def test_a_topic_of_no_device_is_counted() -> None:
    router = Router([MqttPlan(device())])
    take(router, message(FULL, "other/topic"))
    assert router.faults == {"topic": 1}


@pytest.mark.parametrize(("wanted", "name", "yes"), [
    ("sensor/CNC/#", "sensor/CNC/a/b", True), ("sensor/CNC/#", "sensor/CNC", True), ("sensor/+/x", "sensor/a/x", True),
    ("sensor/+/x", "sensor/a/b/x", False), ("#", "$SYS/uptime", False), ("+/a", "b/a", True), ("a", "a/b", False),
])
def test_topic_filters(wanted: str, name: str, yes: bool) -> None:
    assert topic.matches(wanted, name) is yes


def test_one_subscription_where_one_covers_the_others() -> None:
    wide = MqttPlan(device())
    narrow = MqttPlan(device(device_id="n", parameters={"topic": "sensor/CNC/{cnc_id}"}, cnc_id="N"))
    other = MqttPlan(device(device_id="o", parameters={"topic": "shop/+/x"}, cnc_id="O"))
    assert subscriptions([narrow, wide, other]) == ("sensor/CNC/#", "shop/+/x")


@pytest.mark.parametrize(("options", "expected"), [
    ({"cnc_id": ""}, "no cnc_id"), ({"cnc_id": "a/b"}, "meaning in topics"), ({"cnc_id": "x", "payload": "xml"}, "one of json"),
])
def test_what_cannot_be_compiled_names_device_and_field(options: dict[str, object], expected: str) -> None:
    parameters = {"topic": "sensor/{cnc_id}", "id_path": "cnc_id"} if "payload" not in options else {"topic": "a"}
    parameters = {"topic": "a", "id_path": "cnc_id"} if options == {"cnc_id": ""} else parameters
    with pytest.raises(ConfigError, match=expected) as failure:
        MqttPlan(device(parameters=parameters, **options))
    assert "dmg" in str(failure.value)


def test_paths() -> None:
    document = {"a": {"b.c": [{"d": 1}, {"d": 2}]}, "": 3}
    assert json_path.find(document, json_path.parse('a["b.c"][-1].d')) == 2
    assert json_path.find(document, json_path.parse("$")) is document
    assert json_path.find(document, json_path.parse("a.x.y")) is json_path.MISSING
    with pytest.raises(ConfigError, match="cannot read"):
        json_path.parse("a[one]")


def test_the_same_message_again_is_nothing_new_and_a_late_one_keeps_its_own_time() -> None:
    router = Router([MqttPlan(device())])
    take(router, message(FULL))
    assert take(router, message(FULL)) == []
    (other,) = take(router, message({"cnc_id": "DMG-1", "timestamp": FULL["timestamp"], "payload": {"power_w": 1}}))
    assert (other.values[0], other.time_us) == (0.001, NOW - 1_750_000 + 1), "another value within the clock's resolution counts"
    assert router.plans[0].faults["duplicate"] == 5
    (late,) = take(router, message({**FULL, "timestamp": "2026-03-02T07:00:00Z"}))
    assert late.time_us == NOW - 3600 * 1_000_000
    seen = router.plans[0].seen("spindle_speed")
    assert seen is not None
    assert seen.time_us == NOW - 1_750_000, "what is known stays"


def test_sparkplug_metrics_become_points_and_a_death_is_known() -> None:
    points = [("spindle_speed", Quantity.SPEED, "1/min", {"metric": "Spindle/Speed"})]
    router = Router([MqttPlan(device(points, "lathe", {"payload": "sparkplug", "sparkplug": ""}, sparkplug="Shop1/edge7/lathe1"))])
    assert subscriptions(router.plans) == ("spBv1.0/Shop1/+/edge7/#",)
    topic_of = "spBv1.0/Shop1/{}/edge7/lathe1".format
    router.take(Message("spBv1.0/Shop1/NBIRTH/edge7", payload({"name": "bdSeq", "datatype": 8, "long_value": 1}), NOW))
    metric = {"name": "Spindle/Speed", "alias": 4, "datatype": 3, "int_value": 900}
    (reading,) = take(router, Message(topic_of("DBIRTH"), payload(metric, seq=1, stamp_ms=NOW // 1000), NOW))
    assert (reading.device_id, reading.values[0], reading.time_us) == ("lathe", 900, NOW)
    take(router, Message("spBv1.0/Shop1/NDEATH/edge7", payload({"name": "bdSeq", "datatype": 8, "long_value": 1}, seq=None), NOW))
    assert router.plans[0].address in router.dead, "with its edge node every device behind it is gone"
    take(router, Message(topic_of("DDATA"), b"\xff\xff", NOW))
    assert router.plans[0].faults["sparkplug"] == 1
