"""/api/energy/cube, /api/energy/plan and /api/calendar: where the energy went, what was planned, when the site works."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.cube import CubeAnswer, CubeRow, Dimension
from domain.energy import ShiftWindow
from domain.plan import PlanFact, PlanInterval, Progress
from web_interface.api.alerts import DAY_US
from web_interface.api.answers import Json, described, large_json
from web_interface.api.data import window
from web_interface.api.machines import Viewer, WindowQuery
from web_interface.api.problems import BadParameter, TooLarge
from web_interface.api.times import rfc3339
from web_interface.services import Services

LONGEST_CUBE_DAYS, LONGEST_CALENDAR_DAYS = 1100, 400
MOST_ROWS = 100_000
LONGEST_PLAN_DAYS = {PlanInterval.SHIFT: 100, PlanInterval.DAY: 400, PlanInterval.MONTH: 1100}
CSV_HEAD = ("energy_kwh", "duration_s", "uncertain_kwh", "estimated_share", "completeness")
_UNSAFE = ("=", "+", "-", "@", "\t", "\r")
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]


class CubeQuery(WindowQuery):
    by: str = Field(
        "shift,state", max_length=100, description="any of machine, section, state, shift, shift_day, crew, day, hour, break",
        examples=["machine,state"],
    )  # fmt: skip
    machine: Names = Field(default_factory=list, description="only these machines")
    section: Names = Field(default_factory=list, description="only machines of these sections")
    format: Literal["json", "csv"] = "json"


class CubeItem(BaseModel):
    key: dict[str, str | int | bool] = Field(description="a value for each dimension of `by`")
    energy_kwh: float | None = Field(description="null: not known")
    duration_s: float
    uncertain_kwh: float = Field(description="the part in gaps of the counter, or from integrated power")
    estimated_share: float
    completeness: float


class Cube(BaseModel):
    from_: str = Field(alias="from")
    to: str
    by: list[str]
    items: list[CubeItem]
    total: CubeItem
    pending_s: float = Field(description="machine time whose cells are still to be computed; not in the sums")


class PlanQuery(WindowQuery):
    by: Literal["shift", "day", "month"] = "shift"


class ProgressItem(BaseModel):
    planned: float
    actual: float | None
    expected: float = Field(description="due by now, by planned working time")
    deviation: float | None
    deviation_share: float | None
    projection: float | None
    completeness: float
    estimated_share: float


class PlanItem(BaseModel):
    scope: Literal["site", "section", "machine"]
    subject: str
    interval: Literal["shift", "day", "month"]
    label: str
    day: str
    from_: str = Field(alias="from")
    to: str
    running: bool
    energy_kwh: ProgressItem | None
    parts: ProgressItem | None


class Plans(BaseModel):
    items: list[PlanItem]


class BreakItem(BaseModel):
    name: str
    from_: str = Field(alias="from")
    to: str


class ShiftItem(BaseModel):
    name: str
    crew: str
    from_: str = Field(alias="from")
    to: str
    planned_s: float = Field(description="without breaks")
    breaks: list[BreakItem]


class DayItem(BaseModel):
    day: str
    kind: Literal["ordinary", "holiday", "moved", "closed", "special"]
    name: str
    shifts: list[ShiftItem]


class CalendarDays(BaseModel):
    timezone: str
    country: str
    items: list[DayItem]


def cube_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET energy/cube, energy/plan, calendar."""
    router = APIRouter(prefix="/api", tags=["energy"])

    @router.get(
        "/energy/cube",
        response_model=None,
        responses=described(Cube, 400, 404, 422, 503, content={"text/csv": {}}),
        summary="Energy by shift, state, machine, section, day ...",
    )
    async def cube(actor: Viewer, query: Annotated[CubeQuery, Query()]) -> Response:
        """Sums of the cube, from counters: any grouping adds up to the same total. One that runs counts up to now."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        _limit(begin, end, LONGEST_CUBE_DAYS)
        by = _dimensions(query.by)
        answer = await services.cube.ask(begin, end, by, query.machine, query.section)
        if len(answer.rows) > MOST_ROWS:
            raise TooLarge(f"more than {MOST_ROWS} groups are not answered at once", MOST_ROWS)
        if query.format == "csv":
            text = await asyncio.to_thread(cube_csv, answer)
            name = f"energy-{rfc3339(begin)[:10]}-{'-'.join(d.value for d in by)}.csv"
            return Response(
                text.encode("utf-8-sig"), media_type="text/csv; charset=utf-8",
                headers={"content-disposition": f'attachment; filename="{name}"'},
            )  # fmt: skip
        return await large_json(cube_item(answer), len(answer.rows))

    @router.get(
        "/energy/plan", response_model=None, responses=described(Plans, 400, 422, 503), summary="Plan against fact"
    )
    async def plan(actor: Viewer, query: Annotated[PlanQuery, Query()]) -> Response:
        """Every plan in force in the intervals that overlap the window and have begun."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        interval = PlanInterval(query.by)
        _limit(begin, end, LONGEST_PLAN_DAYS[interval])
        return Json({"items": [plan_item(fact) for fact in await services.plan_facts.facts(interval, begin, end)]})

    @router.get(
        "/calendar", response_model=None, responses=described(CalendarDays, 400, 422), summary="Shifts and holidays by day"
    )
    async def calendar(actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Days of the site that overlap the window, each with the shifts that begin on it."""
        now = now_us()
        begin, end = window(query.from_, query.to, now, 7 * DAY_US)
        _limit(begin, end, LONGEST_CALENDAR_DAYS)
        site, work = services.plant.plant.site, services.plant.plant.calendar
        zone = ZoneInfo(site.timezone)
        first, last = _day_of(begin, zone), _day_of(end - 1, zone)
        days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
        items = [day_item(day, *_kind(work.kind(day)), services.energy.shifts_of_day(day)) for day in days]
        return Json({"timezone": site.timezone, "country": work.country, "items": items})

    return router


def _kind(found: tuple[Any, str]) -> tuple[str, str]:
    return found[0].value, found[1]


def _day_of(time_us: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(time_us // 1_000_000, zone).date()


def _limit(begin_us: int, end_us: int, days: int) -> None:
    if end_us - begin_us > days * DAY_US:
        raise TooLarge(f"more than {days} days are not answered at once", days)


def _dimensions(text: str) -> tuple[Dimension, ...]:
    """Raises BadParameter that names what there is."""
    known = {dimension.value: dimension for dimension in Dimension}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise BadParameter("by", f"{name!r} is none of {', '.join(known)}")
    if len(set(names)) != len(names):
        raise BadParameter("by", "names a dimension twice")
    return tuple(known[name] for name in names)


def cube_item(answer: CubeAnswer) -> dict[str, Any]:
    return {
        "from": rfc3339(answer.from_us), "to": rfc3339(answer.to_us), "by": [d.value for d in answer.by],
        "items": [row_item(row) for row in answer.rows], "total": row_item(answer.total), "pending_s": answer.pending_us / 1e6,
    }  # fmt: skip


def row_item(row: CubeRow) -> dict[str, Any]:
    return {
        "key": {d.value: value.isoformat() if isinstance(value, date) else value for d, value in row.key.items()},
        "energy_kwh": row.energy_kwh, "duration_s": row.duration_us / 1e6, "uncertain_kwh": row.uncertain_kwh,
        "estimated_share": row.estimated_share, "completeness": row.completeness,
    }  # fmt: skip


def cube_csv(answer: CubeAnswer) -> str:
    """A column for each dimension, then the figures; text that a spreadsheet would run gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(d.value for d in answer.by), *CSV_HEAD])
    for row in answer.rows:
        item = row_item(row)
        keys = [_safe(value) for value in item["key"].values()]
        writer.writerow([*keys, *("" if item[name] is None else item[name] for name in CSV_HEAD)])
    return text.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_UNSAFE) else value


