"""SHDR lines and agents' documents become observations, and these readings; checked on recordings of real machines."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from config.profile_catalog import ProfileCatalog
from data_collection.mtconnect import agent_xml
from data_collection.mtconnect.observation import Conditions, Level, MtconnectPlan, Observation
from data_collection.mtconnect.shdr import ShdrReader
from domain.errors import DecodeError
from domain.plant import Device
from domain.quality import Quality
from domain.sample import Reading
from tests.data_collection.mtconnect.recordings import expected, recording

CATALOG = ProfileCatalog.shipped()
NOW = 1_800_000_000_000_000


def plan(profile: str, **options: object) -> MtconnectPlan:
    return MtconnectPlan(Device("m", "line", CATALOG.get(profile), options=options))


def read(text: str, reader: ShdrReader | None = None) -> list[Observation]:
    reader = reader or ShdrReader()
    return [o for line in text.splitlines() for o in reader.read(line)]


def values(readings: list[Reading], tag: str) -> list[tuple[int, float | None]]:
    return sorted((r.time_us, v) for r in readings for p, v in zip(r.points, r.values, strict=True) if p == tag)


def test_pairs_conditions_durations_and_device_names() -> None:
    found = read(
        "2022-08-08T13:51:34.7167146Z|S1load|12|S1speed|UNAVAILABLE|p1Fact| 63.7 \n"
        "2022-08-08T13:51:35Z@100.0|dev:exec|ACTIVE\n"
        "2022-08-08T13:51:36Z|servo|FAULT|417|high||Axis X\n"
        "2022-08-08T13:51:36Z|a|1|b|2|c|3\n"
        "2022-08-08T13:51:37Z|system|NORMAL||||\n"
    )
    assert [(o.item, o.value) for o in found[:4]] == [("S1load", "12"), ("S1speed", None), ("p1Fact", "63.7"), ("exec", "ACTIVE")]
    assert found[0].time_us == 1_659_966_694_716_714, "cut to microseconds"
    assert (found[4].level, found[4].code, found[4].value) == (Level.FAULT, "417", "Axis X")
    assert [(o.item, o.value, o.is_condition) for o in found[5:8]] == [("a", "1", False), ("b", "2", False), ("c", "3", False)]
    assert (found[8].level, found[8].is_condition) == (Level.NORMAL, True)


def test_lines_that_make_no_sense_are_counted_and_assets_passed_over() -> None:
    reader = ShdrReader()
    found = read(
        "rubbish\n|a\nyesterday|a|1\n* PONG 3000\n* shdrVersion: 1.7\n"
        "2022-08-08T13:43:36Z|@ASSET@|12|CuttingTool|--multiline--ABCD\n<x|y|z>\n2022-01-01T00:00:00Z|a|5\n--multiline--ABCD\n"
        "2022-08-08T13:43:37Z|a|6\n", reader,
    )
    assert [o.value for o in found] == ["6"]
    assert reader.faults == {"shape": 2, "time": 1}
    assert (reader.heartbeat_s, reader.assets) == (3.0, 1)


def test_conditions_stand_until_their_own_end() -> None:
    conditions = Conditions()
    assert conditions.level(["*"]) is None
    for level, code, text in ((Level.WARNING, "1", "oil low"), (Level.FAULT, "2", "axis X"), (Level.NORMAL, "2", None)):
        conditions.take(Observation("system", 1, text, level, code, is_condition=True))
    assert (conditions.level(["*"]), conditions.text(["*"])) == (Level.WARNING, "oil low")
    conditions.take(Observation("system", 1, None, Level.NORMAL, is_condition=True))
    assert (conditions.level(["*"]), conditions.text(["*"])) == (Level.NORMAL, "")
    conditions.take(Observation("system", 1, None, None, is_condition=True))
    assert conditions.level(["*"]) is None


def test_unavailable_is_no_value_and_a_text_says_so() -> None:
    found = plan("mtconnect-hurco").observed(read("2017-01-01T00:00:00Z|Part_Count|UNAVAILABLE|avail|UNAVAILABLE"), NOW)
    assert [(r.values, r.qualities, r.texts) for r in found] == [([None], [int(Quality.NO_VALUE)], {"available": "UNAVAILABLE"})]


FILES = [
    ("GFAgie01-20160513-20160514.txt.gz", "mtconnect-gf"), ("Hurco01-20170329-20170330.txt.gz", "mtconnect-hurco"),
    ("Hurco01-20170502-20170503.txt.gz", "mtconnect-hurco"), ("Hurco01-20170518-20170519.txt.gz", "mtconnect-hurco"),
    ("Hurco02-20170124-20170125.txt.gz", "mtconnect-hurco"), ("Mazak03-20160506-20160507.txt.gz", "mtconnect-mazak"),
]


@pytest.mark.parametrize(("name", "profile"), FILES)
@pytest.mark.parametrize("general", [False, True])
def test_the_states_of_recorded_machine_days_last_as_long_as_they_did(name: str, profile: str, general: bool) -> None:
    data, known = recording("mtconnect-nist", name).decode("utf-8", "replace"), expected(name)
    reader = ShdrReader()
    device = plan("mtconnect-machine" if general else profile)
    found = device.observed(read(data, reader), NOW)
    assert sum(reader.faults.values()) == 0
    assert device.faults == {}
    words = device.values["execution_state"].point.enum
    steps = values(found, "execution_state")
    last = max(r.time_us for r in found)
    seconds: Counter[str] = Counter()
    for (begin, state), (end, _) in zip(steps, [*steps[1:], (last, None)], strict=True):
        if state is not None:
            seconds[words[int(state)]] += (end - begin) / 1e6  # type: ignore[assignment]
    for state, known_s in known["state_seconds"].items():
        assert seconds[state] == pytest.approx(known_s, abs=max(1.0, 0.01 * known_s)), state
    assert set(seconds) == set(known["state_seconds"])


def test_the_false_zero_of_a_part_counter_is_told_as_it_came() -> None:
    data = recording("mtconnect-nist", "Hurco01-20170809-20170810.txt.gz").decode()
    parts = [v for _, v in values(plan("mtconnect-hurco").observed(read(data), NOW), "part_count")]
    numbers = [v for v in parts if v is not None]
    assert list(dict.fromkeys(numbers)) == [0, 3763, 3766, 3767]
    assert None in parts[parts.index(3763):parts.index(3766)], "the line was lost between them"


def test_four_program_runs_of_the_lathe_though_its_blocks_are_out_of_order() -> None:
    data = recording("mtconnect-okuma", "okuma.txt.gz").decode("utf-8", "replace")
    reader = ShdrReader()
    device = plan("mtconnect-okuma")
    steps = values(device.observed(read(data, reader), NOW), "execution_state")
    words = device.values["execution_state"].point.enum
    runs = [
        round((end - begin) / 1e6, 3) for (begin, state), (end, _) in pairwise(steps)
        if state is not None and words[int(state)] == "ACTIVE"
    ]
    assert runs == pytest.approx([604.963, 186.730, 16.752, 548.932], abs=0.01)
    assert reader.assets > 100
    assert reader.faults == {}


HEAD = '<MTConnectStreams xmlns="urn:mtconnect.org:MTConnectStreams:1.7"><Header instanceId="7" nextSequence="42"/><Streams>'
TAIL = "</Streams></MTConnectStreams>"


def test_an_agents_document() -> None:
    answer = agent_xml.read((HEAD + (
        '<DeviceStream name="Hurco01"><ComponentStream><Events><PartCount dataItemId="d1" name="Part_Count" '
        'timestamp="2026-03-02T08:00:00Z" sequence="40">17</PartCount><Execution dataItemId="d2" timestamp="2026-03-02T08:00:00Z">'
        'UNAVAILABLE</Execution></Events><Condition><Fault dataItemId="c1" name="system" nativeCode="12" '
        'timestamp="2026-03-02T08:00:01Z" type="SYSTEM">Oil &lt; min</Fault></Condition></ComponentStream></DeviceStream>'
    ) + TAIL).encode())
    assert (answer.instance, answer.next_sequence) == ("7", 42)
    parts, execution, fault = answer.devices["Hurco01"]
    assert (parts.item, parts.other_name, parts.value) == ("Part_Count", "d1", "17")
    assert (execution.item, execution.value) == ("d2", None)
    assert (fault.level, fault.code, fault.value, fault.is_condition) == (Level.FAULT, "12", "Oil < min", True)


@pytest.mark.parametrize(("document", "expected_text"), [
    (b"<html>", "no XML"), (b"<a/>", "no document of an MTConnect agent"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"), ((HEAD + "<a>" * 100).encode(), "nested deeper"),
])
def test_what_is_no_answer_is_refused(document: bytes, expected_text: str) -> None:
    with pytest.raises(DecodeError, match=expected_text):
        agent_xml.read(document)
