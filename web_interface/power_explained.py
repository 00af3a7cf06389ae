"""Opens the power of this moment ("power"): of the feed where it is metered, else the sum of the machines. From memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.errors import NotFound
from domain.explain import Explanation, Span, Term, substitute
from web_interface.services.live import LiveService, MachineNow

POWER = "power"
VERSION = 1
SECTION = "section:"


class PowerExplained:
    """Implements domain.explain.Explains. The window of a live value is its moment, whatever was asked for."""

    def __init__(self, live: LiveService) -> None:
        self._live = live

    async def explain(self, figure: str, subject: str, from_us: int, to_us: int, options: Mapping[str, str]) -> Explanation:
        """Raises NotFound."""
        if figure != POWER:
            raise NotFound("figure", figure, (POWER,))
        shop = self._live.shop()
        machines = _machines(subject, shop.machines)
        known = [m for m in machines if m.power_kw is not None]
        terms = tuple(Term(f"P_{n}", m.power_kw, "kW", m.machine.id) for n, m in enumerate(known, 1))
        total = sum(m.power_kw or 0.0 for m in known) if known else None
        value, formula = total, " + ".join(term.symbol for term in terms) or "P"
        if subject == "site" and shop.power_kw is not None and shop.power_kw != total:  # the feed is metered
            value, formula, terms = shop.power_kw, "P_feed", (Term("P_feed", shop.power_kw, "kW", "power"), *terms)
        silent = [m for m in machines if m.power_kw is None]
        gaps = tuple(Span(m.state_since_us, shop.now_us, m.machine.name) for m in silent)
        one = len(machines) == 1 and machines[0].machine.id == subject
        api = f"/api/data/latest?machine={subject}" if one else "/api/machines"
        return Explanation(
            POWER, VERSION, subject, shop.now_us, shop.now_us + 1, value, "kW", formula, substitute(formula, terms), terms, api,
            "formulas.md#1", gaps=gaps, completeness=len(known) / len(machines) if machines else 0.0,
            notes=("explain.note.machine_unknown",) if silent else (),
        )  # fmt: skip


def _machines(subject: str, machines: Sequence[MachineNow]) -> Sequence[MachineNow]:
    """Of the site, a section or one. Raises NotFound."""
    if subject == "site":
        return machines
    section = subject.removeprefix(SECTION) if subject.startswith(SECTION) else None
    found = [m for m in machines if (m.machine.section == section if section is not None else m.machine.id == subject)]
    if not found:
        raise NotFound("machine" if section is None else "section", section or subject, tuple(m.machine.id for m in machines)[:5])
    return found
