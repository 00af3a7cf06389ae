"""What a transport may use of the installation beside its line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """`data_dir`: the data folder, for certificates, plug-ins and the like; None where there is none (a test, a file alone)."""

    data_dir: Path | None = None
