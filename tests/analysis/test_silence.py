"""No-data alerts: one a device, one a line, one for everything; nothing flickers and nothing waits for ever."""

from __future__ import annotations

from analysis.silence import SilenceWatch
from domain.plant import Device
from tests.analysis.fakes import meter_device, plant_of


class Floor:
    """Devices heard each second as told; the keys that stand after each second."""

    def __init__(self, *devices: Device) -> None:
        self.plant, _ = plant_of(*devices)
        self.watch, self.now = SilenceWatch(), 0.0
        self.watch.apply(self.plant, self.now)
        self.standing: set[str] = set()
        self.raised: list[tuple[float, str]] = []

    def run(self, seconds: int, *heard: str) -> set[str]:
        for _ in range(seconds):
            self.now += 1
            for device_id in heard:
                self.watch.heard(device_id, self.now)
            wanted, over = self.watch.judge(self.now, self.standing)
            self.raised += [(self.now, s.key) for s in wanted]
            self.standing |= {s.key for s in wanted}
            self.standing -= set(over)
        return set(self.standing)


def test_one_silent_device_is_told_within_ten_seconds_and_returns_with_its_first_value() -> None:
    floor = Floor(meter_device("a"), meter_device("b"))
    assert floor.run(20, "a", "b") == set()
    assert floor.run(10, "a") == {"no_data:b"}
    assert floor.raised[0][0] - 20 <= 6
    assert floor.run(1, "a", "b") == set()


def test_a_cut_line_is_one_alert() -> None:
    floor = Floor(*(meter_device(f"d{i}", scan_s=1.0 + i / 10) for i in range(8)), meter_device("x", line="other"))
    floor.run(20, *(f"d{i}" for i in range(8)), "x")
    assert floor.run(30, "x") == {"line_down:l"}
    assert [key for _, key in floor.raised] == ["line_down:l"]
    assert floor.run(50, "x", "d0") == set(), "the others may still be in their back-off"
    assert floor.run(15, "x", "d0") == {f"no_data:d{i}" for i in range(1, 8)}
    assert floor.run(2, "x", *(f"d{i}" for i in range(8))) == set()


def test_everything_gone_is_one_alert() -> None:
    devices = [meter_device(f"{line}{i}", line=line) for line in ("p", "q", "r") for i in range(3)]
    floor = Floor(*devices)
    everyone = [d.id for d in devices]
    floor.run(20, *everyone)
    assert floor.run(60) == {"line_down:*"}
    assert floor.run(50, "p0", "p1", "p2") == set(), "the other lines may still be in their back-off"
    assert floor.run(15, "p0", "p1", "p2") == {"line_down:q", "line_down:r"}
    assert floor.run(5, *everyone) == set()
    assert [key for _, key in floor.raised] == ["line_down:*", "line_down:q", "line_down:r"]


def test_the_only_device_of_all_is_told_by_itself() -> None:
    floor = Floor(meter_device("a"))
    floor.run(3, "a")
    assert floor.run(8) == {"no_data:a"}


def test_an_alert_never_waits_longer_than_half_a_minute_for_others() -> None:
    floor = Floor(meter_device("a"), meter_device("slow", scan_s=60.0))
    floor.run(20, "a", "slow")
    assert floor.run(45) == {"no_data:a"}


def test_what_stood_before_a_start_stays_until_something_is_known() -> None:
    floor = Floor(meter_device("a"), meter_device("b"))
    floor.standing = {"no_data:a", "no_data:gone"}
    assert floor.run(2, "b") == {"no_data:a"}
    assert floor.run(1, "a", "b") == set()


def test_never_answered_and_switched_off() -> None:
    floor = Floor(meter_device("a"), meter_device("b"), meter_device("off", enabled=False))
    assert floor.run(20, "a") == set(), "polling may take 15 s to come back after a start"
    assert floor.run(3, "a") == {"no_data:b"}


def shop(lines: int = 3, devices: int = 8) -> tuple[Floor, list[str]]:
    everyone = [meter_device(f"{line}-{i}", line=f"l{line}") for line in range(lines) for i in range(devices)]
    return Floor(*everyone), [device.id for device in everyone]


def test_a_start_under_load_raises_nothing_while_devices_come_in_one_by_one() -> None:
    floor, everyone = shop()
    for heard in range(1, 18):  # the last of them after 17 s
        floor.run(1, *everyone[: heard * len(everyone) // 17])
    floor.run(30, *everyone)
    assert floor.raised == []


def test_the_watch_begins_with_the_first_judgement_and_not_when_the_plant_was_read() -> None:
    floor, everyone = shop()
    floor.now = 300.0  # history was written, the database migrated
    floor.run(10, everyone[0])
    floor.run(20, *everyone)
    assert floor.raised == []


def test_a_process_that_stood_still_does_not_blame_the_devices() -> None:
    floor, everyone = shop()
    floor.run(30, *everyone)
    for _ in range(5):  # each stall ends with the first poll of one device; the next come after it
        floor.now += 15.0
        floor.run(1, everyone[0])
        floor.run(2, *everyone)
    assert floor.raised == []


def test_stalls_without_end_do_not_hide_a_dead_device() -> None:
    floor, everyone = shop()
    floor.run(30, *everyone)
    for _ in range(10):
        floor.now += 4.0
        floor.run(1, *everyone[1:])
    assert floor.standing == {f"no_data:{everyone[0]}"}


def test_everything_back_one_by_one_raises_nothing_more() -> None:
    """As after a restart of what collects: an alert for all, and none for each of those that are heard a little later."""
    floor, everyone = shop()
    floor.run(30, *everyone)
    assert floor.run(60) == {"line_down:*"}
    for heard in range(1, 51):
        floor.run(1, *everyone[: max(1, heard * len(everyone) // 50)])
    assert floor.run(30, *everyone) == set()
    assert [key for _, key in floor.raised] == ["line_down:*"]


def test_a_line_that_stood_before_a_start_comes_back_as_one() -> None:
    floor, everyone = shop()
    floor.standing = {"line_down:l0"}
    others = everyone[8:]
    floor.run(19, *others)
    assert floor.standing == {"line_down:l0"}
    floor.run(40, everyone[0], *others)
    floor.run(5, *everyone)
    assert floor.standing == set()
    assert floor.raised == []
