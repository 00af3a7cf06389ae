"""/api/trends: curves as the page draws them, and what is shown as a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.errors import NotFound
from domain.plant import Tag
from domain.ports import RollupSeries
from web_interface.api.answers import Strict, described, large_json
from web_interface.api.data import Name, window
from web_interface.api.problems import BadParameter
from web_interface.api.roles import Need
from web_interface.api.tables import TEXT_COLUMNS, Table, all_columns, as_csv, as_parquet, raw_table, rollup_table
from web_interface.api.times import Time, rfc3339
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.services import Services
from web_interface.texts import alert_sentence, alert_subject
from web_interface.trends.curves import Curve
from web_interface.trends.reader import MOST_TAGS, Stretch

Viewer = Annotated[Actor, Need(Role.VIEWER)]
HOUR_US = 3_600_000_000
MOST_ALERTS = 200
FIGURES = 6  # significant ones of a drawn value; a counter keeps its last digit
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
COLUMNS = ("time_ms", "value", "low", "high")


class TrendQueryIn(Strict):
    tag: list[Name] = Field(min_length=1, max_length=MOST_TAGS, description="full names, one parameter each")
    from_: Time | None = Field(None, alias="from", description="begin, included; default: an hour before the end")
    to: Time | None = Field(None, description="end, not included; default: now")
    earlier_s: int = Field(0, ge=0, le=4_102_444_800, description="> 0: also the curves so much earlier, at the shown times")
    counters: Literal["reading", "growth"] = Field("reading", description="growth: what a counter grew by in each bucket")
    language: Literal["ru", "en"] | None = Field(None, description="of alerts and of a workbook; default: the site's")


class TrendFileIn(TrendQueryIn):
    format: Literal["csv", "xlsx", "parquet"] = "csv"


class MarkItem(BaseModel):
    kind: Literal["gap", "bad", "uncertain", "partial", "estimated"]
    from_ms: int
    to_ms: int
    reason: str | None = Field(description="of bad and uncertain, where it is one")
    share: float | None = Field(description="partial: good share of the samples; estimated: share of the growth")


class CurveItem(BaseModel):
    tag: str
    unit: str
    step: Literal["raw", "1m", "15m", "1h", "1d"]
    width_s: float = Field(description="of a point; 0 for raw samples")
    columns: list[str] = Field(description="raw samples: the first two")
    points: list[list[float | None]] = Field(description="the time is a sample's, or the middle of a bucket; null is a gap")
    marks: list[MarkItem]
    min: float | None
    max: float | None
    mean: float | None
    growth: float | None


class TrendAlert(BaseModel):
    id: int
    priority: Literal["critical", "high", "medium", "low"]
    machine: str | None
    tag: str | None
    words: str = Field(description="whom it is about and what happened")
    raised_ms: int
    returned_ms: int | None


class Trend(BaseModel):
    from_: str = Field(alias="from")
    to: str
    now: str
    curves: list[CurveItem]
    compared: list[CurveItem]
    alerts: list[TrendAlert] = Field(description="raised in the window at the shown devices, the oldest first")
    missing: list[str] = Field(description="names without a tag, or whose tag holds text")


def trend_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET /trends."""
    router = APIRouter(prefix="/api/trends", tags=["trends"])

    @router.get("", response_model=None, responses=described(Trend, 422, 503), summary="Curves of up to 12 tags")
    async def trend(actor: Viewer, query: Annotated[TrendQueryIn, Query()]) -> Response:
        """Each at the finest tier of at most 2 000 points, with its extremes, gaps and doubts. An unknown tag spoils no other."""
        begin, end = window(query.from_, query.to, now_us(), HOUR_US)
        chosen = await services.trends.choose(query.tag)
        shown, compared = await stretches(services, chosen.tags, begin, end, query)
        lines = await asyncio.to_thread(lambda: [s.curve() for s in (*shown, *compared)])
        by_us = query.earlier_s * 1_000_000
        body = {
            "from": rfc3339(begin),
            "to": rfc3339(end),
            "now": rfc3339(now_us()),
            "curves": [curve_item(line) for line in lines[: len(shown)]],
            "compared": [curve_item(line.shifted(by_us)) for line in lines[len(shown) :]],
            "alerts": await alerts_of(services, chosen.tags, begin, end, query.language),
            "missing": [*chosen.missing, *chosen.texts],
        }
        return await large_json(body, sum(len(line.points) for line in lines))

    @router.get(
        "/file",
        response_model=None,
        summary="What is shown, as a file",
        responses=described(None, 404, 422, 503, content={kind: {} for kind in KINDS.values()}),
    )
    async def file(actor: Viewer, query: Annotated[TrendFileIn, Query()]) -> Response:
        """The points behind the curves, with their steps; with a comparison both periods, each at its own times."""
        begin, end = window(query.from_, query.to, now_us(), HOUR_US)
        chosen = await services.trends.choose(query.tag)
        if not chosen.tags:
            raise no_tags(query.tag)
        shown, compared = await stretches(services, chosen.tags, begin, end, query)
        tables = tables_of(shown, compared)
        content = await asyncio.to_thread(as_file, services, query, tables, begin, end)
        span = f"{rfc3339(begin)} - {rfc3339(end)}"
        await services.trend_views.exported(actor, f"{query.format} {span} {', '.join(tag.name for tag in chosen.tags)}")
        name = f"trends-{rfc3339(begin)[:10]}.{query.format}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=KINDS[query.format], headers=headers)

    return router


