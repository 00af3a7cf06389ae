"""T14: a database server stopped or killed for half an hour under the running program; all samples once and in order afterwards."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from database.engine import Store
from tests.conftest import eventually
from tests.e2e.generator import TAGS, Generator, generator
from tests.e2e.numbered import stored
from tests.e2e.process import Product, command, product
from tests.faults.long import judge
from tests.faults.long.verdict import Verdict, say
from tests.faults.long.witness import Look, Witness, drained
from tests.faults.outage import CAUGHT_UP, alerts_of, away, caught_up, storage_alert_over
from tests.servers import MariaDB, PostgreSQL, Server, running_server

ENGINES: Mapping[str, Callable[[], Server]] = {"mariadb": MariaDB, "postgresql": PostgreSQL}
LOOKS = 60  # over the whole outage


@dataclass(frozen=True)
class Outage:
    """What is done. `how`: kill (-9) or stop (in good order); `units` devices of ten values each, asked every `scan_s`."""

    engine: str
    how: str
    minutes: float
    units: int = 20
    scan_s: float = 1.0

    @property
    def away_s(self) -> float:
        return self.minutes * 60

    @property
    def live(self) -> float:
        """Samples a second."""
        return self.units * TAGS / self.scan_s


async def t14(outage: Outage, folder: Path) -> Verdict:
    """The whole run on an empty folder."""
    verdict = Verdict(f"T14: {outage.engine}, {'kill -9' if outage.how == 'kill' else 'stopped in order'}, {outage.minutes:g} min")
    plant = folder / "plant.yaml"
    with running_server(ENGINES[outage.engine]) as server:
        url = server.new_url()
        async with generator(outage.units) as made, product(folder / "data", PLANT_FILE=str(plant), DATABASE__URL=url) as found:
            plant.write_text(made.plant(outage.scan_s))
            await _run(outage, verdict, server, made, found)
        await _rows(outage, verdict, made, found, url)
        judge.log(verdict, found.output, outage.minutes)
    return verdict


async def _run(outage: Outage, verdict: Verdict, server: Server, made: Generator, found: Product) -> None:
    witness = Witness(found, "database", found.folder / "journal")
    try:
        await found.start()
        await witness.enter()
        await eventually(lambda: all(len(unit.answered) > 5 for unit in made.units), 60.0)
        began = time.time()
        *_, before = await witness.during(max(3.0, min(60.0, outage.away_s / 10)), 30.0)
        say(f"{outage.engine}: {outage.how}")
        await asyncio.to_thread(server.kill if outage.how == "kill" else server.stop)
        gone = time.time()
        try:
            looks = await _while_away(outage, verdict, witness, found)
            judge.polls(verdict, made, outage.scan_s, began, time.time())
        finally:
            await asyncio.to_thread(server.start)
        judge.memory(verdict, before, looks)
        judge.backlog(verdict, looks, gone, outage.live, made)
        await _return(outage, verdict, witness, found)
    finally:
        await witness.close()
    verdict.held("SIGTERM ends it with exit code 0", await _ended(found) == 0)
    await made.server.stop()


async def _while_away(outage: Outage, verdict: Verdict, witness: Witness, found: Product) -> list[Look]:
    told = await eventually(lambda: away(found), 30.0)
    assert isinstance(told, dict)
    verdict.held("ready while away, with the cause", told["ready"] is True and told["cause"], told["cause"])
    looks = await witness.during(outage.away_s, max(1.0, outage.away_s / LOOKS))
    ready = await found.get("/readyz")
    verdict.held("still so at the end", ready["ready"] is True and ready["storage"] == "journal" and ready["cause"], ready["cause"])
    verdict.held("an alert stands", await alerts_of(found, "storage"))
    errors = {d["device"]: d["errors"] for d in (await found.get("/api/devices/status"))["items"] if d["errors"]}
    verdict.held("no error of a device", not errors, errors)
    return looks


async def _return(outage: Outage, verdict: Verdict, witness: Witness, found: Product) -> None:
    say("the server is back")
    drain = await drained(witness, found, "database", CAUGHT_UP, 60 + outage.away_s)
    judge.drain(verdict, drain, outage.live)
    await eventually(lambda: caught_up(found), 60.0)
    await eventually(lambda: storage_alert_over(found), 60.0)
    *_, after = await witness.during(5.0 + min(60.0, outage.away_s / 10), 30.0)
    verdict.held("no banner any more", after.said is None, after.said)
    verdict.figure("memory and journal after the drain", f"{after.rss_mib:.0f} MiB, {after.disk_mib:.2f} MiB")
    judge.books(verdict, await found.get("/api/books"))
    await witness.judge_tasks(verdict)


async def _ended(found: Product) -> int:
    found.signal(signal.SIGTERM)
    return await found.ended(10.0)


async def _rows(outage: Outage, verdict: Verdict, made: Generator, found: Product, url: str) -> None:
    """The tables against the generator, and the program's own check."""
    store = Store(url)
    try:
        rows = await stored(store)
        async with store.read() as connection:
            bad = (await connection.execute(text("SELECT count(*) FROM sample WHERE quality <> 0"))).scalar_one()
    finally:
        await store.close()
    judge.rows(verdict, made, rows, apart_s=judge.apart_s(made, outage.scan_s))
    verdict.held("no bad sample", bad == 0, bad)
    checked = await command(found.folder, "check", env=found.env)
    verdict.held("main.py check", checked.code == 0 and "balanced: True" in checked.out, checked.out.strip().replace("\n", "; ") + checked.err)
