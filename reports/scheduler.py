"""Reports that make themselves: each period of a schedule once, whatever is stopped and started in between.

A period becomes a run in the store before anything is made for it; the report and the run's knowledge of it are kept in one
transaction, and each place it goes to is ticked off when it is there. So a restart goes on where it was cut off. Only an e-mail
whose server took it while we were being stopped may come twice; it then carries the same Message-ID.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from domain.access import Actor, Role
from domain.energy import ShiftWindow
from domain.errors import Forbidden, MonitorError, NotFound
from domain.health import TaskStatus
from domain.ports import Clock
from domain.report import (
    Draft,
    PeriodKind,
    ReportRun,
    ReportSchedule,
    ReportScheduleStore,
    RunState,
    ScheduleNow,
)
from domain.stores import AuditStore, StoredReport
from reports.periods import DAY_US, Days, periods
from reports.schedules import said, with_changes
from reports.service import Reports

log = logging.getLogger(__name__)

LOOK_S = 20.0
MINUTE_US = 60_000_000
AGAIN_MIN = (1, 5, 15, 60)  # after the first, second ... failure; then hourly
MOST_TRIES = 24
BACK_DAYS = {PeriodKind.SHIFT: 7, PeriodKind.DAY: 31, PeriodKind.WEEK: 63, PeriodKind.MONTH: 190}
"""What a long stop left out is made up for as far back as that."""
BY_ITSELF = Actor("schedule", Role.ENGINEER, "schedule")


class Places(Protocol):
    """Where a report goes besides the archive. Each raises MonitorError or OSError with the reason."""

    async def check(self, schedule: ReportSchedule) -> None:
        """Raises ConfigError that names the field."""
        ...

    async def to_folder(self, folder: str, name: str, content: bytes) -> None: ...
    async def to_mailbox(self, channel_id: int, address: str, report: StoredReport, content: bytes, message_id: str) -> None: ...


class ReportScheduler:
    """Implements what the report service asks of schedules; `run` is the owner's to run."""

    def __init__(
        self, reports: Reports, store: ReportScheduleStore, audit: AuditStore, clock: Clock, *, calendar: Callable[[], Days],
        places: Places,
    ) -> None:
        self._reports, self._store, self._audit, self._clock = reports, store, audit, clock
        self._calendar, self._places = calendar, places
        self._failed: dict[tuple[int, int], tuple[ReportSchedule, ReportRun]] = {}
        self._look = asyncio.Event()

    # -- what people do --------------------------------------------------------------------------------------------

    async def schedules(self) -> Sequence[ScheduleNow]:
        """Every one with its last runs."""
        found = []
        for schedule in await self._store.schedules():
            next_us = None
            if schedule.enabled:
                next_us = await self._next_us(schedule)
            found.append(ScheduleNow(schedule, tuple(await self._store.runs(schedule.id, 20)), next_us))
        return found

    async def save(self, draft: Draft, actor: Actor, *, schedule_id: int, known_version: int) -> ReportSchedule:
        """A new one with id 0. Folder and mail need the role admin, others engineer. Raises ConfigError that names the field,
        Conflict (changed meanwhile), NotFound, Forbidden."""
        await self._allow(actor, Role.ENGINEER, "a report schedule")
        known = {s.id: s for s in await self._store.schedules()}
        if schedule_id and schedule_id not in known:
            raise NotFound("report schedule", str(schedule_id))
        old = known.get(schedule_id, ReportSchedule(0, "", since_us=self._clock.now_us(), version=0))
        wanted = with_changes(old, draft)
        if (wanted.folder, wanted.mail_to, wanted.channel_id) != (old.folder, old.mail_to, old.channel_id):
            await self._allow(actor, Role.ADMIN, "where reports are sent to")
        await self._reports.template(wanted.template)
        await self._places.check(wanted)
        if wanted.enabled and not old.enabled and schedule_id:
            wanted = replace(wanted, since_us=self._clock.now_us())  # what it rested through is not made up for
        await self._audit.append(
            self._clock.now_us(), actor.name, actor.source, "report_schedule", f"{wanted.template} {schedule_id or 'new'}",
            old=said(old) if schedule_id else None, new=said(wanted),
        )
        saved = await self._store.save_schedule(replace(wanted, version=known_version + 1), known_version)
        self._look.set()
        return saved

    async def delete(self, schedule_id: int, actor: Actor) -> None:
        """Issued reports stay. Raises NotFound, Forbidden."""
        await self._allow(actor, Role.ENGINEER, "a report schedule")
        await self._store.delete_schedule(schedule_id)
        await self._audit.append(
            self._clock.now_us(), actor.name, actor.source, "report_schedule_delete", str(schedule_id)
        )

    async def again(self, schedule_id: int, from_us: int, actor: Actor) -> ReportRun:
        """Try a failed or waiting period once more, now. Raises NotFound, Forbidden."""
        await self._allow(actor, Role.ENGINEER, "a report schedule")
        for run in await self._store.unfinished():
            if (run.schedule_id, run.from_us) == (schedule_id, from_us):
                waiting = replace(run, state=RunState.WAITING, tries=0, next_us=self._clock.now_us())
                await self._store.save_run(waiting)
                self._look.set()
                return waiting
        raise NotFound("unfinished report", f"{schedule_id}/{from_us}")

    # -- by itself -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.round()
            self._look.clear()
            sleeping = asyncio.ensure_future(self._clock.sleep(LOOK_S))
            looking = asyncio.ensure_future(self._look.wait())
            try:
                await asyncio.wait({sleeping, looking}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
                looking.cancel()

    async def round(self) -> None:
        """Make runs of the periods that are due, then everything that waits."""
        schedules = {schedule.id: schedule for schedule in await self._store.schedules()}
        for schedule in schedules.values():
            if schedule.enabled:
                await self._plan(schedule)
        now_us, failed = self._clock.now_us(), {}
        for run in await self._store.unfinished():
            owner = schedules.get(run.schedule_id)
            if owner is None:
                continue
            current = run
            if run.state is RunState.WAITING and run.next_us <= now_us and owner.enabled:
                current = await self._attempt(owner, run)
            if current.error and current.state is not RunState.DONE:
                failed[current.schedule_id, current.from_us] = (owner, current)
        self._failed = failed

    def statuses(self) -> Sequence[TaskStatus]:
        """What did not come, for the status page: nothing while all is well."""
        return [
            TaskStatus(
                f"report:{schedule.template}:{schedule.id}", "failed" if run.state is RunState.FAILED else "restarting",
                run.tries, run.to_us, run.error,
            )
            for schedule, run in self._failed.values()
        ]  # fmt: skip

    async def _plan(self, schedule: ReportSchedule) -> None:
        known = {run.from_us for run in await self._store.runs(schedule.id, 500)}
        try:
            kind = (await self._reports.template(schedule.template)).period
        except NotFound:
            return  # the template is gone: schedules of it rest
        for period in due(self._calendar(), kind, schedule, self._clock.now_us()):
            if period.from_us not in known:
                await self._store.add_run(ReportRun(schedule.id, period.from_us, period.to_us, next_us=self._clock.now_us()))

    async def _attempt(self, schedule: ReportSchedule, run: ReportRun) -> ReportRun:
        try:
            run = await self._make(schedule, run)
            done = replace(run, state=RunState.DONE, error="", tries=run.tries + 1)
        except (MonitorError, OSError) as exc:
            run = await self._as_stored(run)
            tries = run.tries + 1
            wait_us = AGAIN_MIN[min(tries, len(AGAIN_MIN)) - 1] * MINUTE_US
            state = RunState.FAILED if tries >= MOST_TRIES else RunState.WAITING
            done = replace(run, state=state, error=str(exc)[:500] or type(exc).__name__, tries=tries,
                           next_us=self._clock.now_us() + wait_us)
            log.warning("report schedule %s, %s: %s", schedule.id, schedule.template, exc)
        await self._store.save_run(done)
        return done

    async def _make(self, schedule: ReportSchedule, run: ReportRun) -> ReportRun:
        """Issue what is not issued, send where it has not been; each step is stored at once."""
        if run.report_id is None:
            stored = await self._reports.issue(
                schedule.template, schedule.format, run.from_us, run.to_us, None, BY_ITSELF, run=run
            )
            run = replace(run, report_id=stored.id)
        if run.report_id is None:
            return run
        stored, content = await self._reports.file(run.report_id)
        if schedule.folder and "folder" not in run.delivered:
            await self._places.to_folder(schedule.folder, stored.file_name, content)
            run = await self._tick(run, "folder")
        for address in schedule.mail_to:
            place = f"mail:{address}"
            if place not in run.delivered and schedule.channel_id is not None:
                message_id = f"report-{schedule.id}-{run.from_us}-{schedule.mail_to.index(address)}"
                await self._places.to_mailbox(schedule.channel_id, address, stored, content, message_id)
                run = await self._tick(run, place)
        return run

    async def _tick(self, run: ReportRun, place: str) -> ReportRun:
        run = replace(run, delivered=(*run.delivered, place))
        await self._store.save_run(run)
        return run

    async def _as_stored(self, run: ReportRun) -> ReportRun:
        """With what was already reached before it failed."""
        for stored in await self._store.runs(run.schedule_id, 500):
            if stored.from_us == run.from_us:
                return stored
        return run

    async def _next_us(self, schedule: ReportSchedule) -> int | None:
        try:
            kind = (await self._reports.template(schedule.template)).period
        except NotFound:
            return None
        now_us, delay_us = self._clock.now_us(), schedule.delay_min * MINUTE_US
        begin_us, end_us = now_us - delay_us - 1, now_us + BACK_DAYS[kind] * DAY_US
        ends = [p.to_us + delay_us for p in periods(self._calendar(), kind, begin_us, end_us)]
        return min((end for end in ends if end > now_us), default=None)

    async def _allow(self, actor: Actor, role: Role, subject: str) -> None:
        if actor.role.allows(role):
            return
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, "refused", subject, result="failed")
        raise Forbidden(f"{subject} needs the role {role.value}")


def due(calendar: Days, kind: PeriodKind, schedule: ReportSchedule, now_us: int) -> list[ShiftWindow]:
    """Periods that are over, with the delay for late data, and ended after the schedule began; oldest first."""
    end_us = now_us - schedule.delay_min * MINUTE_US
    begin_us = max(schedule.since_us, end_us - BACK_DAYS[kind] * DAY_US)
    return [p for p in periods(calendar, kind, begin_us, end_us) if schedule.since_us < p.to_us <= end_us]


