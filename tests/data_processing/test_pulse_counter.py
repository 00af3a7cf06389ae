"""The shipped counting module: its 16-bit counters wrap within a reading and are reset by people; both are told apart."""

from __future__ import annotations

from dataclasses import replace

from config.profile_catalog import ProfileCatalog
from data_processing.processor import DeviceProcessor
from domain.counter import increments
from domain.plant import Device, tags_of
from domain.sample import Reading, TagEvent, TagId

S = 1_000_000


def grown(values: list[float], every_s: int) -> tuple[float, list[str]]:
    """Sum of the increments of counter_1 and the events of its tag."""
    device = Device("parts", "gw", ProfileCatalog.shipped().get("owen-mv110-16dn"), 16, 2.0)
    tag = replace(next(t for t in tags_of(device) if t.point == "counter_1"), id=TagId(1))
    events: list[TagEvent] = []
    processor = DeviceProcessor(device, [tag], events.append)
    times = [n * every_s * S for n in range(len(values))]
    for time_us, value in zip(times, values, strict=True):
        processor.process(Reading("parts", time_us, ("counter_1",), [value], [0]))
    found = increments(times, values, tag.counter_spec)
    return sum(i.growth for i in found), [event.kind for event in events]


def test_rollover_counts_every_pulse() -> None:
    assert grown([65530.0, 3.0, 13.0], 2) == (19.0, ["counter_wrap"])


def test_reset_by_another_master_adds_nothing() -> None:
    total, events = grown([30000.0, 5.0, 8.0], 2)
    assert total == 3.0
    assert events == ["counter_reset"]
