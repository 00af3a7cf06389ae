"""Inspection wired: items from the bus, verdicts to the lines, pictures from cameras, models learned in the worker process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from analysis.inspection.learning import HeavyWork, compared, learned
from analysis.inspection.models import Document
from analysis.inspection.service import Inspection
from application.cameras import Cameras
from database import Database
from domain.camera import CameraStatus, Comparing
from domain.inspection import VerdictDesk
from domain.ports import Clock
from runtime.offload import Offload

Job = Callable[[], Awaitable[None]]
SETTLE_S: Final = 2.0


def build_inspection(
    database: Database, clock: Clock, desk: VerdictDesk, offload: Offload, cameras: Cameras,
    statuses: Callable[[], Sequence[CameraStatus]],
) -> tuple[Inspection, Job]:
    """With its long-lived task. `desk`: where the lines take verdicts from; `statuses`: how the cameras fare."""

    async def learn(
        kind: str, items: Sequence[Mapping[str, float]], pictures: Sequence[bytes], comparing: Comparing | None
    ) -> Document:
        return await offload.run(learned, kind, [dict(item) for item in items], pictures, comparing)

    async def compare(reference: Mapping[str, Any], jpegs: Sequence[bytes]) -> Sequence[Mapping[str, float] | None]:
        return await offload.run(compared, dict(reference), jpegs)

    heavy = HeavyWork(learn, compare)
    inspection = Inspection(database.inspection, database.audit, clock, desk.hand_in, heavy, cameras.look, statuses)
    return inspection, partial(_run, inspection, cameras)


async def _run(inspection: Inspection, cameras: Cameras) -> None:
    """Until cancelled; then the items whose pictures are being taken are waited for and stored."""
    try:
        await inspection.run()
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await inspection.inspector.settle()
        await inspection.flush()
        await cameras.close()
