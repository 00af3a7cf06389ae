"""The in-process bus: batches reach every subscriber in the order they were published.

Subscribers are plain calls that put the batch somewhere and return at once; one that raises is logged and counted and
costs the others nothing.
"""

from __future__ import annotations

import logging
from collections import Counter

from domain.ports import Sink
from domain.sample import Batch

log = logging.getLogger(__name__)


class InProcessBus:
    """Implements domain.ports.Bus within one event loop."""

    def __init__(self) -> None:
        self._sinks: list[tuple[str, Sink]] = []
        self.failures: Counter[str] = Counter()

    def subscribe(self, name: str, sink: Sink) -> None:
        """Later batches go to `sink` too; `name` appears in logs and on the status page."""
        self._sinks.append((name, sink))

    def publish(self, batch: Batch) -> None:
        """Hand `batch` to every subscriber, in order of subscription (the writer subscribes first)."""
        for name, sink in self._sinks:
            try:
                sink(batch)
            except Exception:
                self.failures[name] += 1
                if self.failures[name] in {1, 10, 100} or self.failures[name] % 1000 == 0:
                    log.exception("subscriber %s failed on a batch of %s (%d times)", name, batch.device_id, self.failures[name])
