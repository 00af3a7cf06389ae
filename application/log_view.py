"""The program's own log for those who look after it: levels, a search, no more than asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.log_line import LEVELS, LogLine


class LogView:
    """Implements web_interface.services.LogService over the newest lines in memory."""

    def __init__(self, lines: Callable[[], Sequence[LogLine]]) -> None:
        self._lines = lines

    def lines(self, actor: Actor, *, level: str = "INFO", text: str = "", limit: int = 500) -> Sequence[LogLine]:
        """Newest first, of `level` or worse, that hold `text` (case ignored). Raises Forbidden (below engineer)."""
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("the log needs the role engineer")
        least = LEVELS.index(level)
        wanted = text.casefold().strip()
        found = [
            line
            for line in reversed(self._lines())
            if LEVELS.index(line.level) >= least
            and (not wanted or wanted in f"{line.logger} {line.message} {line.error}".casefold())
        ]
        return found[:limit]
