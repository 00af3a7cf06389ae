"""Claims of a control: while they are fresh they win; live and over columns alike."""

from __future__ import annotations

import random

import pytest

from analysis.control import (
    ClaimStream,
    Column,
    Conflict,
    Joiner,
    claim_seconds,
    claims_of,
    conflict_us,
    join,
    joined,
    number_column,
)  # fmt: skip
from analysis.states import StateMachine, Timing, states_of, tile
from domain.production import ControlSignals, ControlState
from domain.state import MachineState as M
from domain.state import StateInterval, StateThresholds

S = 1_000_000
TIMING = Timing.of(1.0)  # holds 4 s
RUN, WAIT, BROKEN = ControlState.RUNNING, ControlState.IDLE, ControlState.ALARM
SIGNALS = ControlSignals(execution="cnc.x", running=frozenset({"2", "active"}), idle=frozenset({"1", "ready"}), alarm=frozenset({"9"}))
LATHE = StateThresholds(0.3, 3.0, 10)


def tiles(*parts: tuple[M, int, int]) -> list[StateInterval]:
    return [StateInterval("m", state, a * S, b * S) for state, a, b in parts]


def shape(intervals: list[StateInterval]) -> list[tuple[M, int, int]]:
    return [(i.state, i.from_us // S, (i.to_us or 0) // S) for i in intervals]


@pytest.mark.parametrize(
    ("power", "claim", "state"),
    [
        (M.IDLE, RUN, M.PRODUCTION), (M.OFF, RUN, M.PRODUCTION), (M.PRODUCTION, WAIT, M.IDLE), (M.OFF, WAIT, M.OFF),
        (M.NO_DATA, WAIT, M.IDLE), (M.PRODUCTION, BROKEN, M.ALARM), (M.OFF, None, M.OFF), (M.NO_DATA, None, M.NO_DATA),
    ],
)  # fmt: skip
def test_a_claim_wins_over_the_power(power: M, claim: ControlState | None, state: M) -> None:
    assert joined(power, claim) is state


def test_states_of_power_and_claims_join_at_every_border() -> None:
    power = tiles((M.IDLE, 0, 50), (M.PRODUCTION, 50, 100))
    claims = [(0, None), (20 * S, RUN), (60 * S, None), (80 * S, WAIT)]
    assert shape(join(power, claims)) == [(M.IDLE, 0, 20), (M.PRODUCTION, 20, 80), (M.IDLE, 80, 100)]
    assert conflict_us(power, claims) == (30 + 20) * S
    assert claim_seconds(claims, 100 * S) == {None: 40.0, RUN: 40.0, WAIT: 20.0}


def test_a_claim_is_over_when_its_signal_is_not_fresh() -> None:
    stream = ClaimStream(SIGNALS, TIMING, None)
    assert stream.execution(0, "2") == [(0, RUN)]
    assert stream.tick(4 * S) == []
    assert stream.tick(5 * S) == [(S, None)]  # from one interval after the last sample on
    assert stream.execution(9 * S, "1") == [(9 * S, WAIT)]
    assert stream.execution(20 * S, "1") == [(10 * S, None), (20 * S, WAIT)]
    assert stream.execution(21 * S, "7") == [(21 * S, None)]  # a value that means nothing


def test_a_text_holds_while_its_device_is_heard() -> None:
    stream = ClaimStream(SIGNALS, TIMING, None)
    assert stream.execution(0, "active") == [(0, RUN)]
    assert [stream.pulse(n * S) for n in range(1, 30)] == [[]] * 29
    assert stream.pulse(60 * S) == [(30 * S, None), (60 * S, RUN)]


def test_no_claim_while_the_control_is_not_connected() -> None:
    signals = ControlSignals("cnc.x", frozenset({"active"}), connected="cnc.avail")
    execution = Column([0, 50 * S], ["active", "active"])
    connected = Column([10 * S, 40 * S, 70 * S], ["available", "unavailable", "available"])
    assert claims_of(signals, execution, connected, [], 0, 100 * S) == [
        (0, None), (10 * S, RUN), (40 * S, None), (70 * S, RUN)
    ]  # fmt: skip


def test_a_window_begins_with_the_claim_that_stood() -> None:
    assert claims_of(SIGNALS, Column([0], ["active"]), None, [], 5 * S, 9 * S) == [(5 * S, RUN)]
    assert claims_of(SIGNALS, Column([], []), None, [], 5 * S, 9 * S) == [(5 * S, None)]


def test_columns_of_numbers_keep_only_what_tells() -> None:
    times = [n * S for n in range(100) if not 40 <= n < 60]
    values = [2.0 if t < 80 * S else 1.0 for t in times]
    column = number_column(times, values, [0] * len(times), TIMING)
    assert [(t // S, u // S) for t, u in zip(column.times_us, column.until_us or (), strict=True)] == [(0, 39), (60, 79), (80, 99)]
    whole = Column(times, ["2" if v == 2.0 else "1" for v in values], TIMING)  # one by one
    expected = [(0, RUN), (40 * S, None), (60 * S, RUN), (80 * S, WAIT), (100 * S, None)]
    assert claims_of(SIGNALS, column, None, [], 0, 120 * S) == claims_of(SIGNALS, whole, None, [], 0, 120 * S) == expected


def test_an_interval_that_was_told_keeps_its_begin() -> None:
    joiner = Joiner("m", 0)
    told: dict[int, StateInterval] = {0: joiner.current}
    for changes in (
        joiner.power([StateInterval("m", M.IDLE, 0, None)]),
        joiner.claims([(30 * S, RUN)]),
        joiner.power([StateInterval("m", M.IDLE, 0, 25 * S), StateInterval("m", M.PRODUCTION, 25 * S, None)]),  # believed at 35 s
        joiner.claims([(60 * S, BROKEN)]),
    ):
        told |= {change.from_us: change for change in changes}
    in_order = [told[key] for key in sorted(told)]
    assert shape(in_order[:-1]) == [(M.IDLE, 0, 25), (M.PRODUCTION, 25, 30), (M.PRODUCTION, 30, 60)]
    assert (in_order[-1].state, in_order[-1].to_us) == (M.ALARM, None)
    assert shape(tile("m", in_order, 0, 70 * S)) == [(M.IDLE, 0, 25), (M.PRODUCTION, 25, 60), (M.ALARM, 60, 70)]


def test_how_long_they_contradict_each_other() -> None:
    joiner = Joiner("m", 0)
    joiner.power([StateInterval("m", M.IDLE, 0, None)])
    assert joiner.conflict is None
    joiner.claims([(30 * S, RUN)])
    assert joiner.conflict == Conflict(30 * S, RUN, M.IDLE)
    assert joiner.conflict.detail == "running_idle"
    joiner.power([StateInterval("m", M.PRODUCTION, 50 * S, None)])
    assert joiner.conflict is None


@pytest.mark.parametrize("seed", range(12))
def test_the_stream_says_what_the_columns_say(seed: int) -> None:
    rng = random.Random(seed)
    kw, key, rows = 0.1, 0.0, []
    for second in range(1500):
        if rng.random() < 0.03:
            kw = rng.choice([0.05, 1.0, 1.5, 5.0, 7.0])
        if rng.random() < 0.02:
            key = rng.choice([1.0, 2.0, 2.0, 9.0, 5.0])
        rows.append((second * S, kw if rng.random() > 0.02 else None, key if rng.random() > 0.05 else None))
    lost = [(rng.randrange(1400), rng.randrange(5, 60), rng.randrange(2)) for _ in range(6)]
    machine, stream, joiner = StateMachine("m", LATHE, TIMING, 0), ClaimStream(SIGNALS, TIMING, None), Joiner("m", 0)
    told: dict[int, StateInterval] = {0: joiner.current}
    powers, keys = [], []
    for at, power, value in rows:
        gone = {which for begin, length, which in lost if begin <= at // S < begin + length}
        changes = []
        if 0 not in gone:
            powers.append((at, power))
            changes += joiner.power(machine.feed(at, power, 0 if power is not None else 65))
        if 1 not in gone and value is not None:
            keys.append((at, value))
            changes += joiner.claims(stream.execution(at, f"{value:g}"))
        changes += joiner.power(machine.tick(at))
        changes += joiner.claims(stream.tick(at))
        told |= {change.from_us: change for change in changes}
    end = rows[-1][0]
    live = tile("m", [told[k] for k in sorted(told)], 0, end)
    made = states_of("m", [p[0] for p in powers], [p[1] for p in powers], [0] * len(powers), LATHE, TIMING, 0, end)
    column = number_column([k[0] for k in keys], [k[1] for k in keys], [0] * len(keys), TIMING)
    past = tile("m", join(made, claims_of(SIGNALS, column, None, [], 0, end)), 0, end)
    assert [i for i in live if (i.to_us or end) <= end - 30 * S] == [i for i in past if (i.to_us or end) <= end - 30 * S]


def test_every_other_value_can_mean_a_state() -> None:
    signals = ControlSignals("cnc.x", frozenset({"3"}), idle=frozenset({"*"}), alarm=frozenset({"5"}))
    assert [signals.claim(key) for key in ("3", "5", "1", "anything")] == [RUN, BROKEN, WAIT, WAIT]
    assert ControlSignals("cnc.x", frozenset({"*"}), idle=frozenset({"0"})).claim("7") is RUN


def test_an_alarm_of_its_own_tag_stands_over_what_the_program_does() -> None:
    signals = ControlSignals("cnc.x", frozenset({"3"}), idle=frozenset({"*"}), alarm_active="cnc.alarm", connected="cnc.on")
    execution = Column([0, 100 * S], ["3", "3"])
    alarm = Column([0, 20 * S, 50 * S, 80 * S], ["0", "2", "none", "707"])
    connected = Column([0, 90 * S], ["1", "0"])
    found = claims_of(signals, execution, connected, [], 0, 100 * S, alarm)
    assert found == [(0, RUN), (20 * S, BROKEN), (50 * S, RUN), (80 * S, BROKEN), (90 * S, None)]
    stream = ClaimStream(signals, None, None, TIMING)
    assert stream.connected(0, "1") + stream.execution(0, "3") + stream.alarm(S, "2") == [(0, RUN), (S, BROKEN)]
    assert stream.tick(9 * S) == [(2 * S, RUN)]  # an alarm nobody tells any longer is none
