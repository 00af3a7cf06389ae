"""In the head of a machine's page: its control and its power contradict each other, as long as the alert of it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.alert import Alert, AlertState, Priority
from web_interface.components import AlarmMark, el
from web_interface.format import Format
from web_interface.locale import has, t
from web_interface.pages import shell

RULE = "control_conflict"
STANDING = frozenset({AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED})


class ConflictMark:
    """A mark with its words; away while there is nothing to say."""

    def __init__(self, page: shell.Page, machine_id: str) -> None:
        self._page, self._machine_id = page, machine_id
        self._box = el("span", "em-machine-conflict", testid="machine-conflict")
        with self._box:
            AlarmMark(Priority.LOW, page.lang)
            self._label: Any = el("span", "em-machine-conflict-words")
        self._words: str | None = None
        self.live()

    def live(self) -> None:
        """Called at each tick; sends something only when the words change."""
        alerts, now_us = self._page.services.alerts, self._page.hub.shop().now_us
        words = conflict_words([*alerts.active(), *alerts.held()], self._machine_id, now_us, self._page.viewer.fmt)
        if words == self._words:
            return
        self._words = words
        self._label.set_text(words)
        self._box.set_visibility(bool(words))


def conflict_words(alerts: Sequence[Alert], machine_id: str, now_us: int, fmt: Format) -> str:
    """What stands against what and since when, by the standing alert (also one that is held: the fact remains); else empty."""
    found = next((a for a in alerts if a.rule == RULE and a.machine_id == machine_id and a.state in STANDING), None)
    if found is None:
        return ""
    own = f"machine.conflict.{found.detail}"
    since_us = found.raised_us if found.last_raised_us is None else found.last_raised_us
    return t(own if has(own, fmt.lang) else "machine.conflict", fmt.lang, time=fmt.moment(since_us, now_us))
