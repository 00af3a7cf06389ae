"""/api/reports/jobs and /schedules: reports in the background, and those that make themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from pydantic import Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.report import ReportJob, ReportRun, ReportSchedule, ScheduleNow
from web_interface.api import models
from web_interface.api.alerts import MOST_NUMBER, NoParameters, Number
from web_interface.api.answers import Json, Strict, described
from web_interface.api.problems import BadParameter
from web_interface.api.reports import ReportOrder
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services

Viewer = Annotated[Actor, Need(Role.VIEWER)]
Engineer = Annotated[Actor, Need(Role.ENGINEER)]
JobId = Annotated[str, Path(min_length=1, max_length=40)]


class WaitQuery(Strict):
    wait_s: float = Field(0, ge=0, le=20, description="answer when it is over, or after so long")


class ScheduleIn(Strict):
    template: str = Field(min_length=1, max_length=60)
    format: Literal["pdf", "xlsx"] = "pdf"
    delay_min: int = Field(15, ge=0, le=2880, description="for data that come late, minutes after the period's end")
    enabled: bool = True
    folder: str = Field("", max_length=1000, description="of the server; a relative one lies in the data folder; needs admin")
    channel_id: int | None = Field(None, ge=1, le=2**31, description="mail channel; needs admin")
    mail_to: list[Annotated[str, Field(max_length=254)]] = Field([], max_length=20, description="mailboxes; needs admin")


class ScheduleChange(ScheduleIn):
    version: int = Field(ge=1, le=MOST_NUMBER, description="the version that was read")


class AgainIn(Strict):
    from_: Time = Field(alias="from", description="begin of the period")


def report_schedule_routes(services: Services) -> APIRouter:
    """Jobs and schedules."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])
    _job_routes(router, services)
    _schedule_routes(router, services)
    return router


def _job_routes(router: APIRouter, services: Services) -> None:
    reports = services.reports

    @router.post(
        "/jobs", response_model=None, status_code=202, summary="Issue a report in the background",
        responses={202: {"model": models.ReportJobOut}, **described(None, 400, 404, 408, 409, 413, 415, 422, 503)},
    )  # fmt: skip
    async def start(
        actor: Engineer, query: Annotated[NoParameters, Query()], order: Annotated[ReportOrder, Body()]
    ) -> Response:
        """At most five at a time; 409 beyond that."""
        if order.from_ >= order.to:
            raise BadParameter("from", "must lie before to")
        job = await reports.start(order.template, order.format, order.from_, order.to, order.language, actor)
        return Json(job_item(job), 202, {"location": f"/api/reports/jobs/{job.id}"})

    @router.get(
        "/jobs/{job_id}", response_model=None, responses=described(models.ReportJobOut, 404, 422, 503), summary="How far it is"
    )
    async def job(job_id: JobId, actor: Viewer, query: Annotated[WaitQuery, Query()]) -> Response:
        return Json(job_item(await reports.wait(job_id, query.wait_s)))

    @router.delete(
        "/jobs/{job_id}", response_model=None, responses=described(models.ReportJobOut, 404, 422, 503), summary="Give it up"
    )
    async def cancel(job_id: JobId, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """Nothing is kept of it."""
        return Json(job_item(reports.cancel(job_id, actor)))


def _schedule_routes(router: APIRouter, services: Services) -> None:
    reports = services.reports

    @router.get(
        "/schedules", response_model=None, responses=described(models.ReportSchedules, 422, 503),
        summary="Reports that make themselves",
    )  # fmt: skip
    async def listed(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """With the last periods of each, newest first. Where they are sent to is told to administrators."""
        open_ = actor.role.allows(Role.ADMIN)
        return Json({"items": [now_item(now, told=open_) for now in await reports.schedules()]})

    @router.post(
        "/schedules", response_model=None, status_code=201, summary="Set up a schedule",
        responses={201: {"model": models.ReportScheduleOut}, **described(None, 404, 408, 409, 413, 415, 422, 503)},
    )  # fmt: skip
    async def create(
        actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[ScheduleIn, Body()]
    ) -> Response:
        saved = await reports.save_schedule(body.model_dump(), actor, schedule_id=0, known_version=0)
        return Json(schedule_item(saved), 201)

    @router.put(
        "/schedules/{schedule_id}", response_model=None, summary="Change a schedule",
        responses=described(models.ReportScheduleOut, 404, 408, 409, 413, 415, 422, 503),
    )  # fmt: skip
    async def change(
        schedule_id: Number, actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[ScheduleChange, Body()]
    ) -> Response:
        """409 when `version` is not the stored one: somebody else changed it meanwhile."""
        draft = body.model_dump(exclude={"version"})
        return Json(
            schedule_item(await reports.save_schedule(draft, actor, schedule_id=schedule_id, known_version=body.version))
        )

    @router.delete(
        "/schedules/{schedule_id}", response_model=None, status_code=204, responses=described(None, 404, 422, 503),
        summary="Remove a schedule",
    )  # fmt: skip
    async def delete(schedule_id: Number, actor: Engineer, query: Annotated[NoParameters, Query()]) -> Response:
        """What it issued stays."""
        await reports.delete_schedule(schedule_id, actor)
        return Response(status_code=204)

    @router.post(
        "/schedules/{schedule_id}/retry", response_model=None, responses=described(models.ReportRunOut, 404, 408, 415, 422, 503),
        summary="Try a failed period again, now",
    )  # fmt: skip
    async def again(
        schedule_id: Number, actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[AgainIn, Body()]
    ) -> Response:
        return Json(run_item(await reports.try_again(schedule_id, body.from_, actor)))


def job_item(job: ReportJob) -> dict[str, Any]:
    return {
        "id": job.id, "template": job.template, "format": job.format, "from": rfc3339(job.from_us), "to": rfc3339(job.to_us),
        "by": job.by, "started": rfc3339(job.started_us), "state": job.state, "step": job.step, "report_id": job.report_id,
        "error": job.error,
    }  # fmt: skip


def schedule_item(schedule: ReportSchedule, *, told: bool = True) -> dict[str, Any]:
    return {
        "id": schedule.id, "template": schedule.template, "format": schedule.format, "delay_min": schedule.delay_min,
        "enabled": schedule.enabled, "folder": schedule.folder if told else "", "version": schedule.version,
        "channel_id": schedule.channel_id if told else None, "mail_to": list(schedule.mail_to) if told else [],
    }  # fmt: skip


def now_item(now: ScheduleNow, *, told: bool) -> dict[str, Any]:
    runs = [run_item(run) for run in now.runs]
    return {**schedule_item(now.schedule, told=told), "next": rfc3339_or_none(now.next_us), "runs": runs}


def run_item(run: ReportRun) -> dict[str, Any]:
    return {
        "from": rfc3339(run.from_us), "to": rfc3339(run.to_us), "state": run.state.value, "tries": run.tries,
        "error": run.error, "report_id": run.report_id,
    }  # fmt: skip
