"""What a long run found: claims that held or not, all of them, and figures; a run of half an hour does not end at its first finding."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


def say(words: str) -> None:
    """One line with the time of day: a run is watched through its file."""
    print(time.strftime("%H:%M:%S"), words, flush=True)


@dataclass
class Verdict:
    """`held` and `figure` note, `ok` tells how it ended."""

    title: str
    wrong: list[str] = field(default_factory=list)
    figures: list[tuple[str, str]] = field(default_factory=list)

    def held(self, claim: str, holds: object, seen: object = "") -> None:
        """A claim and whether it holds; `seen` is printed with it."""
        if not holds:
            self.wrong.append(f"{claim}: {seen}" if seen != "" else claim)
        say(f"{'held' if holds else 'WRONG'}: {claim}{f' ({seen})' if seen != '' else ''}")

    def figure(self, what: str, value: str) -> None:
        """Something measured, not judged."""
        self.figures.append((what, value))

    @property
    def ok(self) -> bool:
        return not self.wrong

    def text(self) -> str:
        """Figures as a table, then what did not hold."""
        lines = [f"### {self.title}", "", "| what | figure |", "| --- | --- |", *(f"| {what} | {value} |" for what, value in self.figures)]
        return "\n".join([*lines, "", "all claims held" if self.ok else "\n".join(f"WRONG: {words}" for words in self.wrong)])
