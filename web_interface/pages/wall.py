"""The overview on a screen on the wall, to be read from five metres: shown at /?wall, built from the same shop as the overview.

It only shows; nothing on it asks for a hand. All of it follows the shop by its data, so a change of plant or shift loads no page
anew and a browser in full screen stays there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nicegui.element import Element

from domain.plant import Site
from web_interface.components import Hub, KpiTile, Tick, WallAlerts, WallMachines, WallPower, el
from web_interface.pages import shell
from web_interface.pages import wall_view as view
from web_interface.pages.overview_tiles import tiles
from web_interface.services import Services
from web_interface.services.live import ShopNow

FIGURES = ("energy", "cost", "kef", "data")
HREF = "/?wall=1"


def build(services: Services, hub: Hub) -> None:
    """The page, live."""
    with shell.wall(services, hub) as page:
        Wall(page).build()


class Wall:
    """One open screen."""

    def __init__(self, page: shell.Page) -> None:
        self._page, self._fmt = page, page.viewer.fmt

    def build(self) -> None:
        """Everything from memory, at once."""
        shop, site = self._page.hub.shop(), self._site()
        with self._page.actions:
            self._name = el("h1", "em-wall-site", site.name)
            self._shift = el("span", "em-wall-shift", view.shift_words(shop, self._fmt), "wall-shift")
        with el("div", "em-wall-column em-wall-left"):
            self._power = WallPower(view.power(shop, site, self._fmt), "wall-power")
            self._alerts = WallAlerts(self._alert_data(shop), "wall-alerts")
        with el("div", "em-wall-column em-wall-right"):
            self._machines = WallMachines(view.machines(shop, self._fmt), "wall-machines")
            drawn = tiles(shop, site, self._fmt)
            with el("div", "em-wall-figures"):
                self._figures = {name: KpiTile(dict(drawn[name]), f"wall-{name}") for name in FIGURES}
        self._page.every(self.live)

    def live(self, _tick: Tick) -> list[tuple[Element, Mapping[str, Any]]]:
        """What changed since the last tick; each part is drawn once for all walls of a language."""
        hub, fmt, lang = self._page.hub, self._fmt, self._fmt.lang
        self._head(hub.shop())
        power = hub.view(("wall-power", lang), lambda shop: view.power(shop, self._site(), fmt))
        machines = hub.view(("wall-machines", lang), lambda shop: view.machines(shop, fmt))
        drawn = hub.view(("tiles", lang), lambda shop: tiles(shop, self._site(), fmt))
        return [
            (self._power, self._power.change(power)),
            (self._machines, self._machines.tile_changes(machines)),
            (self._alerts, self._alerts.change(hub.view(("wall-alerts", lang), self._alert_data))),
            *((figure, figure.change(drawn[name])) for name, figure in self._figures.items()),
        ]

    def _head(self, shop: ShopNow) -> None:
        for label, words in ((self._name, self._site().name), (self._shift, view.shift_words(shop, self._fmt))):
            if label.text != words:
                label.set_text(words)

    def _site(self) -> Site:
        return self._page.services.plant.plant.site

    def _alert_data(self, shop: ShopNow) -> dict[str, Any]:
        services = self._page.services
        return view.alerts(services.alerts.active(), services.plant.plant, shop.now_us, self._fmt)
