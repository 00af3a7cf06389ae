"""Alerts and rehearsals: built and connected in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.alerts import AlertEngine
from analysis.engine import AnalysisEngine
from analysis.rehearsal_service import Rehearsals
from config.settings import Settings
from data_processing.checks import Hampel
from database import Database
from database.alert_spool import AlertSpoolFile
from domain.plant import Plant, Tag
from domain.ports import Clock


def build_alerts(settings: Settings, database: Database, clock: Clock) -> AlertEngine:
    """Transitions wait in a file of the data folder while the database is away."""
    return AlertEngine(database.alerts, database.audit, clock, spool=AlertSpoolFile(settings.data_dir / "alerts.spool"))


def build_rehearsals(
    plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], analysis: AnalysisEngine, database: Database, clock: Clock
) -> Rehearsals:
    """Over what is kept; filters are those that run live."""
    return Rehearsals(
        database.samples, database.states, clock, plant, tags, lambda: analysis.rules.models,
        spike_filter=lambda floor: Hampel(floor, _unheard),
    )  # fmt: skip


def _unheard(_time_us: int, _kind: str, _detail: str) -> None:
    """Events of a replayed filter are counted, not kept."""
