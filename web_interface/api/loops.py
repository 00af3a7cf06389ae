"""/api/loops: control loops, how well they do in a window, and their stored answers to steps of the set point."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from domain.loop import ControlLoop, LoopEpisode, LoopErrors, LoopReport
from web_interface.api.alerts import DAY_US, NoParameters
from web_interface.api.answers import Json, described, large_json
from web_interface.api.data import window
from web_interface.api.machines import Viewer, WindowQuery
from web_interface.api.times import rfc3339
from web_interface.services import Services

HOUR_US = DAY_US // 24


class LoopItem(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    name: str
    machine: str | None
    setpoint: str = Field(description="tag of the set point w")
    process: str = Field(description="tag of the process value y")
    output: str | None = Field(description="tag of the controller's output u")
    dead_time_s: float
    period_s: float = Field(description="ultimate period or integral time")
    amplitude: float = Field(description="smallest oscillation that matters, unit of y")
    min_step: float = Field(description="smallest step of the set point that begins an episode, unit of y")
    min_episode_s: float
    band: float = Field(description="settling band as a share of the step")


class LoopList(BaseModel):
    items: list[LoopItem]


class ErrorItem(BaseModel):
    iae: float | None = Field(description="unit*s")
    ise: float | None = Field(description="unit^2*s")
    itae: float | None = Field(description="unit*s^2")
    itse: float | None = Field(description="unit^2*s^2")
    completeness: float
    output_variation: float | None = Field(description="sum of |du|, unit of the output")


class EpisodeItem(BaseModel):
    from_: str = Field(alias="from")
    to: str
    setpoint_before: float
    setpoint_after: float
    errors: ErrorItem
    rise_s: float | None = Field(description="from 10 % to 90 % of the step")
    peak_s: float | None
    overshoot: float | None = Field(description="share of the step")
    settling_s: float | None
    steady_error: float | None = Field(description="mean of w - y over the last tenth, unit of y")
    rule_version: int


class EpisodeList(BaseModel):
    items: list[EpisodeItem]


class OscillationItem(BaseModel):
    found: bool
    half_waves: int
    period_s: float | None
    amplitude: float | None = Field(description="unit of y")


class Performance(BaseModel):
    loop: str
    unit: str
    output_unit: str
    from_: str = Field(alias="from")
    to: str
    step_s: float | None = Field(description="usual distance of samples")
    errors: ErrorItem
    mean_abs_error: float | None = Field(description="IAE over the known time, unit of y")
    oscillation: OscillationItem
    harris_index: float | None = Field(description="0: as good as any linear controller could be; 1: all is to be gained")
    episodes: list[EpisodeItem]
    columns: list[str]
    trace: list[list[Any]] = Field(description="thinned; time, setpoint, process, output")
    rule_version: int


class Comparison(BaseModel):
    items: list[Performance]


class ComparisonQuery(WindowQuery):
    loop: list[str] = Field(min_length=2, max_length=4, description="two to four loops, e.g. one process over two channels")


def loop_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET the loops, one's performance and stored episodes, several side by side."""
    router = APIRouter(prefix="/api/loops", tags=["loops"])
    loops = services.loops

    @router.get("", response_model=None, responses=described(LoopList, 422), summary="Control loops of the plant")
    async def all_loops(actor: Viewer, _: Annotated[NoParameters, Query()]) -> Response:
        return Json({"items": [loop_item(loop) for loop in loops.loops]})

    @router.get("/comparison", response_model=None, responses=described(Comparison, 404, 422, 503), summary="Loops side by side")
    async def comparison(actor: Viewer, query: Annotated[ComparisonQuery, Query()]) -> Response:
        """Over one window, at most 7 days."""
        begin, end = window(query.from_, query.to, now_us(), HOUR_US)
        found = [performance_item(await loops.report(loop, begin, end)) for loop in query.loop]
        return await large_json({"items": found}, sum(len(item["trace"]) for item in found))

    @router.get(
        "/{loop_id}/performance", response_model=None, responses=described(Performance, 404, 422, 503),
        summary="How well a loop does in a window",
    )  # fmt: skip
    async def performance(actor: Viewer, loop_id: str, query: Annotated[WindowQuery, Query()]) -> Response:
        """Computed now from the samples, at most 7 days."""
        begin, end = window(query.from_, query.to, now_us(), HOUR_US)
        report = await loops.report(loop_id, begin, end)
        return await large_json(performance_item(report), len(report.trace))

    @router.get(
        "/{loop_id}/episodes", response_model=None, responses=described(EpisodeList, 404, 422, 503),
        summary="Stored answers to steps of the set point",
    )  # fmt: skip
    async def episodes(actor: Viewer, loop_id: str, query: Annotated[WindowQuery, Query()]) -> Response:
        """Those that begin in the window, oldest first."""
        begin, end = window(query.from_, query.to, now_us(), 30 * DAY_US)
        return Json({"items": [episode_item(e) for e in await loops.episodes(loop_id, begin, end)]})

    return router


def loop_item(loop: ControlLoop) -> dict[str, Any]:
    return dataclasses.asdict(loop)


def error_item(errors: LoopErrors) -> dict[str, Any]:
    return dataclasses.asdict(errors)


def episode_item(episode: LoopEpisode) -> dict[str, Any]:
    return {
        "from": rfc3339(episode.from_us), "to": rfc3339(episode.to_us), "setpoint_before": episode.before,
        "setpoint_after": episode.after, "errors": error_item(episode.errors), "rise_s": episode.rise_s,
        "peak_s": episode.peak_s, "overshoot": episode.overshoot, "settling_s": episode.settling_s,
        "steady_error": episode.steady_error, "rule_version": episode.rule_version,
    }  # fmt: skip


def performance_item(report: LoopReport) -> dict[str, Any]:
    return {
        "loop": report.loop.id, "unit": report.unit, "output_unit": report.output_unit, "from": rfc3339(report.from_us),
        "to": rfc3339(report.to_us), "step_s": report.step_s, "errors": error_item(report.errors),
        "mean_abs_error": report.mean_abs_error,
        "oscillation": {
            "found": report.oscillates, "half_waves": report.half_waves, "period_s": report.period_s,
            "amplitude": report.amplitude,
        },
        "harris_index": report.harris, "episodes": [episode_item(episode) for episode in report.episodes],
        "columns": ["time", "setpoint", "process", "output"],
        "trace": [[rfc3339(time_us), w, y, u] for time_us, w, y, u in report.trace], "rule_version": report.rule_version,
    }  # fmt: skip
