"""Reports issued in the background: how far each is, giving it up, what is remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.report import ReportTemplate
from domain.stores import StoredReport
from reports.jobs import MOST_RUNNING, REMEMBERED, ReportJobs
from reports.templates import BY_ID
from tests.conftest import FakeClock

ANNA, BORIS = Actor("anna", Role.ENGINEER, "test"), Actor("boris", Role.ENGINEER, "test")
ADMIN, VIEWER = Actor("root", Role.ADMIN, "test"), Actor("vera", Role.VIEWER, "test")


class Reports:
    """Draws until it is let go; keeps what came to its end."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.drawing, self.keep, self.kept_soon = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.keep.set()
        self.fails: Exception | None = None
        self.kept: list[str] = []

    async def template(self, template_id: str) -> ReportTemplate:
        if template_id not in BY_ID:
            raise NotFound("report template", template_id)
        return BY_ID[template_id]

    def check(self, template: ReportTemplate, format: str, from_us: int, to_us: int) -> None:
        if format not in {"pdf", "xlsx"}:
            raise ConfigError(f"format {format!r}: expected one of pdf, xlsx")

    async def issue(
        self, template: str, format: str, from_us: int, to_us: int, language: str | None, actor: Actor, *, told: Callable[[str], None]
    ) -> StoredReport:
        told("drawing")
        self.drawing.set()
        await self.go.wait()
        if self.fails is not None:
            raise self.fails
        told("keeping")
        self.kept_soon.set()
        await self.keep.wait()
        self.kept.append(template)
        return StoredReport(len(self.kept), template, format, from_us, to_us, to_us, actor.name, "x.pdf", b"x")


@pytest.fixture
async def jobs() -> AsyncIterator[tuple[ReportJobs, Reports]]:
    reports = Reports()
    made = ReportJobs(reports, FakeClock(0))  # type: ignore[arg-type]
    yield made, reports
    made.close()
    await asyncio.sleep(0)


async def test_a_report_is_followed_to_its_end(jobs: tuple[ReportJobs, Reports]) -> None:
    made, reports = jobs
    job = await made.start("day", "pdf", 0, 1, "ru", ANNA)
    await reports.drawing.wait()
    assert (made.job(job.id).state, made.job(job.id).step) == ("running", "drawing")
    assert (await made.wait(job.id, 0.01)).state == "running"
    reports.go.set()
    over = await made.wait(job.id, 30)
    assert (over.state, over.report_id, over.by) == ("done", 1, "anna")
    assert made.cancel(job.id, ANNA).state == "done"  # what is over stays as it is


async def test_a_cancelled_report_is_given_up_and_nothing_is_kept(jobs: tuple[ReportJobs, Reports]) -> None:
    made, reports = jobs
    job = await made.start("day", "pdf", 0, 1, "ru", ANNA)
    await reports.drawing.wait()
    with pytest.raises(Forbidden):
        made.cancel(job.id, BORIS)
    assert made.job(job.id).state == "running"
    assert made.cancel(job.id, ANNA).state == "cancelled"
    reports.go.set()
    assert (await made.wait(job.id, 30)).state == "cancelled"
    assert reports.kept == []
    other = await made.start("day", "pdf", 0, 1, "ru", ANNA)  # one that had not begun
    assert made.cancel(other.id, ADMIN).state == "cancelled"
    assert (await made.wait(other.id, 30)).state == "cancelled"
    assert reports.kept == []


async def test_one_that_is_being_kept_is_not_given_up_halfway(jobs: tuple[ReportJobs, Reports]) -> None:
    made, reports = jobs
    reports.keep.clear()
    reports.go.set()
    job = await made.start("day", "pdf", 0, 1, "ru", ANNA)
    await reports.kept_soon.wait()
    assert made.cancel(job.id, ANNA).state == "running"
    reports.keep.set()
    assert (await made.wait(job.id, 30)).state == "done"


async def test_too_many_at_once_wait_their_turn_and_cancelling_makes_room(jobs: tuple[ReportJobs, Reports]) -> None:
    made, reports = jobs
    running = [await made.start("day", "pdf", 0, 1, "ru", ANNA) for _ in range(MOST_RUNNING)]
    with pytest.raises(Conflict, match="5 reports are being made"):
        await made.start("day", "pdf", 0, 1, "ru", ANNA)
    await reports.drawing.wait()
    made.cancel(running[0].id, ANNA)
    await made.wait(running[0].id, 30)
    assert (await made.start("day", "pdf", 0, 1, "ru", ANNA)).state == "running"


async def test_what_fails_says_why_and_secrets_of_a_crash_stay_in_the_log(jobs: tuple[ReportJobs, Reports]) -> None:
    made, reports = jobs
    reports.go.set()
    for fails, said in ((ConfigError("workbook: has macros"), "workbook: has macros"), (OSError("/srv/secret"), "OSError")):
        reports.fails = fails
        job = await made.start("day", "pdf", 0, 1, "ru", ANNA)
        over = await made.wait(job.id, 30)
        assert (over.state, over.error) == ("failed", said)


async def test_bad_orders_start_nothing_and_old_jobs_are_forgotten(jobs: tuple[ReportJobs, Reports]) -> None:
    made, reports = jobs
    with pytest.raises(Forbidden):
        await made.start("day", "pdf", 0, 1, "ru", VIEWER)
    with pytest.raises(NotFound):
        await made.start("nothing", "pdf", 0, 1, "ru", ANNA)
    with pytest.raises(ConfigError):
        await made.start("day", "docx", 0, 1, "ru", ANNA)
    reports.go.set()
    done = []
    for _ in range(REMEMBERED + 1):
        done.append(await made.start("day", "pdf", 0, 1, "ru", ANNA))
        await made.wait(done[-1].id, 30)
    with pytest.raises(NotFound, match="report job"):
        made.job(done[0].id)
    assert made.job(done[-1].id).state == "done"
