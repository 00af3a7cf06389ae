"""Looking at the frames of a line: for administrators, while they look."""

from __future__ import annotations

from data_collection.collector import Collector
from domain.access import Actor, Role
from domain.errors import Forbidden
from domain.line_frame import LineFrames


class LineWatch:
    """Implements web_interface.services.LineWatchService."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def frames(self, line_id: str, after: int, actor: Actor) -> LineFrames:
        """Frames since number `after`. Raises NotFound, Forbidden (below admin)."""
        if not actor.role.allows(Role.ADMIN):
            raise Forbidden("watching a line needs the role admin")
        return self._collector.frames(line_id, after)
