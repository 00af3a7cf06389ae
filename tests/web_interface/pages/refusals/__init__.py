"""Every sentence that a service refuses something with, beside its Russian words."""

from __future__ import annotations

from domain.errors import MonitorError
from tests.web_interface.pages.refusals import analysis, baselines, collectors, notifications, people, plant, reports

SAID: tuple[tuple[type[MonitorError], str, str], ...] = (
    *analysis.SAID, *baselines.SAID, *collectors.SAID, *notifications.SAID, *people.SAID, *plant.SAID, *reports.SAID,
)  # fmt: skip
