"""What web makes of the other roles' words: silence, double polling, lateness; and that a message twice is one sample."""

from __future__ import annotations

import json

import pytest

from application.roles.board import RolesBoard
from application.roles.collect import set_apart
from application.roles.live import Repeats
from application.roles.remote import RemoteCollector
from application.roles.tag_plans import TagPlans
from application.roles.watch import conditions
from data_transfer.kafka.status import decoded, encoded
from domain.alert import Priority
from domain.camera import CameraStatus
from domain.errors import Conflict
from domain.feed import FeedStatus, OutboxBook
from domain.health import DeviceStatus, LineStatus
from domain.role import SILENT_US, FieldReport, Refusals, RoleStatus, Share
from domain.sample import Reading, TagId
from tests.conftest import FakeClock
from tests.web_interface import fake_shop as shop

T = 1_763_548_800_000_000


def role(name: str, kind: str = "collect", time_us: int = T, state: str = "ok", **more: object) -> RoleStatus:
    fields = {"detail": None, "taken": 0, "delivered": 0, "refused": 0, "waiting": 0, **more}
    return RoleStatus(name, kind, "h", 1, T, time_us, state, **fields)  # type: ignore[arg-type]


def test_a_silent_collector_takes_its_lines_and_devices_down_with_it() -> None:
    clock, plant = FakeClock(T), shop.plant()
    board = RolesBoard(clock)
    field = RemoteCollector(clock, board)
    field.apply(plant)
    assert {device.state for device in field.devices()} <= {"waiting", "disabled"}  # nobody has told of them yet
    line, device = plant.lines[0], next(d for d in plant.devices if d.line == plant.lines[0].id)
    board.take(role("c1", line_ids=(line.id,)))
    board.take(FieldReport(
        "c1", T, (LineStatus(line.id, line.transport, line.target, "online", T, 1, 1, 2.0, 0.1, 0, None, None, 1.0, 0.1, 0.2),),
        (DeviceStatus(device.id, line.id, "custom", "online", T, T, None, 3, 0, {}, 2.0, None),),
    ))  # fmt: skip
    assert (field.lines()[0].state, {d.device_id: d.state for d in field.devices()}[device.id]) == ("online", "online")
    clock._now_us += SILENT_US + 1
    assert (field.lines()[0].state, field.lines()[0].last_error) == ("down", "collector c1 is silent")
    assert {d.device_id: d.state for d in field.devices()}[device.id] == "offline"
    with pytest.raises(Conflict, match="c1 is silent"):
        field.frames(line.id, 0)


def test_a_collector_tells_what_its_outboxes_set_apart() -> None:
    book = OutboxBook(9, 6, 0, 3, 0, None, 1, 2, 4, 1, (T, "message of 2 MB"))
    assert set_apart(FeedStatus("kafka", "ok", "broker:9092", T, T, None, None, book)) == Refusals("kafka", 4, T, "message of 2 MB")
    board = RolesBoard(FakeClock(T))
    board.take(decoded(encoded(role("c1", refusals=(Refusals("kafka", 4, T, "message of 2 MB"),)))))
    assert board.roles()[0].refusals[0].count == 4


def test_a_device_that_no_collector_tells_of_is_waited_for_only_just_after_the_start() -> None:
    clock, plant = FakeClock(T), shop.plant()
    field = RemoteCollector(clock, RolesBoard(clock))
    field.apply(plant)
    clock._now_us += SILENT_US + 1
    told = {(device.state, device.last_error) for device in field.devices()}
    assert told <= {("offline", "no collector has told of this device"), ("disabled", None)}


def test_what_stands_as_an_alert() -> None:
    clock = FakeClock(T)
    board, since = RolesBoard(clock), dict[str, int]()
    board.take(role("c1", line_ids=("tcp1",)))
    board.take(role("c2", line_ids=("tcp1", "tcp2")))
    board.take(role("i1", "ingest", waiting=5, oldest_waiting_us=T - 61_000_000, shares=(Share("t", 0, 5),)))
    found = conditions(board, since, T)
    assert found == {
        "line_twice:tcp1": (Priority.HIGH, "tcp1: c1, c2"), "role_behind:i1": (Priority.MEDIUM, "i1 61 s"),
    }  # fmt: skip
    assert board.oldest_waiting_us() == T - 61_000_000
    board.take(role("c2", state="away", detail="Kafka: gone"))
    assert "role_away:c2" not in conditions(board, since, T)  # a restart of the broker is no alert
    assert conditions(board, since, T + 60_000_000)["role_away:c2"] == (Priority.HIGH, "c2: Kafka: gone")
    clock._now_us += SILENT_US + 1
    silent = {key for key in conditions(board, since, clock.now_us()) if key.startswith("role_silent")}
    assert silent == {"role_silent:c1", "role_silent:c2", "role_silent:i1"}
    clock._now_us += 3_600_000_000
    assert board.roles() == ()


def test_a_message_that_comes_twice_is_taken_once_and_a_late_one_is_taken() -> None:
    repeats, points = Repeats(), ("p", "q")
    times = [T, T + 1, T + 3, T + 1, T + 3, T + 2]
    known = [repeats.known(Reading("m1", us, points, [1.0, 2.0], [0, 0])) for us in times]
    assert known == [False, False, False, True, True, False]
    assert not repeats.known(Reading("m2", T, points, [1.0, 2.0], [0, 0]))


def test_what_nobody_registered_is_left_out_and_named() -> None:
    plans, missing = TagPlans(), list[str]()
    plans.replace({"m1.p": TagId(7)})
    reading = Reading("m1", T, ("x", "p"), [1.0, 2.0], [0, 0], {"note": "n"})
    batch, strangers = plans.batch(reading, missing.append)
    assert (batch.tag_ids, batch.values, strangers, missing) == ((7,), [2.0], 1, ["m1.x", "m1.note"])
    assert plans.batch(reading, missing.append)[0].tag_ids is batch.tag_ids


def test_cameras_travel_with_the_status_of_their_collector_and_go_with_it() -> None:
    clock = FakeClock(T)
    board = RolesBoard(clock)
    line = LineStatus("qc", "tcp-frames", "h", "online", T, 1, 1, 2.0, 0.1, 0, None, None, 1.0, 0.1, 0.2)
    cell = CameraStatus("cell", "http://h/a", 7, {"late": 2}, T, "the camera answered HTTP 503", compares=True)
    press = CameraStatus("press", "/srv/a", 1, {}, None, None, compares=True)

    def tell(name: str, *cameras: CameraStatus) -> None:
        board.take(decoded(encoded(role(name))))
        board.take(decoded(encoded(FieldReport(name, T, (line,), (), cameras))))

    tell("c1", cell)
    tell("c2", press)
    assert board.cameras() == [cell, press]
    board.take(FieldReport("c1", T, (), (DeviceStatus("d", "qc", "custom", "online", T, T, None, 3, 0, {}, 2.0, None),)))
    assert board.cameras() == [cell, press], "a further portion of devices says nothing of cameras"
    tell("c1")
    assert board.cameras() == [press]
    clock._now_us += SILENT_US + 1
    assert board.cameras()[0].last_error == "collector c2 is silent"
    older = json.loads(encoded(FieldReport("c3", T, (line,), ())))
    del older["cameras"]
    assert decoded(json.dumps(older).encode()) == FieldReport("c3", T, (line,), ()), "a collector of the version before"
