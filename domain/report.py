"""Reports as data: what one consists of (template), when it is made by itself (schedule), and what came of each time (run)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class PeriodKind(Enum):
    """What one report covers."""

    SHIFT = "shift"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Part(Enum):
    """A part of a report, in the order of the template."""

    SUMMARY = "summary"  # verdict and figures
    POWER = "power"
    DAYS = "days"
    AREAS = "areas"  # sections of the plant
    MACHINES = "machines"
    MONEY = "money"
    PEAKS = "peaks"
    REACTIVE = "reactive"
    BALANCE = "balance"
    LOOPS = "loops"  # control loops
    FINDINGS = "findings"
    ALERTS = "alerts"
    FORMULAS = "formulas"


class FigureKind(Enum):
    """A tile of the summary."""

    ENERGY = "energy"
    COST = "cost"
    KEF = "kef"
    HALF_HOUR = "half_hour"
    TG_PHI = "tg_phi"
    IDLE = "idle"
    ALERTS = "alerts"
    CO2 = "co2"


class PageFormat(Enum):
    """Paper of the PDF and of the printed workbook."""

    A4 = "a4"
    A4_LANDSCAPE = "a4_landscape"
    A3 = "a3"
    LETTER = "letter"


@dataclass(frozen=True, slots=True)
class NamedCells:
    """Cells of a workbook that a name stands for: the first one and how many. `name` without its prefix."""

    name: str
    sheet: str
    first: str
    count: int


@dataclass(frozen=True, slots=True)
class ReportWorkbook:
    """A customer's own workbook, without its bytes. `digest`: SHA-256 of them, hexadecimal."""

    file_name: str
    size_bytes: int
    digest: str
    cells: tuple[NamedCells, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkbookFile:
    """A workbook as it was sent."""

    file_name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WorkbookName:
    """A name that cells of a workbook may have: as Excel knows it, what it is filled with, and whether it is a list."""

    name: str
    words: str
    listed: bool


@dataclass(frozen=True, slots=True)
class ReportTemplate:
    """What a report consists of. `machines` (ids) and `areas` (sections of the plant) choose whom it is about; both empty: all.

    `language` None: the site's. `name` "": a shipped one, named by the catalogues. `version` counts its changes.
    `workbook`: the customer's own that is filled when the report is issued as XLSX; its bytes are kept apart.
    """

    id: str
    name: str = ""
    period: PeriodKind = PeriodKind.SHIFT
    parts: tuple[Part, ...] = ()
    figures: tuple[FigureKind, ...] = ()
    machines: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    language: str | None = None
    page: PageFormat = PageFormat.A4
    logo: bytes | None = field(default=None, repr=False)
    version: int = 1
    shipped: bool = False
    workbook: ReportWorkbook | None = None


def template_document(template: ReportTemplate) -> dict[str, object]:
    """What the template says as plain data, without logo, version and origin: for JSON, forms and the audit."""
    return {
        "id": template.id, "name": template.name, "period": template.period.value, "blocks": [p.value for p in template.parts],
        "figures": [f.value for f in template.figures], "machines": list(template.machines), "areas": list(template.areas),
        "language": template.language, "page": template.page.value,
    }


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """A report that makes itself when its template's period is over and `delay_min` for late data has passed.

    Always to the archive; besides to `folder` (of the server, "": none) and by e-mail to `mail_to`, through the mail channel
    `channel_id`. `since_us`: periods that ended before are not made up for.
    """

    id: int
    template: str
    format: str = "pdf"
    delay_min: int = 15
    enabled: bool = True
    folder: str = ""
    channel_id: int | None = None
    mail_to: tuple[str, ...] = ()
    since_us: int = 0
    version: int = 1


class RunState(Enum):
    """How far one period of a schedule is."""

    WAITING = "waiting"  # to be made, or made and not yet everywhere
    DONE = "done"
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True)
class ReportRun:
    """One period of one schedule; there is at most one of each. `delivered`: "folder", "mail:<address>"; both are done once."""

    schedule_id: int
    from_us: int
    to_us: int
    state: RunState = RunState.WAITING
    tries: int = 0
    next_us: int = 0
    error: str = ""
    report_id: int | None = None
    delivered: tuple[str, ...] = ()


class ReportTemplateStore(Protocol):
    async def templates(self) -> Sequence[ReportTemplate]: ...
    async def save_template(self, template: ReportTemplate, known_version: int, workbook: bytes | None = None) -> None:
        """As a whole. `known_version` 0: a new one. `workbook`: the bytes of a new one; without them the stored ones stay as
        long as the template has a workbook. Raises Conflict: exists already, or changed meanwhile."""
        ...

    async def workbook(self, template_id: str) -> bytes | None:
        """The bytes of the template's own workbook."""
        ...

    async def delete_template(self, template_id: str) -> None:
        """Raises NotFound."""
        ...


class ReportScheduleStore(Protocol):
    async def schedules(self) -> Sequence[ReportSchedule]: ...
    async def save_schedule(self, schedule: ReportSchedule, known_version: int) -> ReportSchedule:
        """Insert when id is 0; the answer carries it. Raises Conflict (changed meanwhile), NotFound."""
        ...

    async def delete_schedule(self, schedule_id: int) -> None:
        """With its runs; issued reports stay. Raises NotFound."""
        ...

    async def runs(self, schedule_id: int, limit: int = 100) -> Sequence[ReportRun]:
        """Newest period first."""
        ...

    async def unfinished(self) -> Sequence[ReportRun]:
        """Waiting and given up ones, oldest first."""
        ...

    async def add_run(self, run: ReportRun) -> bool:
        """False when that period has one."""
        ...

    async def save_run(self, run: ReportRun) -> None: ...


@dataclass(frozen=True, slots=True)
class ReportOutline:
    """A report in words, for a preview. `tiles`: (name, value, unit, notes); `blocks`: (title, first lines)."""

    title: str
    subtitle: str
    verdict: tuple[str, str]
    tiles: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    blocks: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class ReportJob:
    """A report that is being issued.

    `step`: waiting | figures | drawing | keeping; `state`: running | done | failed | cancelled.
    """

    id: str
    template: str
    format: str
    from_us: int
    to_us: int
    by: str
    started_us: int
    state: str = "running"
    step: str = "waiting"
    report_id: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleNow:
    """A schedule with the last periods it was to be made for, newest first, and when the next one is due."""

    schedule: ReportSchedule
    runs: tuple[ReportRun, ...] = ()
    next_us: int | None = None


Draft = Mapping[str, object]
