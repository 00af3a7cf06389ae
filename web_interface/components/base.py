"""What every live component is built on: plain data in, and afterwards only what changed, one message a tick and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from nicegui.element import Element

Data = dict[str, Any]
Parts = list[list[str]]  # rich text: [["words", "css classes"], ...]


def plain_prop(element: Element, name: str, data: object) -> None:
    """Set a property as it is. NiceGUI would copy it and watch each list in it: some 10 MB a page with 100 machines."""
    dict.__setitem__(element._props, name, data)


class Part(Element, esm={"energy-kit": "kit"}):
    """A component drawn by its own Vue file from `data` (JSON). Text in it is shown as text, whoever wrote it."""

    def __init__(self, data: Data, testid: str | None = None) -> None:
        super().__init__()
        self._data = data
        self._taken: Mapping[str, Any] | None = None  # the last whole picture; the same object again needs no comparing
        plain_prop(self, "data", data)
        if testid:
            self._props["data-testid"] = testid

    @property
    def shown(self) -> Mapping[str, Any]:
        """What the browser shows by now."""
        return self._data

    def change(self, new: Mapping[str, Any]) -> Data:
        """Take over `new` and return the keys that differ, for a Feed to send. Keys that are absent stay."""
        if new is self._taken:
            return {}
        changes = {key: value for key, value in new.items() if self._data.get(key, _NOTHING) != value}
        self._data.update(changes)
        self._taken = new
        return changes

    def show(self, new: Mapping[str, Any]) -> None:
        """Change at once, in a handler of this page."""
        if changes := self.change(new):
            self.run_method("patch", changes)
        self._taken = None

    def testid(self, name: str) -> Self:
        """Stable name for tests."""
        self._props["data-testid"] = name
        return self


_NOTHING = object()


class Feed(Element, component="live_feed.js"):
    """Carries the changes of all parts of a page in one message."""

    def send(self, changes: Iterable[tuple[Element, Mapping[str, Any]]]) -> None:
        """Send what is not empty; nothing at all when nothing changed."""
        if wire := [[part.id, change] for part, change in changes if change]:
            self.run_method("apply", wire)


class MarkDefs(Element, component="mark_defs.js"):
    """The hatches that marks, strips and charts refer to; once a page."""
