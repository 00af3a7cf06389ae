"""Parts from counters and pulses: what counts, what waits, what is refused."""

from __future__ import annotations

import pytest

from analysis.parts import PartRule, counter_steps, covered_us, pulse_steps
from domain.production import PartStepKind as K
from domain.production import parts_between

S = 1_000_000
RULE = PartRule(shortest_cycle_s=1.0)


def steps(*readings: tuple[float, float], rule: PartRule = RULE):  # type: ignore[no-untyped-def]
    """Readings as (seconds, shown)."""
    return counter_steps([round(s * S) for s, _ in readings], [v for _, v in readings], rule)


def total(*readings: tuple[float, float], rule: PartRule = RULE) -> int:
    return sum(step.parts for step in steps(*readings, rule=rule))


def test_growth_counts_where_it_was_read() -> None:
    found = steps((0, 3035), (1338, 3036), (1520, 3037))
    assert [(s.parts, s.kind, s.to_us) for s in found] == [(1, K.COUNTED, 1338 * S), (1, K.COUNTED, 1520 * S)]
    assert parts_between(found, 1338 * S, 1520 * S) == 1


def test_a_first_zero_and_the_jump_after_it_count_nothing() -> None:
    """As a milling machine of a recorded shop did: 0, 3763, two hours and a half without connection, 3766, 3767."""
    found = steps((0, 0), (267, 3763), (11315, 3766), (11630, 3767))
    assert [(s.parts, s.kind) for s in found] == [(0, K.JUMP), (3, K.COUNTED), (1, K.COUNTED)]
    assert found[0].shown == 3763


def test_a_short_zero_between_loses_nothing() -> None:
    assert total((0, 41), (2, 0), (4, 41), (100, 42)) == 1
    assert total((0, 41), (2, 0), (4, 0), (6, 42)) == 1
    assert total((0, 3763), (2, 0), (269, 3763), (600, 3764)) == 1  # longer, but nobody makes 3763 parts in 267 s


def test_a_reset_counts_what_was_made_since() -> None:
    found = steps((0, 41), (2, 0), (10, 0), (120, 0), (300, 1), (600, 2))
    assert [(s.parts, s.kind) for s in found] == [(0, K.RESET), (1, K.COUNTED), (1, K.COUNTED)]
    assert total((0, 41), (2, 0), (300, 3)) == 3  # told on change only
    assert total((0, 41), (2, 0), (300, 42)) == 1  # told on change only: nobody made 42 meanwhile
    assert total((0, 1), (2, 0), (300, 1), (302, 0), (600, 1)) == 2  # a batch of one, set back after each
    assert total((0, 41), (100, 5), (200, 6)) == 1  # fell to 5 at once: what lies between is not known


def test_a_rollover_of_a_16_bit_counter_counts() -> None:
    rule = PartRule(shortest_cycle_s=1.0, wrap_at=65536)
    (step,) = steps((0, 65534), (10, 3), rule=rule)
    assert (step.parts, step.kind) == (5, K.WRAP)
    assert total((0, 40), (10, 0), (100, 0), (200, 1), rule=rule) == 1  # from 40 that is no rollover


def test_faster_than_parts_can_be_made_is_refused() -> None:
    assert total((0, 10), (60, 12), rule=PartRule(shortest_cycle_s=30)) == 2
    assert total((0, 10), (60, 14), (120, 15), rule=PartRule(shortest_cycle_s=30)) == 1


def test_the_same_readings_again_and_again_change_nothing() -> None:
    polled = [(t, 5 + (t >= 50) + (t >= 90)) for t in range(0, 120, 2)]
    assert total(*polled) == 2
    assert steps((0, 5), (0, 6), (1, 6)) == steps((0, 5), (1, 6))  # of two readings at one time the first


def test_a_pulse_counts_at_its_rising_edge() -> None:
    found = pulse_steps([0, S, 2 * S, 3 * S, 4 * S], [1, 0, 1, 1, 0])
    assert [(s.to_us, s.parts) for s in found] == [(2 * S, 1)]


@pytest.mark.parametrize(("times", "share"), [([0, 10, 20], 30), ([0, 60], 30 + 30), ([], 0), ([90], 10)])
def test_coverage_is_what_the_readings_hold(times: list[int], share: int) -> None:
    expected = {30: 20 + 30, 60: 60}.get(share, share)
    assert covered_us([t * S for t in times], 0, 100 * S, 30 * S) == expected * S
