"""What the detectors found of a machine in the last days, on its page; nothing where they found nothing."""

from __future__ import annotations

import logging

from nicegui.element import Element

from domain.errors import MonitorError
from web_interface.components import Card, link_button
from web_interface.pages.energy_findings import finding_list
from web_interface.pages.shell import Page

log = logging.getLogger(__name__)

DAYS_US = 7 * 86_400_000_000
MOST = 4


async def fill(page: Page, machine_id: str, box: Element) -> None:
    """The newest ones, with the way to all of them."""
    now_us = page.hub.shop().now_us
    try:
        found = await page.services.findings.findings(now_us - DAYS_US, now_us + 1, machine=machine_id, limit=MOST)
    except (MonitorError, OSError) as exc:  # the rest of the page does not depend on it
        log.warning("no findings for machine %s: %s", machine_id, exc)
        return
    if not found or box.is_deleted:
        return
    with box, Card(page.t("finding.machine"), testid="machine-findings") as card:
        with card.tools:
            href = f"/energy?tab=findings&period=week&machine={machine_id}"
            link_button(page.t("finding.all"), href, testid="machine-findings-all", kind="quiet")
        finding_list(page, found)
