"""Sparkplug B: births name aliases, data uses them, deaths end what they belong to."""

from __future__ import annotations

from typing import Any

import pytest

from data_collection.mqtt.sparkplug import Address, Listener, Refused, kind_of
from domain.sparkplug import payload_class

NODE = Address("Shop1", "edge7")
LATHE = Address("Shop1", "edge7", "lathe1")


def payload(*metrics: dict[str, Any], seq: int | None = 0, stamp_ms: int = 1_700_000_000_000) -> bytes:
    message = payload_class()()
    message.timestamp = stamp_ms
    if seq is not None:
        message.seq = seq
    for metric in metrics:
        message.metrics.add(**metric)
    return bytes(message.SerializeToString())


BIRTH = payload({"name": "bdSeq", "datatype": 8, "long_value": 3}, {"name": "Node/Up", "alias": 1, "datatype": 11, "boolean_value": True})
DBIRTH = payload(
    {"name": "Spindle/Speed", "alias": 10, "datatype": 3, "int_value": 3200},
    {"name": "Temp", "alias": 11, "datatype": 2, "int_value": 2**32 - 5},
    {"name": "Program", "alias": 12, "datatype": 12, "string_value": "VAL.NC"},
    seq=1,
)


def born() -> Listener:
    listener = Listener()
    listener.take("spBv1.0/Shop1/NBIRTH/edge7", BIRTH)
    listener.take("spBv1.0/Shop1/DBIRTH/edge7/lathe1", DBIRTH)
    return listener


def test_a_birth_tells_names_and_values_with_their_sign_and_time() -> None:
    listener = Listener()
    listener.take("spBv1.0/Shop1/NBIRTH/edge7", BIRTH)
    told = listener.take("spBv1.0/Shop1/DBIRTH/edge7/lathe1", DBIRTH)
    assert told is not None
    assert told.address == LATHE
    assert [(m.name, m.value) for m in told.metrics] == [("Spindle/Speed", 3200), ("Temp", -5), ("Program", "VAL.NC")]
    assert {m.time_us for m in told.metrics} == {1_700_000_000_000_000}
    assert told.faults == ()


def test_data_by_alias_has_the_name_and_type_of_the_birth() -> None:
    told = born().take("spBv1.0/Shop1/DDATA/edge7/lathe1", payload(
        {"alias": 10, "int_value": 2**32 - 1, "timestamp": 1_700_000_001_500}, {"alias": 11, "is_null": True}, seq=2))
    assert told is not None
    assert [(m.name, m.value) for m in told.metrics] == [("Spindle/Speed", -1), ("Temp", None)]
    assert told.metrics[0].time_us == 1_700_000_001_500_000


def test_an_alias_nobody_named_costs_itself_and_is_told() -> None:
    told = born().take("spBv1.0/Shop1/DDATA/edge7/lathe1", payload({"alias": 99, "int_value": 1}, {"alias": 10, "int_value": 7}, seq=2))
    assert told is not None
    assert [m.value for m in told.metrics] == [7]
    assert [kind for kind, _ in told.faults] == ["alias"]


def test_a_lost_message_is_seen_by_the_sequence_which_goes_round_at_255() -> None:
    listener = born()
    gap = listener.take("spBv1.0/Shop1/DDATA/edge7/lathe1", payload({"alias": 10, "int_value": 1}, seq=255))
    assert gap is not None
    assert [kind for kind, _ in gap.faults] == ["sequence"]
    round_ = listener.take("spBv1.0/Shop1/DDATA/edge7/lathe1", payload({"alias": 10, "int_value": 2}, seq=0))
    assert round_ is not None
    assert round_.faults == ()


def test_deaths_and_the_will_of_an_older_session() -> None:
    listener = born()
    old = listener.take("spBv1.0/Shop1/NDEATH/edge7", payload({"name": "bdSeq", "datatype": 8, "long_value": 2}, seq=None))
    assert old is not None
    assert not old.dead
    gone = listener.take("spBv1.0/Shop1/DDEATH/edge7/lathe1", payload(seq=2))
    assert gone is not None
    assert (gone.address, gone.dead) == (LATHE, True)
    node = listener.take("spBv1.0/Shop1/NDEATH/edge7", payload({"name": "bdSeq", "datatype": 8, "long_value": 3}, seq=None))
    assert node is not None
    assert (node.address, node.dead) == (NODE, True)


def test_data_before_any_birth_is_told() -> None:
    told = Listener().take("spBv1.0/Shop1/NDATA/edge7", payload({"name": "x", "datatype": 10, "double_value": 1.5}))
    assert told is not None
    assert [m.value for m in told.metrics] == [1.5]
    assert [kind for kind, _ in told.faults] == ["no_birth"]


@pytest.mark.parametrize("topic", ["spBv1.0/STATE/host", "spBv1.0/G/NCMD/e", "spBv1.0/G/DDATA/e", "spBv1.0/G/NDATA/e/d", "a/b/NDATA/c"])
def test_other_topics_are_not_ours(topic: str) -> None:
    assert kind_of(topic) is None


def test_bytes_that_are_no_payload_are_refused() -> None:
    with pytest.raises(Refused) as failure:
        Listener().take("spBv1.0/G/NDATA/e", b"\xff\xff\xff\xffnonsense")
    assert failure.value.kind == "sparkplug"
