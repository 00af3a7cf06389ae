"""What a tab of the energy page is. A part of the product that has one brings a module `energy_<part>.py` with

    TAB = Tab("kef", build)                              # title: the catalogues' "energy.tab.kef"

    async def build(view: EnergyView) -> None: ...       # draws into the present slot, once, when the tab is opened

and stands with one line in web_interface/pages/energy.py. The period bar rules all tabs: `view.period`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from domain.access import Role
from web_interface.pages.shell import Page
from web_interface.period import Period, Periods


@dataclass(frozen=True, slots=True)
class EnergyView:
    """An open energy page: the frame, the chosen period, how to find others, and further parts of the address (`options`)."""

    page: Page
    period: Period
    periods: Periods
    tab: str
    options: Mapping[str, str]

    def href(self, *, tab: str | None = None, period: Period | None = None, **options: str) -> str:
        """Address of the page with something changed; options of another tab do not go along."""
        kept = dict(self.options) if tab in {None, self.tab} else {}
        kept.update(options)
        query = {"tab": tab or self.tab, **(period or self.period).query, **{k: v for k, v in kept.items() if v}}
        return "/energy?" + urlencode(query, safe="/")


@dataclass(frozen=True, slots=True)
class Tab:
    """`key`: in the address and the catalogues (energy.tab.<key>). `needs`: who sees it."""

    key: str
    build: Callable[[EnergyView], Awaitable[None]]
    needs: Role = Role.VIEWER
