"""The frame tester reads pasted bytes by a device's layout, and the inspection page's rows."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from application.frames import FrameTester
from config.plant_file import parse_plant
from config.profile_catalog import ProfileCatalog
from domain.errors import ConfigError, NotFound
from domain.inspection import InspectedItem, Outcome, Verdict
from domain.inspection_reason import Reason
from tests.config.test_docs import examples
from tests.data_collection.tcp_frames.test_frames import frame
from web_interface.format import Format
from web_interface.pages import admin_inspection

TEXT = next(example for example in examples("devices.md") if "transport: tcp-frames" in example)
PLANT = parse_plant(TEXT, catalog=ProfileCatalog.shipped(), environ={}).plant
RU = Format("ru", ZoneInfo("Europe/Moscow"))


@pytest.mark.parametrize("written", [frame().hex(), frame().hex(" "), "0x" + frame().hex(":").replace(":", ", 0x")])
def test_bytes_in_any_writing(written: str) -> None:
    found = {f.tag: (f.value, f.error) for f in FrameTester(lambda: PLANT).fields("cell", written)}
    assert found["part_count"] == ("7", "")
    assert found["program"] == ("VAL.NC", "")


def test_text_and_what_is_wrong() -> None:
    tester = FrameTester(lambda: PLANT)
    assert list(tester.devices()) == ["cell", "station"]
    assert {f.tag: f.value for f in tester.fields("station", "1;21.5;VAL.NC")}["program"] == "VAL.NC"
    short = {f.tag: f.error for f in tester.fields("cell", "01 02")}
    assert (short["trigger"], short["program"]) == ("", "too_short")
    for device, pasted, error in (("cell", "zz", ConfigError), ("cell", " ", ConfigError), ("m1", "00", NotFound)):
        with pytest.raises(error):
            tester.fields(device, pasted)


def test_rows_of_the_page() -> None:
    verdict = Verdict(7, Outcome.REJECT, 0.9, (Reason("above", "load.max", 78.0, 45.0),), "limits 1")
    cells = admin_inspection.item_row(InspectedItem("cell", 7, 0, 1_000_000, {}, verdict, False), RU)["cells"]
    assert cells["outcome"] == {"text": "брак", "icon": "error", "tone": "alarm"}
    assert cells["reasons"]["text"] == "Нагрузка, наибольшее: 78,00 > 45,00 (контроллеру не передано)"
    assert {c["key"] for c in admin_inspection.item_columns("ru")} == set(cells)
    assert admin_inspection.rehearsed({"true_reject": 0}, "en") == "No labelled items to rehearse on"
