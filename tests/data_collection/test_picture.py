"""What readings of a device that speaks by itself are made of."""

from __future__ import annotations

from data_collection.picture import MOST_SUBSETS, Picture
from domain.places.mqtt import MqttPlace
from domain.plant import Device
from domain.profile import Point, Profile
from domain.quantity import Quantity


def test_many_values_with_times_of_their_own_keep_their_tuples() -> None:
    """What is compiled for a reading is found by its tuple: a device of more values than that must not compile at each one."""
    count = 3 * MOST_SUBSETS
    points = tuple(Point(f"v{n}", Quantity.OTHER, "1", MqttPlace("$")) for n in range(count))
    picture = Picture(Device("d", "l", Profile("p", {}, "", "mqtt", "", "M", points)))

    def told(at_us: int) -> list[tuple[str, ...]]:
        for n in range(count):
            picture.take(f"v{n}", n, at_us + n)
        return [reading.points for reading in picture.readings(f"v{n}" for n in range(count))]

    first, second = told(1_000_000), told(2_000_000)
    assert len(first) == count
    assert all(a is b for a, b in zip(first, second, strict=True))
