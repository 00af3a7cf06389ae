"""Inspection at the collector: a verdict that a machine waits for is given where its line is, whatever Kafka and database do.

Items go with the events through journal and Kafka; ingesters store them. Their numbers go on from the own disk, since the
database may be behind.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from analysis.inspection.inspector import ActiveModel, Inspector, Look
from data_transfer.events import of_item
from domain.camera import Camera
from domain.feed import FeedEvent
from domain.inspection import InspectedItem, QualityModel, VerdictDesk
from domain.plant import Plant, Tag
from domain.sample import Batch

log = logging.getLogger(__name__)

FILE: Final = "inspected.json"


class EdgeInspection:
    """A sink of batches. `desk`: where the lines take verdicts from; `tell` takes items as events; `look` takes pictures."""

    def __init__(self, data_dir: Path, tell: Callable[[FeedEvent], None], look: Look | None = None) -> None:
        self.desk, self._tell, self._file = VerdictDesk(), tell, data_dir / FILE
        self._numbers = self._remembered()
        self._inspector = Inspector(self.desk.hand_in, self._keep, self._numbers, look)

    def apply(self, plant: Plant, tags: Sequence[Tag], models: Sequence[QualityModel], numbers: Mapping[str, int]) -> None:
        """The plant as it is now, who judges, and the last items that the database knows of."""
        self._inspector.apply(plant, tags)
        self._numbers |= {device: number for device, number in numbers.items() if number > self._numbers.get(device, 0)}
        self._inspector.went_on(self._numbers)
        self._inspector.models = {model.device_id: ActiveModel(model.name, model.document) for model in models}

    def camera(self, device_id: str) -> Camera | None:
        """Of that device; None where it has none here."""
        return self._inspector.cameras.get(device_id)

    def on_batch(self, batch: Batch) -> None:
        self._inspector.on_batch(batch)

    def _keep(self, item: InspectedItem) -> None:
        self._numbers[item.device_id] = item.number
        beside = self._file.with_suffix(".new")
        try:
            beside.write_text(json.dumps(self._numbers))
            beside.rename(self._file)
        except OSError as exc:
            log.error("the number of the last item cannot be remembered in %s: %s", self._file, exc)
        self._tell(of_item(item))

    def _remembered(self) -> dict[str, int]:
        try:
            return {str(device): int(number) for device, number in json.loads(self._file.read_bytes()).items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as exc:
            log.error("%s cannot be read, numbers of items go on from the database: %s", self._file, exc)
            return {}
