"""Components: plain data in, elements out. Pages are built from these and from nothing else."""

from web_interface.components.base import Data, Feed, MarkDefs, Part, Parts
from web_interface.components.blocks import Card, banner, empty, error, facts, loading
from web_interface.components.controls import (
    Confirm,
    Segmented,
    breadcrumb,
    button,
    choice_field,
    el,
    icon,
    link_button,
    notify,
    number_field,
    switch_field,
    text_field,
)
from web_interface.components.hub import Hub, Tick
from web_interface.components.marks import (
    ATTENTION,
    STATE_ORDER,
    AlarmMark,
    StateMark,
    priority_letter,
    priority_name,
    state_letter,
    state_name,
)
from web_interface.components.parts import AlertList, DataTable, KpiTile, LiveChart, MachineCard, PowerFlow, StateGantt, TopStatus
from web_interface.components.session import Viewer, actor_of, user_of

__all__ = [
    "ATTENTION", "STATE_ORDER", "AlarmMark", "AlertList", "Card", "Confirm", "Data", "DataTable", "Feed", "Hub", "KpiTile",
    "LiveChart", "MachineCard", "MarkDefs", "Part", "Parts", "PowerFlow", "Segmented", "StateGantt", "StateMark", "Tick",
    "TopStatus", "Viewer", "actor_of", "banner", "breadcrumb", "button", "choice_field", "el", "empty", "error", "facts", "icon",
    "link_button", "loading", "notify", "number_field", "priority_letter", "priority_name", "state_letter", "state_name",
    "switch_field", "text_field", "user_of",
]
