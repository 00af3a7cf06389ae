"""Points that were chosen for a device, one under the other: what each is called, what it means, in which unit it comes."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from domain.quantity import Quantity
from web_interface.components import button, choice_field, el, text_field
from web_interface.pages import shell
from web_interface.pages.node_guess import units_for
from web_interface.texts import point_name

Point = dict[str, object]
_PLACES = ("node", "topic", "path", "item")  # what tells where a point lies


class PointRows:
    """Draws into the present slot. `points` is the list itself: it changes as the user does."""

    def __init__(self, page: shell.Page, points: list[Point]) -> None:
        self._page, self.points = page, points
        self._box = el("div", "em-node-points", testid="node-points")
        self._draw()

    @property
    def tags(self) -> Collection[str]:
        """Those in use."""
        return {str(point.get("tag")) for point in self.points}

    def add(self, point: Point) -> None:
        """One more, at the end."""
        self.points.append(point)
        self._draw()

    def _draw(self) -> None:
        self._box.clear()
        with self._box:
            if not self.points:
                el("p", "em-quiet", self._page.t("nodes.chosen.none"))
            for place, point in enumerate(self.points):
                self._draw_point(place, point)

    def _draw_point(self, place: int, point: Point) -> None:
        page = self._page
        quantity = str(point.get("quantity"))
        names = {q.value: point_name(q.value, page.lang, q) for q in Quantity}
        with el("div", "em-form em-node-point", testid=f"node-point-{place}"):
            tag = text_field(page.t("virtual.tag"), str(point.get("tag", "")), testid=f"node-tag-{place}", mono=True)
            tag.on_value_change(lambda e: point.__setitem__("tag", str(e.value)))
            choice_field(
                page.t("admin.field.quantity"), names, quantity, testid=f"node-quantity-{place}", search=True,
                on_change=lambda value: self._set_quantity(point, str(value)),
            )  # fmt: skip
            units = units_for(quantity)
            if units:
                choice_field(
                    page.t("admin.field.unit"), {unit: unit for unit in units}, point.get("unit"), testid=f"node-unit-{place}",
                    on_change=lambda value: point.__setitem__("unit", str(value)),
                )  # fmt: skip
            with el("div", "em-node-end"):
                where = " ".join(str(point[name]) for name in _PLACES if name in point)
                el("span", "em-quiet em-mono", where[-80:])
                drop, label = partial(self._drop, place), page.t("nodes.drop")
                button(icon_name="close", on_click=drop, label=label, small=True, testid=f"node-drop-{place}")

    def _set_quantity(self, point: Point, quantity: str) -> None:
        if quantity == point.get("quantity"):
            return
        point["quantity"] = quantity
        units = units_for(quantity)
        if units:
            point["unit"] = units[0]
        else:
            point.pop("unit", None)
        self._draw()

    def _drop(self, place: int) -> None:
        del self.points[place]
        self._draw()
