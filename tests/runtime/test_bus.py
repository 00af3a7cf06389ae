"""Order, and one bad subscriber costs the others nothing."""

from domain.sample import Batch, TagId
from runtime.bus import InProcessBus


def test_every_subscriber_gets_every_batch_in_order_though_one_raises() -> None:
    bus = InProcessBus()
    first: list[int] = []
    last: list[int] = []

    def bad(batch: Batch) -> None:
        raise RuntimeError("bad subscriber")

    bus.subscribe("first", lambda b: first.append(b.time_us))
    bus.subscribe("bad", bad)
    bus.subscribe("last", lambda b: last.append(b.time_us))
    for n in range(5):
        bus.publish(Batch("m1", n, (TagId(1),), (1.0,), (0,)))
    assert first == last == [0, 1, 2, 3, 4]
    assert bus.failures["bad"] == 5
