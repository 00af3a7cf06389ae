"""What a trend shows, as its address says it: tags, period, comparison, axes. Pure; a link or a saved view brings it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from domain.plant import Tag

PATH = "/trends"
LONGEST = 4_000  # characters of an address that are read
MOST_NAMES = 50
_PERIOD = ("period", "at", "from", "to")


@dataclass(frozen=True, slots=True)
class TrendQuery:
    """`period`: the parts of the address that window.Windows understands. `compare`: "", period, day, week or a date.

    `right`: units on the right axis; None: units take turns. `growth`: counters by what they grew by. `view`: id of the saved
    view it came from, 0 without.
    """

    tags: tuple[str, ...] = ()
    period: tuple[tuple[str, str], ...] = ()
    compare: str = ""
    right: tuple[str, ...] | None = None
    growth: bool = False
    view: int = 0

    @staticmethod
    def of(address: str | Sequence[tuple[str, str]]) -> TrendQuery:
        """From the part of an address behind "?". What it does not know is left out; never raises."""
        pairs = parse_qsl(address[:LONGEST], keep_blank_values=True) if isinstance(address, str) else list(address)
        said = dict(pairs)
        tags = tuple(dict.fromkeys(value.strip() for name, value in pairs if name == "tag" and value.strip()))[:MOST_NAMES]
        right = said.get("right")
        return TrendQuery(
            tags,
            tuple((name, said[name]) for name in _PERIOD if name in said),
            said.get("compare", ""),
            None if right is None else tuple(unit for unit in right.split(",") if unit),
            said.get("counters") == "growth",
            int(said["view"]) if said.get("view", "").isdecimal() and len(said["view"]) < 10 else 0,
        )

    @property
    def address(self) -> str:
        """The part behind "?", without the saved view: what a saved view keeps."""
        pairs = [("tag", name) for name in self.tags] + list(self.period)
        if self.compare:
            pairs.append(("compare", self.compare))
        if self.right is not None:
            pairs.append(("right", ",".join(self.right)))
        if self.growth:
            pairs.append(("counters", "growth"))
        return urlencode(pairs)

    @property
    def href(self) -> str:
        """The whole relative address."""
        view = f"&view={self.view}" if self.view else ""
        return f"{PATH}?{self.address}{view}"

    def at(self, period: Mapping[str, str]) -> TrendQuery:
        """The same over another period."""
        return replace(self, period=tuple(period.items()))

    def with_tag(self, name: str, shown: bool) -> TrendQuery:
        """With or without a tag; its place among the others stays."""
        rest = tuple(tag for tag in self.tags if tag != name)
        if not shown:
            return replace(self, tags=rest)
        return self if name in self.tags else replace(self, tags=(*rest, name))


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis of a unit: plot from the top, side."""

    unit: str
    plot: int
    right: bool


def axes_of(tags: Sequence[Tag], right: Sequence[str] | None) -> Sequence[Axis]:
    """One axis a unit, two a plot. `right`: which units stand on the right; None: they take turns, the first on the left."""
    units = list(dict.fromkeys(tag.unit for tag in tags))
    chosen = units[1::2] if right is None else [unit for unit in units if unit in right]
    if right is not None and len(chosen) == len(units):  # an axis on the left there is always
        chosen = chosen[1:]
    left = [unit for unit in units if unit not in chosen]
    sides = [Axis(unit, n, False) for n, unit in enumerate(left)] + [Axis(unit, n, True) for n, unit in enumerate(chosen)]
    place = {axis.unit: axis for axis in sides}
    return [place[unit] for unit in units]
