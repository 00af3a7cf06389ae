"""The long runs are not part of the ordinary tests; what judges them is: a judge that never says no proves nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from tests.e2e.generator import TAGS, Generator
from tests.faults.long import judge
from tests.faults.long.__main__ import arguments
from tests.faults.long.t19 import delivered
from tests.faults.long.verdict import Verdict
from tests.faults.long.witness import BANNER, Drain, Look


def test_each_run_is_called_with_its_own_words() -> None:
    asked = arguments(["t14", "--engine", "mariadb", "--how", "stop", "--minutes", "0.5"])
    assert (asked.run, asked.engine, asked.how, asked.minutes, asked.devices) == ("t14", "mariadb", "stop", 0.5, 20)
    assert arguments(["t19"]).minutes == 30
    assert (arguments(["roles-kill"]).minutes, arguments(["roles-kill"]).seed) == (20, 1)
    for wrong in ([], ["t14"], ["t14", "--engine", "sqlite"], ["t19", "--engine", "mariadb"]):
        with pytest.raises(SystemExit):
            arguments(wrong)


def test_rows_that_are_lost_or_swapped_are_found() -> None:
    made = Generator(1)
    made.units[0].answered = [100.0, 101.0, 102.0, 103.0]
    whole = {(1, tag): [(int(at * 1e6), n) for n, at in enumerate(made.units[0].answered)] for tag in range(TAGS)}
    for change, stops, right in (
        (whole[1, 3], (), True),
        (whole[1, 3][:3], (), True),  # the last answer may have been in flight
        ([whole[1, 3][n] for n in (0, 2, 3)], (), False),
        ([whole[1, 3][n] for n in (0, 2, 3)], (102.0,), True),  # in the last moments before a kill
        ([whole[1, 3][n] for n in (0, 2, 1, 3)], (), False),
        ([*whole[1, 3], whole[1, 3][3]], (), False),
        ([(at_us + 3_000_000, n) for at_us, n in whole[1, 3]], (), False),
    ):
        verdict = Verdict("rows")
        judge.rows(verdict, made, {**whole, (1, 3): change}, stops=stops)
        assert verdict.ok is right, change


GONE, LIVE = 1000.0, 200.0


def look(seconds: float) -> Look:
    """As it is that long into an outage."""
    waiting = round(seconds * LIVE)
    return Look(GONE + seconds, 200.0, seconds / 20, 1.0, waiting, seconds, 0.5, (waiting, "a while"), 0.1)


def test_a_page_that_is_silent_or_wrong_and_growing_memory_are_found() -> None:
    looks = [look(seconds) for seconds in range(30, 1800, 30)]
    made = Generator(20)
    for unit in made.units:
        unit.answered = [GONE + seconds for seconds in range(1800)]
    for change, right in (
        (looks[20], True),
        (replace(looks[20], said=None), False),
        (replace(looks[20], said=(17, "a while")), False),
        (replace(looks[20], waiting=10), False),
        (replace(looks[20], oldest_s=None), False),
        (replace(looks[20], newest_s=30.0), False),
    ):
        verdict = Verdict("backlog")
        judge.backlog(verdict, [*looks[:20], change, *looks[21:]], GONE, LIVE, made)
        assert verdict.ok is right, change
    for mib_s, right in ((0.0, True), (0.01, True), (0.1, False)):
        verdict = Verdict("memory")
        judge.memory(verdict, looks[0], [replace(one, rss_mib=200 + mib_s * (one.at - GONE)) for one in looks])
        assert verdict.ok is right, mib_s
    for drain, right in ((Drain(9000, 3.0, 5.0, 9000, 1.0), True), (Drain(9000, 30.0, 5.0, 9000, 1.0), False), (Drain(9, 0.0, 0.0, 9, 9.0), False)):
        verdict = Verdict("drain")
        judge.drain(verdict, drain, LIVE)
        assert verdict.ok is right, drain


def test_the_banner_is_understood_with_spaces_in_its_number() -> None:
    found = BANNER.search("Values wait in the journal. 12\u00a0345 values wait, the oldest for 5 min. More")
    assert found is not None
    assert found.groups() == ("12\u00a0345", "5 min")


def test_books_that_do_not_balance_are_found() -> None:
    one = {"name": "database", "enabled": True, "delivered": 9, "pending": 1, "quarantined": 0, "dropped": 0, "taken": 10, "balanced": True}
    books = {"read": 10, "kept": 10, "filtered": 0, "rejected": {}, "in_flight": 0, "balanced": True}
    for change, right in (({}, True), ({"delivered": 8}, False), ({"dropped": 1, "pending": 0}, False)):
        verdict = Verdict("books")
        judge.books(verdict, {**books, "destinations": [{**one, **change}]})
        assert verdict.ok is right, change


@dataclass
class Record:
    key: bytes
    value: str


def test_what_comes_twice_from_kafka_has_to_be_the_same() -> None:
    def record(value: float, key: bytes = b"d1") -> Record:
        return Record(key, json.dumps({"device": "d1", "time_us": 5, "samples": [{"tag": "n0", "value": value}]}))

    assert delivered([record(1.0), record(1.0)]) == ({("d1.n0", 5): 1.0}, 1, [])
    assert len(delivered([record(1.0), record(2.0)])[2]) == 1
    assert len(delivered([record(1.0, b"d2")])[2]) == 1
