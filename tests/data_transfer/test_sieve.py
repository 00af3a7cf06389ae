"""One value that a destination fails upon is found and put aside; a destination that is sick costs nothing but time."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from data_transfer.sieve import Sieve
from domain.feed import FeedEvent, Parcel, Refused
from domain.sample import TagId, TextSample

ROWS = [(tag, 1000 + number, 1.0, 0) for number in range(50) for tag in (1, 2, 3)]


def sift(parcel: Parcel, fails: Callable[[Parcel], bool], most: int = 2000) -> tuple[Sieve, list[Parcel], int]:
    """The sieve at its end, what was taken in order, how many deliveries that were."""
    sieve, taken = Sieve(parcel), list[Parcel]()
    for count in range(most):
        if sieve.over or sieve.hopeless or sieve.again:
            return sieve, taken, count
        part = sieve.part()
        if fails(part):
            sieve.failed("HTTP 500")
        else:
            taken.append(part)
            sieve.took(())
    raise AssertionError("it never ends")


def gone(sieve: Sieve) -> set[tuple[int, int]]:
    return {row[:2] for one in sieve.refused for row in one.samples}


@pytest.mark.parametrize(
    "bad",
    [{(1, 1000)}, {(3, 1049)}, {(2, 1010), (2, 1030)}, {(2, n) for n in range(1000, 1050)}, {(t, 1000 + n) for t in (1, 2, 3) for n in range(4)}],
    ids=["first", "last", "two", "every third", "the first twelve"],
)  # fmt: skip
def test_what_is_bad_is_found_and_the_rest_is_taken_in_order(bad: set[tuple[int, int]]) -> None:
    sieve, taken, count = sift(Parcel(7, ROWS), lambda part: any(row[:2] in bad for row in part.samples))
    assert sieve.over
    assert gone(sieve) == bad
    assert {one.reason for one in sieve.refused} == {"HTTP 500"}
    first = list(dict.fromkeys(row for part in taken for row in part.samples))
    assert first == [row for row in ROWS if row[:2] not in bad]
    assert count <= len(bad) * 24


def test_texts_and_events_are_found_too() -> None:
    texts = [TextSample(TagId(4), n, f"O{n}") for n in range(5)]
    events = [FeedEvent("state", "m", None, n, str(n), {}) for n in range(5)]
    bad = (texts[3], events[1])
    sieve, _taken, _count = sift(
        Parcel(1, ROWS[:9], texts, events), lambda part: any(one in bad for one in [*part.texts, *part.events])
    )
    assert [one for part in sieve.refused for one in [*part.texts, *part.events]] == list(bad)
    assert not gone(sieve)


def test_a_destination_that_takes_nothing_is_hopeless_and_nothing_is_given_up() -> None:
    sieve, taken, count = sift(Parcel(1, ROWS), lambda _part: True)
    assert sieve.hopeless
    assert (sieve.refused, taken) == ([], [])
    assert count < 60
    alone, _taken, _count = sift(Parcel(1, ROWS[:1]), lambda _part: True)
    assert alone.hopeless
    assert alone.refused == []


def test_a_destination_that_falls_ill_in_the_middle_makes_nothing_be_given_up() -> None:
    """The bad one is found; then nothing is taken for a while, not even what was taken before."""
    asked, bad = 0, (2, 1010)

    def fails(part: Parcel) -> bool:
        nonlocal asked
        asked += 1
        return any(row[:2] == bad for row in part.samples) or 12 <= asked < 200

    sieve, _taken, _count = sift(Parcel(1, ROWS), fails)
    assert sieve.again or gone(sieve) == {bad}


def test_an_item_that_is_taken_after_all_sends_everything_again() -> None:
    asked = 0

    def fails(part: Parcel) -> bool:
        nonlocal asked
        asked += 1
        return any(row[:2] == (1, 1000) for row in part.samples) and asked < 12

    sieve, _taken, _count = sift(Parcel(1, ROWS), fails)
    assert sieve.again
    assert sieve.refused == []


def test_what_the_destination_itself_refuses_is_kept_with_its_words() -> None:
    sieve = Sieve(Parcel(1, ROWS[:2]))
    sieve.failed("HTTP 500")
    sieve.took([Refused("field type conflict", [ROWS[0]])])
    sieve.took(())
    assert sieve.over
    assert [(one.reason, list(one.samples)) for one in sieve.refused] == [("field type conflict", [ROWS[0]])]


def test_a_flaky_destination_rarely_costs_a_good_value() -> None:
    dice, lost = random.Random(3), 0
    for _ in range(200):
        sieve, _taken, _count = sift(Parcel(1, ROWS), lambda _part: dice.random() < 0.2)
        lost += len(gone(sieve))
    assert lost <= 3
