"""Marks of machine states and alarm priorities: shape, pattern, letter and colour together."""

from __future__ import annotations

from domain.alert import Priority
from domain.state import MachineState
from web_interface.components.base import Part
from web_interface.locale import t

STATE_ORDER = (MachineState.PRODUCTION, MachineState.IDLE, MachineState.OFF, MachineState.ALARM, MachineState.NO_DATA)
ATTENTION = (MachineState.ALARM, MachineState.NO_DATA, MachineState.IDLE, MachineState.PRODUCTION, MachineState.OFF)


def state_letter(state: MachineState, lang: str) -> str:
    return t(f"state.{state.value}.letter", lang)


def state_name(state: MachineState, lang: str) -> str:
    return t(f"state.{state.value}", lang)


def priority_letter(priority: Priority, lang: str) -> str:
    return t(f"priority.{priority.value}.letter", lang)


def priority_name(priority: Priority, lang: str) -> str:
    return t(f"priority.{priority.value}", lang)


class StateMark(Part, component="state_mark.js"):
    def __init__(self, state: MachineState, lang: str) -> None:
        self._lang = lang
        super().__init__(self._of(state))

    def _of(self, state: MachineState) -> dict[str, str]:
        return {"state": state.value, "letter": state_letter(state, self._lang), "name": state_name(state, self._lang)}

    def state_changes(self, state: MachineState) -> dict[str, str]:
        """Changes for a Feed."""
        return self.change(self._of(state))


class AlarmMark(Part, component="alarm_mark.js"):
    """`priority` None: the mark of what is shelved."""

    def __init__(self, priority: Priority | None, lang: str) -> None:
        if priority is None:
            super().__init__({"priority": "shelved", "letter": "", "name": t("priority.shelved", lang)})
            return
        super().__init__(
            {"priority": priority.value, "letter": priority_letter(priority, lang), "name": priority_name(priority, lang)}
        )
