"""/api/backups: made now, listed, fetched, deleted; and /api/log, the program's own log."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, Response

from domain.access import Actor, Role
from domain.backup import BackupJob
from web_interface.api.alerts import NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

Admin = Annotated[Actor, Need(Role.ADMIN)]
BackupName = Annotated[str, Path(min_length=1, max_length=104, examples=["energy-monitoring-20261119T100000Z.zip"])]
ZIP = "application/zip"


class BackupItem(BaseModel):
    name: str
    time: str = Field(description="when it was finished")
    size_bytes: int
    schema_: str = Field(alias="schema", description="version of the database's schema in it, empty when it cannot be read")
    fits: bool = Field(description="this version of the program can restore it")
    file: str


class BackupJobOut(BaseModel):
    name: str
    state: Literal["running", "done", "failed"]
    started: str
    by: str
    tables_done: int
    tables: int
    rows: int
    reason: str = Field(description="of a failure: no_room, not_writable, database; else empty")


class BackupsOut(BaseModel):
    items: list[BackupItem]
    job: BackupJobOut | None = Field(description="the last one asked for since the start")


class LogQuery(Strict):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field("INFO", description="this one or worse")
    text: str = Field("", max_length=200, description="only lines that hold it, case ignored")
    limit: int = Field(500, ge=1, le=2000)


class LogItem(BaseModel):
    time: str
    level: str
    logger: str
    message: str
    error: str = Field(description="the traceback, empty without one")


class LogOut(BaseModel):
    items: list[LogItem]


def backup_routes(services: Services) -> APIRouter:
    """GET and POST /api/backups, GET /api/backups/{name}/file, DELETE /api/backups/{name}, GET /api/log."""
    router = APIRouter(prefix="/api", tags=["administration"])

    @router.get("/backups", response_model=None, responses=described(BackupsOut, 422, 503), summary="Backups")
    async def backups(actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        """Of the data folder, newest first, and the one being made. Needs the role admin."""
        items = [
            {
                "name": file.name, "time": rfc3339(file.time_us), "size_bytes": file.size_bytes, "schema": file.schema,
                "fits": file.fits, "file": f"/api/backups/{file.name}/file",
            }
            for file in await services.backups.files(actor)
        ]
        job = await services.backups.job(actor)
        return Json({"items": items, "job": None if job is None else job_item(job)})

    @router.post(
        "/backups", response_model=None, status_code=202, summary="Make a backup now",
        responses={202: {"model": BackupJobOut}, **described(None, 409, 422, 503)},
    )
    async def start(actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        """In the background; GET tells how far it is. 409 while one is being made or there is too little room."""
        return Json(job_item(await services.backups.start(actor)), 202)

    @router.get(
        "/backups/{name}/file", response_model=None, summary="The file of a backup",
        responses=described(None, 404, 422, 503, content={ZIP: {}}),
    )
    async def file(name: BackupName, actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        """It holds hashes of passwords and sealed secrets: keep it well. Needs the role admin; it is in the audit."""
        return FileResponse(await services.backups.file(name, actor), media_type=ZIP, filename=name)

    @router.delete(
        "/backups/{name}", response_model=None, status_code=204, responses=described(None, 404, 422, 503),
        summary="Delete a backup",
    )
    async def delete(name: BackupName, actor: Admin, query: Annotated[NoParameters, Query()]) -> Response:
        await services.backups.delete(name, actor)
        return Response(status_code=204)

    @router.get("/log", response_model=None, responses=described(LogOut, 422), summary="The program's own log")
    async def log(actor: Annotated[Actor, Need(Role.ENGINEER)], query: Annotated[LogQuery, Query()]) -> Response:
        """The newest lines, newest first; what looks like a secret is masked. Needs the role engineer."""
        found = services.log.lines(actor, level=query.level, text=query.text, limit=query.limit)
        items = [
            {
                "time": rfc3339(line.time_us), "level": line.level, "logger": line.logger, "message": line.message,
                "error": line.error,
            }
            for line in found
        ]
        return Json({"items": items})

    return router


def job_item(job: BackupJob) -> dict[str, Any]:
    return {
        "name": job.name, "state": job.state.value, "started": rfc3339(job.started_us), "by": job.by,
        "tables_done": job.tables_done, "tables": job.tables, "rows": job.rows, "reason": job.reason,
    }
