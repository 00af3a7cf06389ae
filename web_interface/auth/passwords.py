"""Passwords: Argon2id, at most two at a time and never on the event loop; what is refused as too easily guessed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from passlib.hash import argon2

from domain.errors import ConfigError
from web_interface.services.access import TooMany

SHORTEST, LONGEST = 12, 128
AT_ONCE, LONGEST_WAIT_S = 2, 5.0
PRODUCT_WORDS = ("energy", "monitoring", "monitor", "energymonitoring", "энергия", "мониторинг", "энергомониторинг")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Hashing:
    """Cost of one hash. Defaults: 46 MiB, one pass, one lane (OWASP's first choice for Argon2id)."""

    memory_kib: int = 46 * 1024
    time_cost: int = 1
    _hasher: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        hasher = argon2.using(type="ID", rounds=self.time_cost, memory_cost=self.memory_kib, parallelism=1)
        object.__setattr__(self, "_hasher", hasher)

    def hash(self, password: str) -> str:
        """Blocks for tens of milliseconds."""
        return str(self._hasher.hash(password))

    def verify(self, password_hash: str, password: str) -> bool:
        """Blocks; False also for a hash that makes no sense."""
        try:
            return bool(self._hasher.verify(password, password_hash))
        except (ValueError, TypeError):
            return False

    def outdated(self, password_hash: str) -> bool:
        """Was it made with another cost than is asked now?"""
        return bool(self._hasher.needs_update(password_hash))


class PasswordWork:
    """Runs hashes on two threads of its own; a caller who would wait more than 5 s gets TooMany instead."""

    def __init__(self, hashing: Hashing) -> None:
        self.hashing = hashing
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._threads = ThreadPoolExecutor(AT_ONCE, "password")
        self._dummy: str | None = None
        self.done = 0

    async def hash(self, password: str) -> str:
        """Raises TooMany."""
        return await self._run(lambda: self.hashing.hash(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """With None (no such user) the same work is done and the answer is False. Raises TooMany."""
        if password_hash is None:
            if self._dummy is None:
                self._dummy = await self.hash("an account that does not exist")
            await self._run(lambda: self.hashing.verify(str(self._dummy), password))
            return False
        return await self._run(lambda: self.hashing.verify(password_hash, password))

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            raise TooMany(LONGEST_WAIT_S) from None
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        # the slot is free when the thread is, not when a caller that gave up is
        future.add_done_callback(lambda _done: self._slots.release())
        self.done += 1
        return await asyncio.shield(future)


def check_policy(password: str, *own_words: str) -> None:
    """Raises ConfigError saying what is wrong. `own_words`: the user's name and the like. Any character may be used."""
    if len(password) < SHORTEST:
        raise ConfigError(f"password: too short, at least {SHORTEST} characters are needed")
    if len(password) > LONGEST:
        raise ConfigError(f"password: too long, at most {LONGEST} characters are kept")
    if guessable(password, *own_words):
        raise ConfigError(
            "password: easily guessed: one of the commonest, or made only of common words, the product's or your name, "
            "rows of keys and digits"
        )


def guessable(password: str, *own_words: str) -> bool:
    """Is it on the list of common passwords, or made of nothing but common pieces?"""
    plain = password.casefold()
    if plain in common_passwords() or len(set(plain)) <= 3:
        return True
    own = tuple(word.casefold() for word in own_words if len(word) > 2)
    return any(_only_pieces(variant, own) for variant in {plain, plain.translate(_LEET)})


_LEET = str.maketrans("@4310$57!|", "aaeiosstil")
_FILLER = re.compile(r"[\W\d_]+")
_ROWS = (
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)


def _only_pieces(text: str, own: tuple[str, ...]) -> bool:
    """Can `text` be cut wholly into common words, key rows, runs of one character, digits and signs?"""
    words = common_words() | set(PRODUCT_WORDS) | set(own)
    longest = max(map(len, words))
    reached = {0}
    for start in range(len(text)):
        if start not in reached:
            continue
        filler = _FILLER.match(text, start)
        if filler:
            reached.update(range(start + 1, filler.end() + 1))
        run = start + 1
        while run < len(text) and text[run] == text[start]:
            run += 1
        if run - start >= 3:
            reached.update(range(start + 3, run + 1))
        for end in range(start + 3, min(len(text), start + longest) + 1):
            piece = text[start:end]
            if piece in words or (len(piece) >= 4 and any(piece in row or piece[::-1] in row for row in _ROWS)):
                reached.add(end)
    return len(text) in reached


@cache
def common_words() -> frozenset[str]:
    """Words that common passwords are made of."""
    text = (Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.casefold().split())


@cache
def common_passwords() -> frozenset[str]:
    """Common words with the endings people add: over 3 000, all lower case."""
    endings = (
        "",
        "1",
        "12",
        "123",
        "1234",
        "12345",
        "123456",
        "!",
        "1!",
        "123!",
        "2024",
        "2025",
        "2026",
        "01",
        "007",
        "69",
        "777",
    )
    words = common_words()
    return frozenset(word + ending for word in words for ending in endings) | {word * n for word in words for n in (2, 3, 4)}
