"""What one feed's destination refused for good, on the disk: a line of JSON for each entry.

Which file it is and how long it is stands in the outbox's position, so that neither a half-written end nor a file that was made
and never came into force counts. Entries are taken out of the middle by writing the rest as the file of the next generation.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from domain.feed import FeedEvent, Quarantined, Refused
from domain.sample import TextSample


@dataclass(frozen=True, slots=True)
class Place:
    """Where the entries lie: the file's generation and how many of its bytes count."""

    generation: int = 0
    size: int = 0


@dataclass(slots=True)
class QuarantineFile:
    """All calls block on the disk."""

    folder: Path
    replace: Callable[[Path, bytes], None]
    _newest: int | None = None  # number of the entry given last

    def path(self, place: Place) -> Path:
        return self.folder / ("quarantine.jsonl" if place.generation == 0 else f"quarantine.{place.generation}.jsonl")

    def entries(self, place: Place, most: int | None = None, skip: int = 0) -> list[Quarantined]:
        """The oldest first."""
        lines = self._lines(place)
        return [_entry(line, number) for number, line in enumerate(lines, 1)][skip:] if most is None else [
            _entry(line, number) for number, line in enumerate(lines[skip : skip + most], skip + 1)
        ]  # fmt: skip

    def append(self, place: Place, refused: Sequence[Refused], now_us: int) -> Place:
        """Synced behind what counts. Raises OSError."""
        if not refused:
            return place
        if self._newest is None:
            self._newest = max((entry.number for entry in self.entries(place)), default=0)
        number, lines = self._newest, []
        for one in refused:
            number = max(number + 1, now_us)
            lines.append(_line(one, number, now_us))
        data = b"".join(lines)
        self.cut(place)
        with self.path(place).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._newest = number
        return Place(place.generation, place.size + len(data))

    def without(self, place: Place, left: Sequence[Quarantined]) -> Place:
        """A file of `left` alone; what lies at `place` stays until `tidy`. Raises OSError."""
        data = b"".join(_line(one, one.number, one.refused_us) for one in left)
        new = Place(place.generation + 1, len(data))
        self.replace(self.path(new), data)
        return new

    def tidy(self, place: Place) -> None:
        """Only the file at `place` remains, and only what counts of it."""
        for path in self.folder.glob("quarantine*.jsonl"):
            if path != self.path(place) and not path.name.startswith("quarantine-"):  # those were set aside
                with contextlib.suppress(OSError):
                    path.unlink()
        self.cut(place)

    def cut(self, place: Place) -> None:
        """What lies behind the end that counts was never finished."""
        path = self.path(place)
        with contextlib.suppress(FileNotFoundError):
            os.truncate(path, min(place.size, path.stat().st_size))

    def _lines(self, place: Place) -> list[bytes]:
        try:
            with self.path(place).open("rb") as file:
                return file.read(place.size).splitlines()
        except FileNotFoundError:
            return []


def chosen(entries: Sequence[Quarantined], numbers: Collection[int] | None) -> tuple[list[Quarantined], list[Quarantined]]:
    """Those of `numbers`, or all of them; and the others."""
    wanted = None if numbers is None else frozenset(numbers)
    found = [entry for entry in entries if wanted is None or entry.number in wanted]
    return found, [] if wanted is None else [entry for entry in entries if entry.number not in wanted]


def _line(refused: Refused, number: int, refused_us: int) -> bytes:
    told: dict[str, Any] = {
        "number": number, "refused_us": refused_us, "reason": refused.reason, "samples": list(refused.samples),
        "texts": [asdict(text) for text in refused.texts], "events": [asdict(event) for event in refused.events],
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _entry(line: bytes, place: int) -> Quarantined:
    """`place` in the file is the number of an entry that was written before they had one; the file's next form has it."""
    found = json.loads(line)
    return Quarantined(
        found["reason"], [(tag, us, value, quality) for tag, us, value, quality in found["samples"]],
        [TextSample(**text) for text in found["texts"]], [FeedEvent(**event) for event in found["events"]],
        found.get("number", place), found.get("refused_us", 0),
    )  # fmt: skip
