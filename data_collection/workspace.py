"""What a transport may use of the installation beside its line."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from domain.inspection import VerdictDesk
from domain.ports import Clock

if TYPE_CHECKING:
    from data_collection.mqtt.plugin_host import PluginHost


class _WallClock:
    """The computer's clocks, where nobody gives another."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Workspace:
    """`data_dir`: the data folder, for certificates, plug-ins and the like; None where there is none (a test, a file alone).

    `plugins`: those that run already; None where a line has to run them itself. `verdicts`: where verdicts on inspected items go.
    """

    data_dir: Path | None = None
    clock: Clock = field(default_factory=_WallClock)
    plugins: PluginHost | None = None
    verdicts: VerdictDesk = field(default_factory=VerdictDesk)
