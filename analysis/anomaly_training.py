"""Training of anomaly models as jobs: a chosen good period is read, fitted in the worker process, and tried on the last days."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from analysis.detectors.minute import MINUTE_US
from analysis.detectors.sources import DAY_US
from domain.errors import ConfigError, Conflict, MonitorError, NotFound
from domain.finding import AnomalyModel, AnomalyTraining, FindingRehearsal, TrainingStage, TrainingState

log = logging.getLogger(__name__)

LONGEST_DAYS = 92
KEPT_JOBS = 50

Told = Callable[[TrainingStage, float], None]
Work = Callable[[Told], Awaitable[tuple[AnomalyModel, FindingRehearsal]]]


def check_period(from_us: int, to_us: int, now_us: int) -> None:
    """Raises ConfigError that names the field: the period is turned round, in the future, or too long."""
    if from_us >= to_us:
        raise ConfigError("period: ends before it begins; expected from before to")
    if to_us > now_us + MINUTE_US:
        raise ConfigError("period: ends in the future; expected a period that has passed")
    if to_us - from_us > LONGEST_DAYS * DAY_US + DAY_US // 24:  # a day of 25 hours may be among them
        raise ConfigError(f"period: the period is longer than {LONGEST_DAYS} days; expected a shorter one")


class Trainings:
    """The last training of each machine. One runs at a time for a machine; the worker process takes one after the other."""

    def __init__(self) -> None:
        self._told: dict[str, AnomalyTraining] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)

    def start(self, machine_id: str, from_us: int, to_us: int, work: Work, *, keep: bool) -> AnomalyTraining:
        """Raises Conflict while one of that machine runs."""
        if any(job.machine_id == machine_id and job.state is TrainingState.RUNNING for job in self._told.values()):
            raise Conflict(f"a model of {machine_id!r} is being trained already; wait for it or cancel it")
        while len(self._told) >= KEPT_JOBS:
            oldest = next(iter(self._told))
            self._told.pop(oldest)
            self._tasks.pop(oldest).cancel()
        job = AnomalyTraining(str(next(self._numbers)), machine_id, from_us, to_us, keep)
        self._told[job.id] = job
        self._tasks[job.id] = asyncio.create_task(self._run(job.id, work), name=f"anomaly-training:{job.id}")
        return job

    def jobs(self) -> Sequence[AnomalyTraining]:
        """The newest first."""
        return list(reversed(self._told.values()))

    def job(self, job_id: str) -> AnomalyTraining:
        """Raises NotFound."""
        if job_id not in self._told:
            raise NotFound("training", job_id)
        return self._told[job_id]

    def cancel(self, job_id: str) -> AnomalyTraining:
        """Stops it; a finished one stays as it is. Raises NotFound."""
        job = self.job(job_id)
        if job.state is TrainingState.RUNNING:
            self._tasks[job_id].cancel()
            job = self._told[job_id] = replace(job, state=TrainingState.CANCELLED)
        return job

    async def wait(self, job_id: str, seconds: float) -> AnomalyTraining:
        """The job when it is over, or as it is after so long. Raises NotFound."""
        self.job(job_id)
        await asyncio.wait([self._tasks[job_id]], timeout=seconds)
        return self.job(job_id)

    async def _run(self, job_id: str, work: Work) -> None:
        def told(stage: TrainingStage, progress: float) -> None:
            self._told[job_id] = replace(self._told[job_id], stage=stage, progress=progress)

        try:
            model, rehearsal = await work(told)
            done = replace(self._told[job_id], state=TrainingState.DONE, progress=1.0, model=model, rehearsal=rehearsal)
        except (MonitorError, OSError) as exc:
            log.warning("training %s of %s failed: %s", job_id, self._told[job_id].machine_id, exc)
            done = replace(self._told[job_id], state=TrainingState.FAILED, error=str(exc))
        self._told[job_id] = done
