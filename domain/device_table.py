"""Devices as a table that was made elsewhere: what each of its rows would do, before any does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from domain.errors import ConfigError
from domain.plant_version import FieldChange


class RowKind(Enum):
    """What a row would do to the plant."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class CellProblem:
    """`cell`: as a spreadsheet calls it (D7), "" for the whole row; `field`: its column. Message and expectation in English."""

    cell: str
    field: str
    message: str
    expected: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the file that names a device; `number` counts from 1 as in the file."""

    number: int
    device: str
    kind: RowKind
    fields: Mapping[str, object]
    changes: Sequence[FieldChange] = ()
    problems: Sequence[CellProblem] = ()


@dataclass(frozen=True, slots=True)
class DevicePreview:
    """What importing the file would do. `base`: the version that runs; `header`: what is wrong with the first row.

    `error`: why the rest of the plant could not live with the rows that are right; nothing can be imported then.
    """

    base: int
    rows: Sequence[TableRow]
    header: Sequence[CellProblem] = ()
    error: ConfigError | None = None
    document: Mapping[str, object] | None = None

    def count(self, kind: RowKind) -> int:
        """Rows of that kind."""
        return sum(row.kind is kind for row in self.rows)

    @property
    def importable(self) -> int:
        """Rows that would change something."""
        return 0 if self.error is not None or self.header else self.count(RowKind.NEW) + self.count(RowKind.CHANGED)
