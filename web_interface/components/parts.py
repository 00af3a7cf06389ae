"""The live components of the pages. What each takes stands at the head of its .js file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui.elements.echart import EChart

from web_interface.components.base import Data, Part, difference, plain_prop


class KpiTile(Part, component="kpi_tile.js"):
    """A figure with its bar or spark and what it means. Fixed height; the width of the longest value is reserved."""


class MachineCard(Part, component="machine_card.js"):
    """A machine: mark, name, power, shift figures, spark over the strip of states."""


class StateGantt(Part, component="state_gantt.js"):
    """One row a state on a shared axis, totals at the right."""


class PowerFlow(Part, component="power_flow.js"):
    """Where the power (or the energy) goes: main, boards, machines; widths follow the values."""

    def flow_changes(self, new: Data) -> Data:
        """Changes for a Feed."""
        changes = flow_difference(self._data, new)
        self.take(new)
        return changes


def flow_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Data:
    """Rows that differ while the structure stands, else everything that does."""
    if [[r["id"] for r in g["rows"]] for g in old["groups"]] != [[r["id"] for r in g["rows"]] for g in new["groups"]]:
        return difference(old, new)
    rows, texts = {}, {}
    for before, after in zip(old["groups"], new["groups"], strict=True):
        if before["text"] != after["text"]:
            texts[after["name"]] = {"text": after["text"], "label": after["label"]}
        for a, b in zip(before["rows"], after["rows"], strict=True):
            if a != b:
                rows[b["id"]] = difference(a, b)
    changes = {k: v for k, v in new.items() if k != "groups" and old.get(k) != v}
    return changes | ({"rows": rows} if rows else {}) | ({"texts": texts} if texts else {})


class LiveText(Part, component="live_text.js"):
    """A word or figure in running text that changes with the other parts. data: {text}."""


class TopStatus(Part, component="top_status.js"):
    """Clock of the site and age of the newest value."""


class AlertList(Part, component="alert_list.js"):
    """Alerts by urgency, each with its button to acknowledge while nobody has."""

    def __init__(self, data: Data, on_acknowledge: Callable[[int], Any] | None = None, testid: str = "alert-list") -> None:
        super().__init__(data, testid)
        if on_acknowledge is not None:
            self.on("ack", lambda e: on_acknowledge(int(e.args)))


class AlertTone(Part, component="alert_tone.js"):
    """Sounds while a critical or high alert waits. data: urgent "" | critical | high, user, words on, off, blocked."""


class DataTable(Part, component="data_table.js"):
    """A table for up to some hundred rows, sorted in the browser. Rows change one by one with `row_changes`.

    `on_row(id)` when a row marked `clickable` is clicked, `on_action(id, name)` for the buttons in cells, `on_explain(id, key)`
    when a cell with `explains` is. `search`: the words of its field; `more`: heads of groups and kinds, as data_table.js tells.
    """

    def __init__(
        self,
        columns: Sequence[Mapping[str, Any]],
        rows: Sequence[Mapping[str, Any]],
        *,
        testid: str,
        empty: str = "",
        dense: bool = False,
        two_lines: bool = False,
        search: Mapping[str, Any] | None = None,
        more: Mapping[str, Any] | None = None,
        on_row: Callable[[Any], Any] | None = None,
        on_action: Callable[[Any, str], Any] | None = None,
        on_explain: Callable[[Any, str], Any] | None = None,
    ) -> None:
        shown = {"columns": list(columns), "rows": list(rows), "empty": empty, "dense": dense, "two": two_lines}
        super().__init__({**shown, **({"search": search} if search else {}), **(more or {})}, testid)
        if on_row is not None:
            self.on("row", lambda e: on_row(e.args))
        if on_action is not None:
            self.on("action", lambda e: on_action(e.args[0], str(e.args[1])))
        if on_explain is not None:
            self.on("explain", lambda e: on_explain(e.args[0], str(e.args[1])))

    def row_changes(self, rows: Sequence[Mapping[str, Any]]) -> Data:
        """Changes for a Feed: only cells that differ, or all rows when rows came, went or moved."""
        changes = row_difference(self._data["rows"], rows)
        self.take_rows(rows)
        return changes

    def take_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """As `take`, for the rows alone."""
        self._data["rows"] = list(rows)


def row_difference(old: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> Data:
    """Cells that differ, row by row; all rows when rows came, went or moved."""
    if [r["id"] for r in old] != [r["id"] for r in rows]:
        return {"rows": list(rows)}
    changed = []
    for before, after in zip(old, rows, strict=True):
        rest = {k: v for k, v in after.items() if k != "cells" and before.get(k) != v}
        cells = difference(before["cells"], after["cells"])
        if rest or cells:
            changed.append({"id": after["id"], **rest, "cells": cells})
    return {"rows_changed": changed} if changed else {}


class LiveChart(EChart, component="live_chart.js"):
    """ECharts in the tokens of the theme ("var(--s1)" anywhere in `options`); new points are pushed, not redrawn.

    `view`: ticks [[x, label, hour of day], ...], range and compact (phone) [min, max] in ms, unit, digits, lang, zone, label.
    `narrow`: options merged in where the chart is under 520 px wide.
    """

    def __init__(self, options: Data, view: Data, *, testid: str, narrow: Data | None = None, max_points: int = 0) -> None:
        super().__init__(options)
        self._update_method = None
        plain_prop(self, "data", view)
        plain_prop(self, "narrow", narrow)
        self._props["max-points"] = max_points
        self._props["data-testid"] = testid
        self.classes("em-chart-box")

    def push(self, points: Sequence[tuple[int, float, float | None]]) -> None:
        """(series, x, y): appended, or replacing the last point when x is the same."""
        self.run_method("push", points)

    def replace(self, series: Mapping[int, Sequence[Sequence[float | None]]]) -> None:
        """All points of some series anew."""
        self.run_method("set", series)


class TrendView(Part, component="trend_view.js"):
    """Plots on one time axis with cursor values and quality. What it takes stands at the head of its .js file."""


class TagPicker(Part, component="tag_picker.js"):
    """Hundreds of tags: found by name, machine and quantity, chosen by check boxes. `on_choose(tag, chosen)`."""

    def __init__(self, data: Data, on_choose: Callable[[str, bool], Any], testid: str = "tag-picker") -> None:
        super().__init__(data, testid)
        self.on("choose", lambda e: on_choose(str(e.args[0]), bool(e.args[1])))


__all__ = [
    "AlertList",
    "AlertTone",
    "DataTable",
    "KpiTile",
    "LiveChart",
    "MachineCard",
    "PowerFlow",
    "StateGantt",
    "TagPicker",
    "TopStatus",
    "TrendView",
]
