"""Inspected items and quality models."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.inspection.service import Inspection, learned
from domain.access import Actor, Role
from domain.errors import ConfigError, Forbidden, NotFound
from domain.inspection import InspectedItem, Outcome, Verdict
from tests.conftest import FakeClock
from tests.database.test_repositories import opened

ENGINEER, OPERATOR, VIEWER = (Actor(role.value, role, "test") for role in (Role.ENGINEER, Role.OPERATOR, Role.VIEWER))


def item(number: int, load: float) -> InspectedItem:
    verdict = Verdict(number, Outcome.NONE)
    return InspectedItem("cell", number, number * 10, number * 10 + 9, {"load.mean": load, "load.max": load + 1}, verdict, None)


async def test_items_are_kept_labelled_learned_from_rehearsed_and_judged(
    database_url: str, tmp_path: Path, fake_clock: FakeClock
) -> None:
    async with opened(database_url, tmp_path, fake_clock) as database:
        async def heavy(kind: str, items: object) -> object:
            return learned(kind, items)  # type: ignore[arg-type]

        service = Inspection(database.inspection, database.audit, fake_clock, lambda *_: None, heavy)  # type: ignore[arg-type]
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
        again = Inspection(database.inspection, database.audit, fake_clock, lambda *_: None, heavy)  # type: ignore[arg-type]
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
        with pytest.raises(ConfigError, match="too few"):
            await service.train("nobody", "limits", ENGINEER)