def plan_item(fact: PlanFact) -> dict[str, Any]:
    plan = fact.plan
    return {
        "scope": plan.scope.value, "subject": plan.subject, "interval": plan.interval.value, "label": fact.label,
        "day": fact.day.isoformat(), "from": rfc3339(fact.from_us), "to": rfc3339(fact.to_us), "running": fact.running,
        "energy_kwh": progress_item(fact.kwh), "parts": progress_item(fact.parts),
    }  # fmt: skip


def progress_item(found: Progress | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "planned": found.planned, "actual": found.actual, "expected": found.expected, "deviation": found.deviation,
        "deviation_share": found.deviation_share, "projection": found.projection, "completeness": found.completeness,
        "estimated_share": found.estimated_share,
    }  # fmt: skip


def day_item(day: date, kind: str, name: str, shifts: Any) -> dict[str, Any]:
    return {"day": day.isoformat(), "kind": kind, "name": name, "shifts": [shift_item(shift) for shift in shifts]}


def shift_item(shift: ShiftWindow) -> dict[str, Any]:
    return {
        "name": shift.name, "crew": shift.crew, "from": rfc3339(shift.from_us), "to": rfc3339(shift.to_us),
        "planned_s": shift.planned_us / 1e6,
        "breaks": [{"name": b.name, "from": rfc3339(b.from_us), "to": rfc3339(b.to_us)} for b in shift.breaks],
    }  # fmt: skip
