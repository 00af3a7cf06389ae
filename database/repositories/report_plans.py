"""Templates of reports, their schedules and runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update

from database.engine import Store
from database.tables_reports import report_run, report_schedule, report_template, report_workbook
from domain.errors import Conflict, NotFound
from domain.report import (
    FigureKind,
    NamedCells,
    PageFormat,
    Part,
    PeriodKind,
    ReportRun,
    ReportSchedule,
    ReportTemplate,
    ReportWorkbook,
    RunState,
    template_document,
)

_T, _S, _R, _W = report_template, report_schedule, report_run, report_workbook


class ReportPlanRepository:
    """Implements domain.report.ReportTemplateStore and ReportScheduleStore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- templates -------------------------------------------------------------------------------------------------

    async def templates(self) -> Sequence[ReportTemplate]:
        """Without the bytes of their workbooks."""
        wanted = select(_T, _W.c.facts_json).outerjoin(_W, _W.c.template_id == _T.c.id).order_by(_T.c.id)
        async with self._store.read() as connection:
            return [_template(row) for row in (await connection.execute(wanted)).all()]

    async def workbook(self, template_id: str) -> bytes | None:
        async with self._store.read() as connection:
            content = await connection.scalar(select(_W.c.content).where(_W.c.template_id == template_id))
        return None if content is None else bytes(content)

    async def save_template(self, template: ReportTemplate, known_version: int, workbook: bytes | None = None) -> None:
        """Raises Conflict when the stored version is another one (0: none)."""
        row = {
            "id": template.id, "version": template.version, "logo": template.logo,
            "template_json": json.dumps(template_document(template), ensure_ascii=False),
        }
        async with self._store.write() as connection:
            if known_version == 0:
                taken = await connection.scalar(select(_T.c.version).where(_T.c.id == template.id))
                if taken is not None:
                    raise Conflict(f"report template {template.id!r} exists already")
                await connection.execute(_T.insert().values(**row))
            else:
                mine = (_T.c.id == template.id) & (_T.c.version == known_version)
                if (await connection.execute(update(_T).where(mine).values(**row))).rowcount == 0:
                    raise Conflict(f"report template {template.id!r} was changed by somebody else meanwhile: load it again")
            if template.workbook is None or workbook is not None:
                await connection.execute(_W.delete().where(_W.c.template_id == template.id))
            if template.workbook is not None and workbook is not None:
                facts = json.dumps(dataclasses.asdict(template.workbook), ensure_ascii=False)
                await connection.execute(_W.insert().values(template_id=template.id, facts_json=facts, content=workbook))

    async def delete_template(self, template_id: str) -> None:
        async with self._store.write() as connection:
            if (await connection.execute(_T.delete().where(_T.c.id == template_id))).rowcount == 0:
                raise NotFound("report template", template_id)
            await connection.execute(_W.delete().where(_W.c.template_id == template_id))

    # -- schedules -------------------------------------------------------------------------------------------------

    async def schedules(self) -> Sequence[ReportSchedule]:
        async with self._store.read() as connection:
            return [_schedule(row) for row in (await connection.execute(select(_S).order_by(_S.c.id))).all()]

    async def save_schedule(self, schedule: ReportSchedule, known_version: int) -> ReportSchedule:
        """Insert when id is 0. Raises Conflict, NotFound."""
        row = {column.name: getattr(schedule, column.name) for column in _S.columns if column.name not in {"id", "mail_to_json"}}
        row["mail_to_json"] = json.dumps(list(schedule.mail_to), ensure_ascii=False)
        async with self._store.write() as connection:
            if schedule.id == 0:
                return dataclasses.replace(schedule, id=await self._store.insert_id(connection, _S, row))
            version = await connection.scalar(select(_S.c.version).where(_S.c.id == schedule.id))
            if version is None:
                raise NotFound("report schedule", str(schedule.id))
            mine = (_S.c.id == schedule.id) & (_S.c.version == known_version)
            if (await connection.execute(update(_S).where(mine).values(**row))).rowcount == 0:
                raise Conflict(f"report schedule {schedule.id} was changed by somebody else meanwhile: load it again")
        return schedule

    async def delete_schedule(self, schedule_id: int) -> None:
        async with self._store.write() as connection:
            if (await connection.execute(_S.delete().where(_S.c.id == schedule_id))).rowcount == 0:
                raise NotFound("report schedule", str(schedule_id))
            await connection.execute(_R.delete().where(_R.c.schedule_id == schedule_id))

    # -- runs ------------------------------------------------------------------------------------------------------

    async def runs(self, schedule_id: int, limit: int = 100) -> Sequence[ReportRun]:
        wanted = select(_R).where(_R.c.schedule_id == schedule_id).order_by(_R.c.from_us.desc()).limit(limit)
        async with self._store.read() as connection:
            return [_run(row) for row in (await connection.execute(wanted)).all()]

    async def unfinished(self) -> Sequence[ReportRun]:
        wanted = select(_R).where(_R.c.state != RunState.DONE.value).order_by(_R.c.to_us, _R.c.schedule_id)
        async with self._store.read() as connection:
            return [_run(row) for row in (await connection.execute(wanted)).all()]

    async def add_run(self, run: ReportRun) -> bool:
        mine = (_R.c.schedule_id == run.schedule_id) & (_R.c.from_us == run.from_us)
        async with self._store.write() as connection:
            if await connection.scalar(select(_R.c.tries).where(mine)) is not None:
                return False
            await connection.execute(_R.insert().values(**_run_row(run)))
        return True

    async def save_run(self, run: ReportRun) -> None:
        mine = (_R.c.schedule_id == run.schedule_id) & (_R.c.from_us == run.from_us)
        async with self._store.write() as connection:
            await connection.execute(update(_R).where(mine).values(**_run_row(run)))


def _template(row: Row[Any]) -> ReportTemplate:
    said = json.loads(row.template_json)
    return ReportTemplate(
        row.id, said["name"], PeriodKind(said["period"]), tuple(Part(p) for p in said["blocks"]),
        tuple(FigureKind(f) for f in said["figures"]), tuple(said["machines"]), tuple(said["areas"]), said["language"],
        PageFormat(said["page"]), row.logo, row.version,
        workbook=None if row.facts_json is None else _workbook(json.loads(row.facts_json)),
    )  # fmt: skip


def _workbook(facts: dict[str, Any]) -> ReportWorkbook:
    return ReportWorkbook(**{**facts, "cells": tuple(NamedCells(**cells) for cells in facts["cells"])})


def _schedule(row: Row[Any]) -> ReportSchedule:
    return ReportSchedule(
        row.id, row.template, row.format, row.delay_min, bool(row.enabled), row.folder, row.channel_id,
        tuple(json.loads(row.mail_to_json)), row.since_us, row.version,
    )  # fmt: skip


def _run(row: Row[Any]) -> ReportRun:
    return ReportRun(
        row.schedule_id, row.from_us, row.to_us, RunState(row.state), row.tries, row.next_us, row.error, row.report_id,
        tuple(json.loads(row.delivered_json)),
    )  # fmt: skip


def _run_row(run: ReportRun) -> dict[str, object]:
    return {
        "schedule_id": run.schedule_id, "from_us": run.from_us, "to_us": run.to_us, "state": run.state.value, "tries": run.tries,
        "next_us": run.next_us, "error": run.error, "report_id": run.report_id,
        "delivered_json": json.dumps(list(run.delivered), ensure_ascii=False),
    }  # fmt: skip
