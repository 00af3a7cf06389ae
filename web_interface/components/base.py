"""What every live component is built on: plain data in, and afterwards only what changed, one message a tick and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from nicegui.element import Element

Data = dict[str, Any]
Parts = list[list[str]]  # rich text: [["words", "css classes"], ...]


def plain_prop(element: Element, name: str, data: object) -> None:
    """Set a property as it is. NiceGUI would copy it and watch each list in it: some 10 MB a page with 100 machines."""
    dict.__setitem__(element.props, name, data)


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
        changes = difference(self._data, new)
        if changes:
            self._keep({**self._data, **changes})  # what was shown may be shared with other pages
        self._taken = new
        return changes

    def take(self, new: Data) -> None:
        """The browser gets what differs from the caller: the picture, whole and shared, is what it shows from now on."""
        self._keep(new)
        self._taken = new

    def _keep(self, data: Data) -> None:
        self._data = data
        plain_prop(self, "data", data)

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


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> Data:
    """Keys of `new` whose value is another than in `old`."""
    return {key: value for key, value in new.items() if old.get(key, _NOTHING) != value}


def differences(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> dict[str, Data]:
    """The same for a view of many parts: what differs by part, parts without any left out."""
    pairs = ((name, difference(old.get(name, {}), part)) for name, part in new.items() if part is not old.get(name))
    return {name: changes for name, changes in pairs if changes}


class Feed(Element, component="live_feed.js"):
    """Carries the changes of all parts of a page in one message."""

    def send(self, changes: Iterable[tuple[Element, Mapping[str, Any]]]) -> None:
        """Send what is not empty; nothing at all when nothing changed."""
        if wire := [[part.id, change] for part, change in changes if change]:
            self.run_method("apply", wire)


class MarkDefs(Element, component="mark_defs.js"):
    """The hatches that marks, strips and charts refer to; once a page."""
