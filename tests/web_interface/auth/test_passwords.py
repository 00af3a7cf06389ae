"""Argon2id at the promised cost, two at a time; what is too easily guessed."""

import asyncio
import threading
import time

import pytest

from domain.errors import ConfigError
from web_interface.auth import passwords
from web_interface.auth.passwords import Hashing, PasswordWork, check_policy, common_passwords, guessable
from web_interface.services.access import TooMany


def test_the_stored_form_is_argon2id_with_46_mib() -> None:
    stored = Hashing().hash("a long enough passphrase")
    assert stored.startswith("$argon2id$v=19$m=47104,t=1,p=1$")


def test_verification_and_growing_cost() -> None:
    cheap, dearer = Hashing(memory_kib=64), Hashing(memory_kib=128)
    stored = cheap.hash("a long enough passphrase")
    assert cheap.verify(stored, "a long enough passphrase")
    assert not cheap.verify(stored, "a long enough passphrasE")
    assert not cheap.verify("not a hash", "a long enough passphrase")
    assert not cheap.outdated(stored)
    assert dearer.outdated(stored)


@pytest.mark.parametrize("password", ["Short-pass1", "x" * 11])
def test_too_short(password: str) -> None:
    with pytest.raises(ConfigError, match="too short"):
        check_policy(password)


def test_too_long() -> None:
    with pytest.raises(ConfigError, match="too long"):
        check_policy("Kran 7 Schacht " * 9)


@pytest.mark.parametrize(
    "password",
    [
        "password12345", "PASSWORD!2026", "qwertyuiop123", "aaaaaaaaaaaa", "123456789012", "iloveyou2025!", "P@ssw0rd2026!!",
        "correcthorsebatterystaple", "energymonitoring1", "Administrator1", "пароль пароль 1", "йцукенгшщзхъ", "letmeinletmein",
        "monkeymonkeymonkey", "anna.petrova.2026",
    ],
)  # fmt: skip
def test_easily_guessed(password: str) -> None:
    with pytest.raises(ConfigError, match="easily guessed"):
        check_policy(password, "anna", "petrova")


@pytest.mark.parametrize(
    "password", ["lathe-and-mill-2026", "чайник на плите кипит", "Wk7-plum-Schacht", "🦊🦊 über den Fluss", "tr0ub4dor&3xyz"]
)
def test_any_characters_are_welcome(password: str) -> None:
    check_policy(password, "anna")


def test_the_list_is_longer_than_3000_and_every_entry_of_it_is_refused() -> None:
    listed = common_passwords()
    assert len(listed) > 3000
    assert all(guessable(word) for word in listed)


def test_judging_the_worst_text_is_quick() -> None:
    begun = time.thread_time()
    guessable("aeiostil" * 16)
    assert time.thread_time() - begun < 0.05


class SlowHashing(Hashing):
    """Counts how many hash at once; each waits for `gate`."""

    def __init__(self) -> None:
        super().__init__(memory_kib=64)
        object.__setattr__(self, "gate", threading.Event())
        object.__setattr__(self, "running", [0, 0])
        object.__setattr__(self, "lock", threading.Lock())

    def hash(self, password: str) -> str:
        with self.lock:  # type: ignore[attr-defined]
            self.running[0] += 1  # type: ignore[attr-defined]
            self.running[1] = max(self.running)  # type: ignore[attr-defined]
        self.gate.wait(10)  # type: ignore[attr-defined]
        with self.lock:  # type: ignore[attr-defined]
            self.running[0] -= 1  # type: ignore[attr-defined]
        return "hash"


async def test_at_most_two_at_once_and_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "LONGEST_WAIT_S", 0.2)
    slow = SlowHashing()
    work = PasswordWork(slow)
    busy = [asyncio.create_task(work.hash("x")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await work.hash("x")
    busy[0].cancel()  # its thread goes on: the slot is not free yet
    with pytest.raises(TooMany):
        await work.hash("x")
    slow.gate.set()  # type: ignore[attr-defined]
    assert await busy[1] == "hash"
    assert await work.hash("x") == "hash"
    assert slow.running[1] == 2  # type: ignore[attr-defined]


async def test_an_unknown_user_costs_the_same_work() -> None:
    work = PasswordWork(Hashing(memory_kib=8 * 1024))
    stored = await work.hash("a long enough passphrase")
    await work.verify(None, "warm up")
    times: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(9):  # by turns, so that whatever else the machine does hits both
        for password_hash, taken in times.items():
            done, begun = work.done, time.perf_counter()
            assert await work.verify(password_hash, "wrong") is False
            taken.append(time.perf_counter() - begun)
            assert work.done == done + 1, "one hash each"
    assert 0.3 < min(times[stored]) / min(times[None]) < 3.3
