"""Reports issued on demand, as jobs: how far each is can be asked, and it can be given up."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from dataclasses import replace

from domain.access import Actor, Role
from domain.errors import Conflict, Forbidden, MonitorError, NotFound
from domain.ports import Clock
from domain.report import ReportJob
from reports.service import Reports

log = logging.getLogger(__name__)

MOST_RUNNING = 5
REMEMBERED = 100


class ReportJobs:
    """Finished jobs are remembered until a hundred newer ones came; the reports themselves are in the archive."""

    def __init__(self, reports: Reports, clock: Clock) -> None:
        self._reports, self._clock = reports, clock
        self._jobs: OrderedDict[str, ReportJob] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor
    ) -> ReportJob:
        """Begin; what is wrong with the order is raised here: NotFound, ConfigError; Conflict while too many run."""
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("issuing a report needs the role engineer")
        self._reports.check(await self._reports.template(template), format, from_us, to_us)
        if len(self._tasks) >= MOST_RUNNING:
            raise Conflict(f"{len(self._tasks)} reports are being made; wait for one or cancel it")
        job = ReportJob(secrets.token_hex(6), template, format, from_us, to_us, actor.name, self._clock.now_us())
        self._jobs[job.id] = job
        while len(self._jobs) > REMEMBERED:
            self._jobs.popitem(last=False)
        self._tasks[job.id] = asyncio.create_task(self._make(job.id, language, actor), name=f"report:{job.id}")
        return job

    def job(self, job_id: str) -> ReportJob:
        """As it is now. Raises NotFound."""
        found = self._jobs.get(job_id)
        if found is None:
            raise NotFound("report job", job_id[:40])
        return found

    def cancel(self, job_id: str, actor: Actor) -> ReportJob:
        """Give it up; nothing is kept of it. One that is over or being kept goes on. Raises NotFound, Forbidden."""
        job = self.job(job_id)
        if job.by != actor.name and not actor.role.allows(Role.ADMIN):
            raise Forbidden("cancelling somebody else's report needs the role admin")
        task = self._tasks.get(job_id)
        if task is not None and job.step != "keeping":  # else it would be in the archive and nobody knew
            task.cancel()
            self._set(job_id, state="cancelled")
        return self.job(job_id)

    async def wait(self, job_id: str, seconds: float) -> ReportJob:
        """The job when it is over, or as it is after so long. Raises NotFound."""
        self.job(job_id)
        task = self._tasks.get(job_id)
        if task is not None:
            await asyncio.wait([task], timeout=seconds)
        return self.job(job_id)

    def close(self) -> None:
        """Give up what runs."""
        for task in self._tasks.values():
            task.cancel()

    async def _make(self, job_id: str, language: str | None, actor: Actor) -> None:
        job = self.job(job_id)
        try:
            stored = await self._reports.issue(
                job.template, job.format, job.from_us, job.to_us, language, actor, told=lambda step: self._set(job_id, step=step)
            )
            self._set(job_id, state="done", report_id=stored.id)
        except asyncio.CancelledError:
            self._set(job_id, state="cancelled")
            raise
        except MonitorError as exc:
            self._set(job_id, state="failed", error=str(exc))
        except Exception as exc:
            log.exception("the report %s was not made", job.template)
            self._set(job_id, state="failed", error=type(exc).__name__)
        finally:
            self._tasks.pop(job_id, None)

    def _set(self, job_id: str, **changes: object) -> None:
        if job_id in self._jobs:
            self._jobs[job_id] = replace(self._jobs[job_id], **changes)  # type: ignore[arg-type]
