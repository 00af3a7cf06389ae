"""Growing delays, never a lock."""

import pytest

from web_interface.auth.guessing import FREE_PER_ACCOUNT, FREE_PER_ADDRESS, Guessing
from web_interface.services.access import TooMany


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def guessing(time: Time) -> Guessing:
    return Guessing(time)


def fail(guessing: Guessing, time: Time, account: str = "anna", source: str = "10.0.0.5") -> float:
    """One failed attempt once it is allowed; the seconds that had to be waited."""
    waited = 0.0
    while True:
        try:
            guessing.begin(account, source)
            return waited
        except TooMany as exc:
            assert exc.retry_after_s > 0  # noqa: PT017 - one of two outcomes
            waited += exc.retry_after_s
            time.now += exc.retry_after_s


def test_five_are_free_then_the_waits_grow_to_a_minute_and_no_further(guessing: Guessing, time: Time) -> None:
    assert [fail(guessing, time) for _ in range(FREE_PER_ACCOUNT)] == [0] * FREE_PER_ACCOUNT
    waits = [fail(guessing, time) for _ in range(10)]
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert set(waits[6:]) == {60}


def test_after_a_quarter_of_an_hour_it_begins_anew(guessing: Guessing, time: Time) -> None:
    for _ in range(8):
        fail(guessing, time)
    time.now += 16 * 60
    assert [fail(guessing, time) for _ in range(FREE_PER_ACCOUNT)] == [0] * FREE_PER_ACCOUNT


def test_an_address_that_tries_many_accounts(guessing: Guessing, time: Time) -> None:
    for n in range(FREE_PER_ADDRESS):
        guessing.begin(f"user{n}", "10.0.0.5")
    with pytest.raises(TooMany):
        guessing.begin("another", "10.0.0.5")
    guessing.begin("another", "10.0.0.6")


def test_case_of_the_name_does_not_help(guessing: Guessing, time: Time) -> None:
    for name in ("anna", "Anna", "ANNA", "aNNa", "anNa"):
        guessing.begin(name, "10.0.0.5")
    with pytest.raises(TooMany):
        guessing.begin("annA", "10.0.0.7")


def test_addresses_of_one_ipv6_network_are_one(guessing: Guessing, time: Time) -> None:
    for n in range(FREE_PER_ADDRESS):
        guessing.begin(f"user{n}", f"2001:db8:0:1::{n + 1:x}")
    with pytest.raises(TooMany):
        guessing.begin("another", "2001:db8:0:1:ffff::1")
    guessing.begin("another", "2001:db8:0:2::1")


def test_attempts_that_run_at_the_same_time_are_counted_from_their_start(guessing: Guessing, time: Time) -> None:
    for _ in range(FREE_PER_ACCOUNT):
        guessing.begin("anna", "10.0.0.5")  # none of them has failed yet
    with pytest.raises(TooMany):
        guessing.begin("anna", "10.0.0.5")


def test_success_forgets_the_account_but_hides_no_guesses_at_others(guessing: Guessing, time: Time) -> None:
    for n in range(FREE_PER_ADDRESS - 1):
        guessing.begin(f"user{n}", "10.0.0.5")
        guessing.begin("own", "10.0.0.9")
        guessing.succeeded("own", "10.0.0.9")
    guessing.begin("own", "10.0.0.5")
    guessing.succeeded("own", "10.0.0.5")
    guessing.begin("victim", "10.0.0.5")
    with pytest.raises(TooMany):
        guessing.begin("victim2", "10.0.0.5")


def test_memory_is_bounded(guessing: Guessing, time: Time) -> None:
    for n in range(12_000):
        guessing.begin(f"user{n}", f"10.{n >> 16}.{(n >> 8) & 255}.{n & 255}")
    assert len(guessing._records) <= 10_000
