"""Inspected items and quality models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from analysis.inspection.learning import HeavyWork, compared, learned
from analysis.inspection.service import Inspection
from database import open_database
from database.retention import Policy
from domain.access import Actor, Role
from domain.camera import ItemPicture, Region
from domain.errors import ConfigError, Forbidden, NotFound
from domain.inspection import InspectedItem, ItemFilter, Outcome, Verdict
from domain.inspection_reason import Reason
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

DAY_US = 86_400_000_000
ENGINEER, OPERATOR, VIEWER = (Actor(role.value, role, "test") for role in (Role.ENGINEER, Role.OPERATOR, Role.VIEWER))



async def learned_here(*args: Any) -> Any:
    return learned(*args)


async def compared_here(*args: Any) -> Any:
    return compared(*args)


HERE = HeavyWork(learned_here, compared_here)


def item(number: int, load: float) -> InspectedItem:
    verdict = Verdict(number, Outcome.NONE)
    return InspectedItem("cell", number, number * 10, number * 10 + 9, {"load.mean": load, "load.max": load + 1}, verdict, None)


async def test_items_are_kept_labelled_learned_from_rehearsed_and_judged(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        service = Inspection(database.inspection, database.audit, fake_clock, lambda *_: None, HERE)
        rows = [item(n, 40 + n % 7) for n in range(1, 31)]
        await database.inspection.add_items(rows)
        await database.inspection.add_items(rows[:3])
        assert await service.items("cell", 2) == [rows[29], rows[28]]
        assert await database.inspection.last_numbers() == {"cell": 30}
        for number in range(1, 13):
            await service.label("cell", number, Outcome.REJECT if number == 12 else Outcome.GOOD, OPERATOR)
        model = await service.train("cell", "limits", ENGINEER)
        assert (model.version, model.items, model.active) == (1, 11, False)
        assert await service.train("cell", "distance", ENGINEER)
        assert await service.rehearse("cell", 1) == {
            "true_reject": 0, "false_reject": 0, "missed": 1, "true_good": 11, "unsure": 0,
        }
        await service.activate("cell", 2, ENGINEER)
        assert [(m.version, m.active) for m in await service.models("cell")] == [(2, True), (1, False)]
        again = Inspection(database.inspection, database.audit, fake_clock, lambda *_: None, HERE)
        await again._load()
        assert again.inspector.models["cell"].name == "distance 2"
        await service.activate("cell", None, ENGINEER)
        assert service.inspector.models == {}
        with pytest.raises(Forbidden):
            await service.train("cell", "limits", OPERATOR)
        with pytest.raises(Forbidden):
            await service.label("cell", 1, Outcome.GOOD, VIEWER)
        with pytest.raises(NotFound):
            await service.label("cell", 99, Outcome.GOOD, OPERATOR)
        with pytest.raises(NotFound):
            await service.activate("cell", 9, ENGINEER)
        with pytest.raises(ConfigError, match="no model"):
            await service.train("cell", "oracle", ENGINEER)
        with pytest.raises(NotFound, match="nobody"):
            await service.train("nobody", "limits", ENGINEER)


async def test_items_are_chosen_counted_and_deleted_when_they_are_old(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        store, now_us = database.inspection, fake_clock.now_us()
        outcomes = (Outcome.GOOD, Outcome.GOOD, Outcome.REJECT, Outcome.UNSURE, Outcome.NONE)
        backs = (True, False, True, None, None)
        for days, device in ((401, "cell"), (1, "cell"), (401, "other")):
            at = now_us - days * DAY_US
            await store.add_items([
                replace(item(days * 10 + n, 40.0), device_id=device, closed_us=at + n, written_back=back, verdict=Verdict(1, outcome))
                for n, (outcome, back) in enumerate(zip(outcomes, backs, strict=True))
            ])
        await store.label("cell", 12, Outcome.REJECT)
        assert [i.number for i in await store.items("cell", 3)] == [4014, 4013, 4012]
        assert [i.number for i in await store.items("cell", 9, ItemFilter(outcome=Outcome.GOOD, before=4000))] == [11, 10]
        assert [i.number for i in await store.items("cell", 9, ItemFilter(label=Outcome.REJECT))] == [12]
        recent = now_us - DAY_US
        assert [i.number for i in await store.items("cell", 9, ItemFilter(recent + 1, recent + 3))] == [12, 11]
        found = await store.counts("cell", recent, now_us)
        assert (found.items, found.written_back, found.late) == (5, 2, 1)
        assert found.outcomes == {Outcome.NONE: 1, Outcome.GOOD: 2, Outcome.REJECT: 1, Outcome.UNSURE: 1}
        assert found.labels[Outcome.REJECT] == 1
        assert (await store.counts("nobody", 0, now_us)).items == 0
        assert await database.retention.work() == 10
        assert [i.number for i in await store.items("cell", 9)] == [14, 13, 12, 11, 10]
        assert await store.items("other", 9) == []


async def test_reasons_are_kept_as_codes_and_texts_of_earlier_versions_are_read(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    reasons = (Reason("above", "load.max", 78.25, 45.2), Reason("deviates", "load.std", -3.1))
    async with opened(database_url, tmp_path, fake_clock) as database:
        rows = [replace(item(n, 40), verdict=Verdict(n, Outcome.REJECT, 0.9, reasons, "limits 1")) for n in (1, 2)]
        await database.inspection.add_items(rows)
        old = json.dumps(["load.max: 78.25 > 45.2", "load.std: -3.1 σ"], ensure_ascii=False)
        async with database.store.write() as connection:
            await connection.execute(text("UPDATE inspection_item SET reasons = :old WHERE number = 1"), {"old": old})
        assert [i.verdict.reasons for i in await database.inspection.items("cell", 9)] == [reasons, reasons]

async def test_pictures_are_kept_with_their_items_and_go_before_them(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        store, now_us = database.inspection, fake_clock.now_us()
        framed = ItemPicture(640, 480, Region(10, 20, 30, 40), bytes(range(256)) * 300)
        seen = {1: framed, 2: ItemPicture(640, 480, None, b"two"), 3: None, 4: ItemPicture(64, 48, None, b"four")}
        days = {1: 61, 2: 59, 3: 1, 4: 1}
        for number, picture in seen.items():
            one = replace(item(number, 40.0), closed_us=now_us - days[number] * DAY_US, picture=picture)
            await store.add_items([one])
            await store.add_items([one])
        assert [i.picture for i in await store.items("cell", 9)] == [seen[4], None, seen[2], framed]
        assert (await store.items("cell", 1))[0].picture.jpeg == b"", "bytes are asked for by themselves"  # type: ignore[union-attr]
        whole = await store.picture("cell", 1)
        assert whole == framed
        assert whole.jpeg == framed.jpeg
        assert await store.picture("cell", 3) is None
        assert await store.pictures("cell", [1, 2, 3, 9]) == {1: framed.jpeg, 2: b"two"}
        assert await database.retention.work() == 1
        assert list(await store.pictures("cell", [1, 2, 4])) == [2, 4]
        assert len(await store.items("cell", 9)) == 4
        database.retention.policy = Policy(pictures_each=1)
        assert await database.retention.work() == 1
        assert list(await store.pictures("cell", [1, 2, 4])) == [4]
        await fake_clock.advance(30 * 86_400.0)
        database.retention.policy = Policy(inspection_item=20)
        await database.retention.work()
        assert await store.items("cell", 9) == []
        assert await store.picture("cell", 4) is None, "never longer than its item"


async def test_no_item_is_lost_while_two_store_at_once() -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        stored: list[int] = []  # noqa: RUF012 - of this test only

        async def add_items(self, items: Sequence[InspectedItem]) -> None:
            began.set()
            await go_on.wait()
            self.stored += [one.number for one in items]

    service = Inspection(Slow(), None, FakeClock(), lambda *_: None, HERE)  # type: ignore[arg-type]
    service._keep(item(1, 40.0))
    both = [asyncio.create_task(service.flush()) for _ in range(2)]
    await began.wait()
    service._keep(item(2, 40.0))
    go_on.set()
    await asyncio.gather(*both)
    await service.flush()
    assert set(Slow.stored) == {1, 2}


async def test_a_backup_has_the_pictures_too(tmp_path: Path, fake_clock: FakeClock) -> None:
    file = tmp_path / "b.zip"
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/a.db", tmp_path / "a", fake_clock) as database:
        rows = [replace(item(n, 40.0), picture=ItemPicture(64, 48, None, bytes([n]) * 1000)) for n in range(1, 206)]
        await database.inspection.add_items(rows)
        await database.backup(file)
    async with open_database(f"sqlite+aiosqlite:///{tmp_path}/b.db", tmp_path / "b", fake_clock) as database:
        await database.restore(file)
        assert (await database.inspection.pictures("cell", [205]))[205] == bytes([205]) * 1000
        assert len(await database.inspection.pictures("cell", range(1, 300))) == 205
