"""On the machine's page while it idles: switch it off or keep it on, with the figures behind the advice."""

from __future__ import annotations

import logging

from nicegui import background_tasks
from nicegui.element import Element

from domain.errors import MonitorError
from domain.figures import StandbyAdvice
from web_interface.components import el, icon
from web_interface.format import Format
from web_interface.locale import t
from web_interface.pages import shell
from web_interface.pages.energy_view import money
from web_interface.pages.explain import explainable

log = logging.getLogger(__name__)


def advice_line(page: shell.Page, machine_id: str) -> None:
    """A line that stays away until there is something to say."""
    box = el("div", "em-advice", testid="machine-advice")
    box.set_visibility(False)
    background_tasks.create(_fill(page, machine_id, box), name="machine:advice")


async def _fill(page: shell.Page, machine_id: str, box: Element) -> None:
    try:
        found = await page.services.money.standby_of(machine_id)
    except (MonitorError, OSError) as exc:  # a comfort: the page stays without it
        log.warning("no stand-by advice for %s: %s", machine_id, exc)
        return
    words = advice_words(found, page.viewer.fmt)
    if not words or box.is_deleted:
        return
    now_us = page.hub.shop().now_us
    with box:
        icon("lightbulb")
        explainable(page, el("span", text=words), "standby", machine_id, (now_us - 86_400_000_000, now_us))
    box.set_visibility(True)


def advice_words(found: StandbyAdvice, fmt: Format) -> str:
    """One sentence; empty while there is nothing to advise."""
    if found.advice not in {"switch_off", "keep"} or found.break_even_min is None or found.expected_pause_min is None:
        return ""
    saved = money(found.saving, fmt) if found.saving is not None else fmt.value(found.saving_kwh, "kWh")
    return t(
        f"machine.advice.{found.advice}", fmt.lang, expected=fmt.duration(found.expected_pause_min * 60),
        limit=fmt.duration(found.break_even_min * 60), saving=saved,
    )  # fmt: skip
