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
    assert floor.run(10, "x", "d0") == {f"no_data:d{i}" for i in range(1, 8)}
    assert floor.run(2, "x", *(f"d{i}" for i in range(8))) == set()


def test_everything_gone_is_one_alert() -> None:
    devices = [meter_device(f"{line}{i}", line=line) for line in ("p", "q", "r") for i in range(3)]
    floor = Floor(*devices)
    everyone = [d.id for d in devices]
    floor.run(20, *everyone)
    assert floor.run(60) == {"line_down:*"}
    assert floor.run(10, "p0", "p1", "p2") == {"line_down:q", "line_down:r"}
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
    assert floor.run(10, "a") == {"no_data:b"}
