"""/api/machines/{id}/parts and /programs: what a machine's control counted and ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.production import PartCount, PartStep, ProgramStretch
from web_interface.api.alerts import DAY_US
from web_interface.api.answers import Json, described
from web_interface.api.data import window
from web_interface.api.machines import MachineId, Viewer, WindowQuery
from web_interface.api.problems import TooLarge
from web_interface.api.times import rfc3339
from web_interface.services import Services

LONGEST_PARTS_US, LONGEST_PROGRAMS_US = 400 * DAY_US, 31 * DAY_US


class DoubtfulStep(BaseModel):
    from_: str = Field(alias="from")
    to: str
    kind: Literal["reset", "jump"]
    shown: float = Field(description="what the counter moved by")
    parts: int = Field(description="what of it counts")


class Parts(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    parts: int | None = Field(description="null where none are counted, or nothing was read")
    completeness: float = Field(description="0..1: share of the window with readings of the counter")
    refused: int = Field(description="growth faster than parts can be made, not counted")
    doubtful: list[DoubtfulStep]


class ProgramItem(BaseModel):
    program: str | None = Field(description="null while it is not known")
    main: str | None = Field(description="the program that called it, where the control tells both and they differ")
    from_: str = Field(alias="from")
    to: str
    seconds: float
    parts: int | None


class Programs(BaseModel):
    machine: str
    from_: str = Field(alias="from")
    to: str
    items: list[ProgramItem]


def production_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET parts, programs."""
    router = APIRouter(prefix="/api/machines", tags=["machines"])

    @router.get(
        "/{machine_id}/parts", response_model=None, responses=described(Parts, 400, 404, 422, 503), summary="Parts of a machine"
    )
    async def parts(machine_id: MachineId, actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Counted parts of the window; what the counter did besides counting is told, not counted."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        services.live.machine(machine_id)
        _limit(end - begin, LONGEST_PARTS_US)
        return Json(parts_item(await services.production.parts(machine_id, begin, end)))

    @router.get(
        "/{machine_id}/programs",
        response_model=None,
        responses=described(Programs, 400, 404, 422, 503),
        summary="Programs of a machine, stretch by stretch",
    )
    async def programs(machine_id: MachineId, actor: Viewer, query: Annotated[WindowQuery, Query()]) -> Response:
        """Stretches that tile the elapsed part of the window; none for a machine that tells no program."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        services.live.machine(machine_id)
        _limit(end - begin, LONGEST_PROGRAMS_US)
        items = [program_item(stretch) for stretch in await services.production.programs(machine_id, begin, end)]
        return Json({"machine": machine_id, "from": rfc3339(begin), "to": rfc3339(end), "items": items})

    return router


def _limit(span_us: int, longest_us: int) -> None:
    if span_us > longest_us:
        raise TooLarge(f"more than {longest_us // DAY_US} days are not answered at once", longest_us // DAY_US)


def parts_item(count: PartCount) -> dict[str, Any]:
    return {
        "machine": count.machine_id, "from": rfc3339(count.from_us), "to": rfc3339(count.to_us), "parts": count.parts,
        "completeness": count.completeness, "refused": count.refused, "doubtful": [_step_item(step) for step in count.doubtful],
    }  # fmt: skip


def _step_item(step: PartStep) -> dict[str, Any]:
    return {
        "from": rfc3339(step.from_us), "to": rfc3339(step.to_us), "kind": step.kind.value, "shown": step.shown,
        "parts": step.parts,
    }  # fmt: skip


def program_item(stretch: ProgramStretch) -> dict[str, Any]:
    seconds = (stretch.to_us - stretch.from_us) / 1e6
    return {
        "program": stretch.program, "main": stretch.main, "from": rfc3339(stretch.from_us), "to": rfc3339(stretch.to_us),
        "seconds": seconds, "parts": stretch.parts,
    }  # fmt: skip