def as_file(services: Services, query: TrendFileIn, tables: Sequence[Table], begin: int, end: int) -> bytes:
    """The bytes. CPU-bound."""
    if query.format == "csv":
        return as_csv(tables)
    if query.format == "parquet":
        return as_parquet(tables)
    site = services.plant.plant.site
    fmt = Format(query.language or site.language, ZoneInfo(site.timezone), site.currency)
    names = all_columns(tables)
    heads = [t(f"trends.column.{name}", fmt.lang, zone=site.timezone) for name in ("tag", "unit", *names)]
    columns: list[list[Any]] = [[] for _ in heads]
    for table in tables:
        places = dict(zip(table.columns, table.data, strict=True))
        columns[0] += [table.tag.name] * len(table)
        columns[1] += [table.tag.unit] * len(table)
        for column, name in zip(columns[2:], names, strict=True):
            column.extend(_cells(name, places.get(name, [None] * len(table)), fmt))
    note = f"{fmt.day(begin)} {fmt.clock(begin)} – {fmt.day(end)} {fmt.clock(end)}, {site.timezone}"
    return services.trends.workbook(f"{t('nav.trends', fmt.lang)} · {site.name}", note, heads, columns)


def _cells(name: str, values: Sequence[Any], fmt: Format) -> list[Any]:
    """Of a column as a person reads it: the site's clock, words of the language."""
    if name == "time":
        return [fmt.local(us).replace(tzinfo=None) for us in values]
    if name in TEXT_COLUMNS:
        return [None if value is None else _word(name, str(value), fmt.lang) for value in values]
    return list(values)


def _word(column: str, value: str, lang: str) -> str:
    key = f"quality.{value}" if column == "quality" else f"trends.{column}_{value}"
    return t(key, lang) if has(key, lang) else value


async def stretches(
    services: Services, tags: Sequence[Tag], begin: int, end: int, query: TrendQueryIn
) -> tuple[Sequence[Stretch], Sequence[Stretch]]:
    """What is shown, and what it is compared with."""
    growth, by_us = query.counters == "growth", query.earlier_s * 1_000_000
    shown = await services.trends.read(tags, begin, end, growth=growth)
    if not by_us:
        return shown, ()
    if begin < by_us:
        raise BadParameter("earlier_s", "the compared period would begin before 1970")
    return shown, await services.trends.read(tags, begin - by_us, end - by_us, growth=growth)


async def alerts_of(
    services: Services, tags: Sequence[Tag], begin: int, end: int, language: str | None
) -> list[dict[str, Any]]:
    """Raised in the window at a device that is shown, or at its machine."""
    plant = services.plant.plant
    fmt = Format(language or plant.site.language, ZoneInfo(plant.site.timezone), plant.site.currency)
    devices = {tag.device_id for tag in tags}
    machines = {machine.id for machine in plant.machines if machine.meter in devices}
    found = [
        alert for alert in await services.alerts.history(begin, end)
        if begin <= alert.raised_us < end and (alert.device_id in devices or alert.machine_id in machines)
    ]  # fmt: skip
    return [
        {
            "id": alert.id, "priority": alert.priority.value, "machine": alert.machine_id, "tag": alert.tag,
            "words": f"{alert_subject(alert, plant, fmt.lang)}. {alert_sentence(alert, fmt)}",
            "raised_ms": alert.raised_us // 1000,
            "returned_ms": None if alert.returned_us is None else alert.returned_us // 1000,
        }
        for alert in sorted(found, key=lambda alert: alert.raised_us)[-MOST_ALERTS:]
    ]  # fmt: skip


def curve_item(curve: Curve) -> dict[str, Any]:
    """Rounded to what can be seen; a year of five tags stays small."""
    banded = any(point.low is not None for point in curve.points)
    digits = _digits(curve)
    rows = [
        [p.time_us // 1000, _round(p.value, digits), _round(p.low, digits), _round(p.high, digits)]
        if banded
        else [p.time_us // 1000, _round(p.value, digits)]
        for p in curve.points
    ]
    return {
        "tag": curve.tag.name,
        "unit": curve.tag.unit,
        "step": curve.step.value,
        "width_s": curve.width_s,
        "columns": COLUMNS if banded else COLUMNS[:2],
        "points": rows,
        "marks": [
            {"kind": m.kind.value, "from_ms": m.from_us // 1000, "to_ms": m.to_us // 1000, "reason": m.reason, "share": m.share}
            for m in curve.marks
        ],
        "min": curve.least,
        "max": curve.greatest,
        "mean": curve.mean,
        "growth": curve.growth,
    }


def _digits(curve: Curve) -> int:
    """Decimals that keep FIGURES significant ones of the spread: a large counter that grows little keeps its steps."""
    low, high = curve.least, curve.greatest
    if low is None or high is None:
        return FIGURES
    spread = max(high - low, abs(high) * 1e-6, 1e-6)
    return max(0, min(9, FIGURES - len(f"{int(spread)}"))) if spread >= 1 else 7


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def tables_of(shown: Sequence[Stretch], compared: Sequence[Stretch]) -> list[Table]:
    """One table a curve, with its step; with a comparison also which of both periods it is of."""
    found = []
    for period, group in (("shown", shown), ("compared", compared)):
        for stretch in group:
            series = stretch.series
            table = rollup_table(stretch.tag, series) if isinstance(series, RollupSeries) else raw_table(stretch.tag, series)
            table = table.with_text("step", stretch.step.value)
            found.append(table.with_text("period", period) if compared else table)
    return found


def no_tags(names: Sequence[str]) -> NotFound:
    """Of an export of nothing."""
    return NotFound("tag", ", ".join(names)[:200])
