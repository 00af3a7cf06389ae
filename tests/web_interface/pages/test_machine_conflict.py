"""Words of a contradiction between control and power, by the alert that stands."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from analysis.control import Conflict, in_conflict
from domain.alert import Alert, AlertState, Priority
from domain.production import ControlState
from domain.state import MachineState
from tests.web_interface import fake_shop as shop
from web_interface.format import Format
from web_interface.locale import LANGUAGES, has
from web_interface.pages.machine_conflict import conflict_words

NOW = shop.START_US  # 13:42:08
SINCE = NOW - 180 * shop.MIN
EN, RU = Format("en", shop.ZONE), Format("ru", shop.ZONE)
ALERT = Alert(
    1, "control_conflict:m", "control_conflict", Priority.LOW, AlertState.UNACKNOWLEDGED, "m", None, None, None, None, "", SINCE,
    detail="running_off",
)  # fmt: skip


def test_the_mark_tells_what_stands_against_what_and_since_when() -> None:
    words = "The control says the program runs, the power says the machine is off; since 10:42"
    assert conflict_words([ALERT], "m", NOW, EN) == words
    assert conflict_words([ALERT], "m", NOW, RU) == (
        "ЧПУ сообщает, что программа идёт, а по мощности станок выключен; с 10:42"
    )
    assert conflict_words([replace(ALERT, state=AlertState.ACKNOWLEDGED)], "m", NOW, EN) == words


@pytest.mark.parametrize(
    "other",
    [
        replace(ALERT, state=AlertState.RETURNED), replace(ALERT, state=AlertState.CLEARED), replace(ALERT, machine_id="other"),
        replace(ALERT, rule="no_data"),
    ],
)  # fmt: skip
def test_without_a_standing_contradiction_of_this_machine_there_is_no_mark(other: Alert) -> None:
    assert conflict_words([other], "m", NOW, EN) == ""


def test_what_came_again_stands_since_it_came_last() -> None:
    again = replace(ALERT, last_raised_us=NOW - 30 * shop.MIN)
    assert conflict_words([again], "m", NOW, EN).endswith("since 13:12")


def test_an_alert_of_before_without_detail_has_its_words() -> None:
    words = conflict_words([replace(ALERT, detail="")], "m", NOW, EN)
    assert words == "The control and the power contradict each other; since 10:42"


def test_every_contradiction_has_words_of_its_own_in_the_list_and_on_the_page() -> None:
    details = [
        Conflict(0, claim, power).detail for claim, power in product(ControlState, MachineState) if in_conflict(power, claim)
    ]
    assert sorted(details) == ["idle_production", "running_idle", "running_off"]
    keys = [f"{place}.{detail}" for place in ("alert.control_conflict", "machine.conflict") for detail in details]
    assert [(key, lang) for key in keys for lang in LANGUAGES if not has(key, lang)] == []
