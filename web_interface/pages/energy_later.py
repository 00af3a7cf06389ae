"""A tab whose figures take a while: the page stands at once with grey blocks, the figures follow when they are there."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui

from domain.errors import MonitorError
from web_interface.components import el, error, loading
from web_interface.pages.energy_tab import EnergyView

log = logging.getLogger(__name__)

T = TypeVar("T")


def draw_later(view: EnergyView, fetch: Callable[[], Awaitable[T]], draw: Callable[[T], None]) -> None:
    """`draw(await fetch())` in the present place, after the page was delivered; a fault of the services is said in words."""
    page = view.page
    with el("div", "em-stack"):
        box = el("div", "em-stack")
        with box:
            loading(5)

        async def fill() -> None:
            try:
                found = await fetch()
            except (MonitorError, OSError) as exc:
                log.warning("the energy tab %s was not drawn: %s", view.tab, exc)
                box.clear()
                with box:
                    error(page.lang, page.t("energy.failed"), page.t("energy.failed.words"), str(exc))
                return
            if not box.is_deleted:
                box.clear()
                with box:
                    draw(found)

        ui.timer(0.05, fill, once=True)
