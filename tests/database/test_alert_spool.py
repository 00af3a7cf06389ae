"""The file in which transitions of alerts wait: what goes in comes out, a cut line takes nothing else with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from database import alert_spool
from database.alert_spool import AlertSpoolFile
from domain.alert import Action, Alert, AlertState, Change, Hold, HoldKind, Priority

ALERT = Alert(
    0, "rule:r:m1:high", "high", Priority.CRITICAL, AlertState.RETURNED, "m", "m1.active_power", "m1", 12.5, 12.0, "kW", 5, 9,
    note="смотрю", message={"ru": "Жарко"}, hold=Hold(HoldKind.SHELVED, 6, 99, "ivanov", "ждём"),
    change=Change(3, Action.ESCALATE, AlertState.RETURNED, 9, "ivanov", "1", ("petrov", "role:admin")), changes=3,
)  # fmt: skip


def test_what_goes_in_comes_out_in_order(tmp_path: Path) -> None:
    spool = AlertSpoolFile(tmp_path / "s")
    assert spool.load() == []
    spool.append([ALERT])
    plain = Alert(7, "k", "storage", Priority.LOW, AlertState.UNACKNOWLEDGED, None, None, None, None, None, "", 1)
    spool.append([plain, ALERT])
    found = AlertSpoolFile(tmp_path / "s").load()
    assert list(found) == [ALERT, plain, ALERT]
    assert [alert.change for alert in found] == [ALERT.change, None, ALERT.change]
    assert [alert.changes for alert in found] == [3, 0, 3]
    spool.clear()
    spool.clear()
    assert spool.load() == []


def test_a_line_cut_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    spool = AlertSpoolFile(tmp_path / "s")
    spool.append([ALERT, ALERT])
    whole = (tmp_path / "s").read_bytes()
    (tmp_path / "s").write_bytes(whole[:-40])
    assert len(spool.load()) == 1


def test_it_never_grows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_spool, "LARGEST_BYTES", 1500)
    spool = AlertSpoolFile(tmp_path / "s")
    spool.append([ALERT])
    with pytest.raises(OSError, match="holds"):
        spool.append([ALERT] * 3)
    assert len(spool.load()) == 1
