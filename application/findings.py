"""Detectors and findings, built and connected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analysis.alerts import AlertEngine
from analysis.detector_watch import DetectorWatch
from analysis.detectors.sources import KeptMinutes, ProductionSource
from analysis.finding_figures import FIGURE, FindingFigures
from analysis.finding_service import Findings
from analysis.prices import Prices
from database import Database
from domain.explain import Explainer
from domain.plant import Plant, Tag
from domain.ports import Clock, History
from runtime.offload import Offload


@dataclass(frozen=True, slots=True)
class FindingParts:
    """`watch` listens to the bus and is run; `service` answers."""

    watch: DetectorWatch
    service: Findings


def build_findings(
    plant: Callable[[], Plant], tags: Callable[[], Sequence[Tag]], history: History, production: ProductionSource,
    alerts: AlertEngine, database: Database, clock: Clock, offload: Offload, explainer: Explainer, prices: Prices,
) -> FindingParts:  # fmt: skip
    """Over the plant as it is now."""

    minutes = KeptMinutes(history, database.states, production, plant)
    watch = DetectorWatch(
        plant(), tags(), store=database.findings, minutes=minutes, alerts=alerts, clock=clock, prices=prices
    )  # fmt: skip
    service = Findings(
        plant, tags, store=database.findings, watch=watch, minutes=minutes, audit=database.audit, clock=clock, run=offload.run,
        prices=prices,
    )  # fmt: skip
    explainer.register(FIGURE, FindingFigures(service))
    return FindingParts(watch, service)
