"""Inspection wired: items from the bus, verdicts to the lines, models learned in the worker process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.inspection.models import Document
from analysis.inspection.service import Inspection, learned
from database import Database
from domain.inspection import VerdictDesk
from domain.ports import Clock
from runtime.offload import Offload


def build_inspection(database: Database, clock: Clock, desk: VerdictDesk, offload: Offload) -> Inspection:
    """`desk`: where the lines take verdicts from."""

    async def heavy(kind: str, items: Sequence[Mapping[str, float]]) -> Document:
        return await offload.run(learned, kind, [dict(item) for item in items])

    return Inspection(database.inspection, database.audit, clock, desk.hand_in, heavy)
