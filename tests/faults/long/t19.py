"""T19: Kafka refuses for half an hour, finds its topic gone, is killed with -9 while the backlog goes out; one message is over its limit."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from sqlalchemy import text

from database.engine import Store
from simulator.modbus_unit import ModbusUnit, Registers
from tests.conftest import eventually
from tests.data_transfer.stranger import everything
from tests.e2e.generator import TAGS, Generator, generator
from tests.e2e.numbered import QUERY, numbered
from tests.e2e.process import Product, product
from tests.faults.long import judge
from tests.faults.long.verdict import Verdict, say
from tests.faults.long.witness import Look, Witness, age_s, drained
from tests.faults.outage import alerts_of, book_of
from tests.feed_servers import KafkaServer
from tests.servers import running_server

TOPIC = "t19.samples"
LIMIT_BYTES = 20_000  # of a batch; what the program's client sends together is 16 kB at most
WIDE, WIDE_TAGS, WIDE_SCAN_S = 200, 300, 30.0  # a device whose one message has 25 kB
LOOKS = 60
CAUGHT_UP = 500
ROOM_S = 25.0  # to start the broker, read it and delete a topic before the feed comes back
PAGE = re.compile(r"(\d[\d\s,.\u00a0\u202f]*) values (wait) on the disk")


@dataclass(frozen=True)
class BrokerOutage:
    """`units` devices of ten values each, asked every `scan_s`; and the wide one."""

    minutes: float
    units: int = 20
    scan_s: float = 1.0

    @property
    def away_s(self) -> float:
        return self.minutes * 60

    @property
    def live(self) -> float:
        """Samples a second."""
        return self.units * TAGS / self.scan_s + WIDE_TAGS / WIDE_SCAN_S


def wide_device() -> str:
    """Its part of the plant file."""
    points = "\n".join(
        f"      - {{tag: w{k}, quantity: other, unit: '1', table: holding, address: {2 * k}, type: uint32}}" for k in range(WIDE_TAGS)
    )
    return f"  - id: wide\n    line: tcp1\n    address: {WIDE}\n    scan_s: {WIDE_SCAN_S}\n    points:\n{points}\n"


async def t19(outage: BrokerOutage, folder: Path) -> Verdict:
    """The whole run on an empty folder."""
    verdict = Verdict(f"T19: Kafka away for {outage.minutes:g} min, topic gone, kill -9 on return, message over the limit")
    plant = folder / "plant.yaml"
    wide = ModbusUnit(WIDE, {"holding": Registers(range(2 * WIDE_TAGS))})
    with running_server(partial(KafkaServer, LIMIT_BYTES)) as server:
        settings = {"PLANT_FILE": str(plant), "KAFKA__BOOTSTRAP": server.bootstrap, "KAFKA__TOPIC_PREFIX": "t19"}
        settings |= {"KAFKA__PARTITIONS": "3", "KAFKA__COMPRESSION": "none"}
        async with generator(outage.units, wide) as made, product(folder / "data", **settings) as found:
            plant.write_text(made.plant(outage.scan_s) + wide_device())
            await _Run(outage, verdict, server, made, found).whole()
        judge.log(verdict, found.output, outage.minutes)
    return verdict


async def feed_of(found: Product) -> dict[str, Any]:
    (feed,) = [feed for feed in (await found.get("/api/feeds"))["items"] if feed["name"] == "kafka"]
    return dict(feed)


class _Run:
    def __init__(self, outage: BrokerOutage, verdict: Verdict, server: KafkaServer, made: Generator, found: Product) -> None:
        self._outage, self._verdict, self._server, self._made, self._found = outage, verdict, server, made, found
        self._witness = Witness(found, "kafka", found.folder / "feeds" / "kafka", "/status", PAGE)
        self._records: list[Any] = []
        self._quarantined = 0

    async def whole(self) -> None:
        try:
            await self._away_and_back()
        finally:
            await self._witness.close()
        stopped = time.time()
        self._found.signal(signal.SIGTERM)
        self._verdict.held("SIGTERM ends it with exit code 0", await self._found.ended(10.0) == 0)
        await self._made.server.stop()
        self._records += await everything(self._server, TOPIC)
        await self._compare(stopped)

    async def _away_and_back(self) -> None:
        outage, verdict, witness, found = self._outage, self._verdict, self._witness, self._found
        await found.start()
        await witness.enter()

        async def flows() -> bool:
            feed = await feed_of(found)
            return bool(feed["state"] == "ok" and feed["delivered"] > 10 * outage.live and feed["quarantined"] >= WIDE_TAGS)

        await eventually(flows, 120.0)
        began = time.time()
        *_, before = await witness.during(max(3.0, min(60.0, outage.away_s / 10)), 30.0)
        say("Kafka: stop")
        await asyncio.to_thread(self._server.stop)
        gone = time.time()
        looks = await self._while_away()
        judge.backlog(verdict, looks, gone, outage.live, self._made, WIDE_TAGS / WIDE_SCAN_S)
        judge.memory(verdict, before, looks)
        await self._topic_gone()
        await self._killed_on_return()
        judge.polls(verdict, self._made, outage.scan_s, began, time.time())
        await self._settled()

    async def _while_away(self) -> list[Look]:
        found, states = self._found, set[str]()

        async def state() -> None:
            states.add((await feed_of(found))["state"])

        await eventually(lambda: self._state("away"), 90.0)
        looks = await self._witness.during(self._outage.away_s, max(1.0, self._outage.away_s / LOOKS), state)
        feed = await feed_of(found)
        self._verdict.held("the feed is away all the time, with the cause", states == {"away"} and feed["last_error"], feed["last_error"])
        attempt = -(age_s(feed["next_attempt"]) or 0.0)
        self._verdict.held("tried again at least every 72 s", -5 <= attempt <= 72, f"in {attempt:.0f} s")
        if self._outage.away_s > 75:
            self._verdict.held("an alert stands", await alerts_of(found, "feed_away"), await alerts_of(found, "feed_away"))
        return looks

    async def _state(self, wanted: str) -> bool:
        return bool((await feed_of(self._found))["state"] == wanted)

    async def _topic_gone(self) -> None:
        """An administrator deletes the topic in the pause before the feed's next attempt; what was in it has been read."""

        async def room() -> bool:
            attempt = (await feed_of(self._found))["next_attempt"]
            return attempt is not None and -(age_s(attempt) or 0.0) >= ROOM_S

        await eventually(room, 300.0)
        before = await feed_of(self._found)
        await asyncio.to_thread(self._server.start)
        self._records = await everything(self._server, TOPIC)
        admin = AIOKafkaAdminClient(bootstrap_servers=self._server.bootstrap)
        await admin.start()
        try:
            await admin.delete_topics([TOPIC])
        finally:
            await admin.close()
        after = await feed_of(self._found)
        say(f"the broker is back, its topic gone after {len(self._records)} messages")
        self._verdict.held("(of this run) the feed was not back before that", before["delivered"] == after["delivered"])

    async def _killed_on_return(self) -> None:
        book = await book_of(self._found, "kafka")

        async def flows() -> bool:
            return bool((await book_of(self._found, "kafka"))["delivered"] > book["delivered"])

        await eventually(flows, 150.0)
        await asyncio.to_thread(self._server.kill)
        left = await book_of(self._found, "kafka")
        say(f"killed with -9 while the backlog goes out: {left['pending']} wait")
        self._verdict.held("killed in the middle", left["pending"] > CAUGHT_UP, left["pending"])
        await eventually(lambda: self._state("away"), 150.0)
        await asyncio.to_thread(self._server.start)
        say("the broker is back for good")
        judge.drain(self._verdict, await drained(self._witness, self._found, "kafka", CAUGHT_UP, 300.0), self._outage.live)

    async def _settled(self) -> None:
        verdict, found = self._verdict, self._found
        await eventually(lambda: self._state("ok"), 60.0)
        *_, after = await self._witness.during(5.0 + min(60.0, self._outage.away_s / 10), 30.0)
        verdict.held("the page tells of no backlog any more", after.said is None, after.said)
        verdict.figure("memory and outbox after the drain", f"{after.rss_mib:.0f} MiB, {after.disk_mib:.2f} MiB")
        judge.books(verdict, await found.get("/api/books"))
        await self._witness.judge_tasks(verdict)
        feed = await feed_of(found)
        whole = feed["delivered"] + feed["waiting"] + feed["quarantined"] + feed["dropped"]
        verdict.held("the feed's books balance", feed["taken"] == whole and feed["dropped"] == 0 and not feed["gaps"], feed["answers"])
        self._quarantined = feed["quarantined"]
        refused = (await found.get("/api/feeds/kafka/quarantine", limit=1000))["items"]
        verdict.held("the quarantine says why", refused and all(one["reason"] for one in refused), refused[0]["reason"])
        strange = {sample["tag"] for one in refused for sample in one["samples"] if not sample["tag"].startswith("wide.")}
        verdict.held("only the wide device is in it", not strange and not any(one["events"] for one in refused), strange)

    # -- afterwards -----------------------------------------------------------------------------------------------

    async def _compare(self, stopped: float) -> None:
        store = Store(f"sqlite+aiosqlite:///{self._found.folder / 'energy.db'}")
        try:
            async with store.read() as connection:
                rows = [tuple(row) for row in (await connection.execute(text(QUERY))).all()]
        finally:
            await store.close()
        wide = sum(str(row[0]).startswith("wide.") for row in rows)
        late_s = judge.apart_s(self._made, self._outage.scan_s)
        counted = numbered(row for row in rows if not str(row[0]).startswith("wide."))
        judge.rows(self._verdict, self._made, counted, apart_s=late_s)
        found, twice, other = delivered(self._records)
        self._verdict.held("what comes twice is the same", not other, other[:3])
        # a message may have been found by halves, which are small enough, after a broker that gave no receipt
        there = sum(tag.startswith("wide.") for tag, _ in found)
        words = f"{self._quarantined} refused, {there} in Kafka, {wide} in the tables"
        self._verdict.held("of the wide device all is refused or delivered", wide - self._quarantined - there <= 2 * WIDE_TAGS, words)
        seen = numbered((tag, time_us, value) for (tag, time_us), value in found.items() if not tag.startswith("wide."))
        judge.rows(self._verdict, self._made, seen, "Kafka", stops=[stopped], apart_s=late_s)
        self._verdict.figure("messages in Kafka, samples that came twice", f"{len(self._records)}, {twice}")
        self._verdict.figure("refused for their size", words)


def delivered(records: Sequence[Any]) -> tuple[dict[tuple[str, int], float], int, list[Any]]:
    """(tag, time) -> value in order of the first coming; how many came again; those that came with another value or key."""
    found: dict[tuple[str, int], float] = {}
    twice, other = 0, list[Any]()
    for record in records:
        message = json.loads(record.value)
        for sample in message["samples"]:
            identity = f"{message['device']}.{sample['tag']}", message["time_us"]
            if record.key != message["device"].encode() or found.get(identity, sample["value"]) != sample["value"]:
                other.append((identity, record.key, sample["value"]))
            twice += identity in found
            found.setdefault(identity, sample["value"])
    return found, twice, other
