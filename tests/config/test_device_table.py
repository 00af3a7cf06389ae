"""Rows of a table as devices: right ones join as one version, wrong ones are named by their cell and cost nothing else."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook  # type: ignore[import-untyped]

from application.device_tables import DeviceTables
from config.device_table import column_letter, preview
from config.point_table import points_from
from config.profile_catalog import ProfileCatalog
from domain.access import Actor, Role
from domain.device_table import DevicePreview, RowKind
from domain.errors import ConfigError, Conflict, Forbidden
from tests.web_interface.fake_shop import ShopClock
from tests.web_interface.memory_stores import MemoryAudit
from tests.web_interface.real_plant import DOCUMENT, plant_store, real_plant

ADMIN = Actor("anna", Role.ADMIN)
HEAD = ["id", "profile", "line", "address", "scan_s", "machine", "machine_name", "section", "ct_ratio"]
GOOD = ["m9", "eastron-sdm630", "tcp1", "40", "2", "mill-9", "ФС-9", "Фрезерный участок", ""]


def judged(*rows: list[Any], head: list[Any] | None = None) -> DevicePreview:
    return preview([HEAD if head is None else head, *rows], DOCUMENT, 2, catalog=ProfileCatalog.shipped(), environ={}, secrets={})


def cells(found: DevicePreview) -> list[tuple[int, str]]:
    return [(row.number, problem.cell) for row in found.rows for problem in row.problems]


def test_a_new_device_comes_with_its_machine() -> None:
    found = judged(GOOD)
    assert [row.kind for row in found.rows] == [RowKind.NEW]
    assert found.document is not None
    devices: Any = found.document["devices"]
    machines: Any = found.document["machines"]
    assert devices[-1] == {"id": "m9", "profile": "eastron-sdm630", "line": "tcp1", "address": 40, "scan_s": 2}
    assert machines[-1] == {"id": "mill-9", "name": "ФС-9", "section": "Фрезерный участок", "meter": "m9"}
    assert "m9" not in str(DOCUMENT)  # what runs is nobody's to change


def test_a_known_id_changes_what_its_row_fills_and_nothing_else() -> None:
    found = judged(["m1", "", "", "", "5", "", "", "", ""], ["m2", "", "", "12", "5", "", "", "", ""])
    changed, same = found.rows
    assert (changed.kind, same.kind, found.importable) == (RowKind.CHANGED, RowKind.SAME, 1)
    assert [(c.field, c.old, c.new) for c in changed.changes] == [("scan_s", 1, 5)]
    assert found.document is not None
    devices: Any = found.document["devices"]
    assert devices[1] == {**DOCUMENT["devices"][1], "scan_s": 5}


@pytest.mark.parametrize(("row", "cell", "said"), [
    (["m9", "eastron-sdm630", "tcp1", "abc"], "D3", "is 'abc'"),
    (["m9", "eastron-sdm360", "tcp1", "4"], "B3", "no profile"),
    (["m9", "eastron-sdm630", "tcp7", "4"], "C3", "no line"),
    (["m9", "mercury-234", "tcp1", "4"], "B3", "does not carry"),
    (["m9", "mercury-234", "gw1", "12"], "D3", "address of"),
    (["<b>x</b>", "eastron-sdm630", "tcp1", "4"], "A3", "is '<b>x</b>'"),
    (["", "eastron-sdm630", "tcp1", "4"], "A3", "is missing"),
    (["m9", "eastron-sdm630", "tcp1", "4", "0.001"], "E3", "0.001"),
    (["m8", "eastron-sdm630", "tcp1", "4"], "A3", "twice"),
    (["m9", "eastron-sdm630", "tcp1", "4", "1", "mill", "x" * 500], "G3", "too long"),
])  # fmt: skip
def test_a_wrong_row_is_named_by_its_cell_and_the_right_one_stays(row: list[str], cell: str, said: str) -> None:
    found = judged(["m8", "eastron-sdm630", "tcp1", "41", "1", "", "", "", ""], row)
    assert cells(found) == [(3, cell)]
    assert said in found.rows[1].problems[0].message
    assert [r.kind for r in found.rows] == [RowKind.NEW, RowKind.WRONG]
    assert found.document is not None
    assert "m8" in str(found.document["devices"])
    assert found.importable == 1


def test_rows_that_lean_on_a_wrong_one_go_with_it() -> None:
    head = [*HEAD[:4], "fed_by"]
    found = judged(["a", "eastron-sdm630", "tcp1", "x", ""], ["b", "eastron-sdm630", "tcp1", "50", "a"], head=head)
    assert cells(found) == [(2, "D2"), (3, "E3")]
    assert found.importable == 0


def test_a_device_that_takes_a_point_a_limit_needs_says_so_for_the_whole() -> None:
    found = judged(["m1", "owen-mv110-16dn", "gw1", "7"])
    assert found.importable == 0
    assert found.error is not None or found.rows[0].kind is RowKind.WRONG


@pytest.mark.parametrize(("head", "cell"), [
    (["id", "adress"], "B1"), (["profile", "line"], "A1"), (["id", "line", "id"], "C1"), (["=1+1", "id"], "A1"),
])  # fmt: skip
def test_a_wrong_first_row_is_named_once(head: list[str], cell: str) -> None:
    found = judged(["m9"] * len(head), head=head)
    assert [problem.cell for problem in found.header] == [cell]
    assert found.importable == 0


def test_a_file_without_rows_says_so() -> None:
    for rows in ([], [[]], [["", None]], [HEAD]):
        found = preview(rows, DOCUMENT, 1, catalog=ProfileCatalog.shipped(), environ={}, secrets={})
        assert found.header
        assert found.importable == 0


def test_a_password_in_a_table_is_refused_by_its_column() -> None:
    assert [problem.field for problem in judged(["m9", "secret"], head=["id", "password"]).header] == ["password"]


def test_three_hundred_rows_with_faults_between_them() -> None:
    rows = [[f"d{n}", "eastron-sdm630", "tcp1", str(n) if n % 10 else "x", "1"] for n in range(20, 240)]
    found = judged(*rows)
    assert found.count(RowKind.WRONG) == 22
    assert found.importable == 198
    assert all(cell == f"D{number}" for number, cell in cells(found))


def test_columns_are_called_as_a_spreadsheet_does() -> None:
    assert [column_letter(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


# -- files -------------------------------------------------------------------------------------------------------------


def service() -> tuple[DeviceTables, Any, MemoryAudit]:
    clock, audit = ShopClock(running=False), MemoryAudit()
    store = plant_store(clock.now_us())
    admin = real_plant(store, audit, clock, lambda _plant, _tags: None)
    return DeviceTables(admin), admin, audit


def xlsx(*rows: list[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(("name", "content"), [
    ("d.csv", (";".join(HEAD) + "\r\n" + ";".join(GOOD) + "\r\n").encode("utf-8-sig")),
    ("d.csv", (",".join(HEAD) + "\n" + ",".join(GOOD) + "\n").encode("cp1251")),
    ("d.xlsx", xlsx(HEAD, ["m9", "eastron-sdm630", "tcp1", 40.0, 2, "mill-9", "ФС-9", "Фрезерный участок"], [None, None])),
])  # fmt: skip
async def test_every_kind_of_table_says_the_same_and_joins_as_one_version(name: str, content: bytes) -> None:
    tables, admin, audit = service()
    found = await tables.preview(name, content, ADMIN)
    assert [row.kind for row in found.rows] == [RowKind.NEW]
    await tables.apply(found, name, ADMIN)
    assert admin.plant.device("m9").address == 40
    assert admin.plant.machine("mill-9").name == "ФС-9"
    entry = (await audit.entries(1))[0]
    assert (entry.action, entry.subject) == ("devices_import", name)
    with pytest.raises(Conflict, match="somebody else"):
        await tables.apply(found, name, ADMIN)  # it was judged against a plant that no longer runs


@pytest.mark.parametrize(("name", "content", "said"), [
    ("d.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "neither a table"), ("d.xlsx", b"PK\x03\x04 nonsense", "no table of Excel"),
    ("d.csv", b"x" * 6_000_000, "larger than 5 MB"), ("d.csv", b"id\n" + b"a\n" * 3000, "more than 2001 rows"),
    ("d.xlsx", b"", "no table of Excel"), ("d.csv", "id\n\u0000".encode(), "neither a table"),
])  # fmt: skip
async def test_what_is_no_table_is_refused(name: str, content: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        await service()[0].preview(name, content, ADMIN)


async def test_only_administrators() -> None:
    tables, _, _ = service()
    engineer = Actor("egor", Role.ENGINEER)
    for act in (tables.preview("d.csv", b"id\n", engineer), tables.table("csv", engineer, {}), tables.points("p.csv", b"tag\n", engineer)):
        with pytest.raises(Forbidden):
            await act


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_the_template_is_the_plant_and_changes_nothing_when_it_comes_back(kind: str) -> None:
    tables, _, _ = service()
    content = await tables.table(kind, ADMIN, {"id": "=the id"})
    found = await tables.preview(f"d.{kind}", content, ADMIN)
    assert {row.kind for row in found.rows} == {RowKind.SAME}
    assert [row.device for row in found.rows] == ["main", "m1", "m2", "m3"]
    if kind == "xlsx":
        about = load_workbook(io.BytesIO(content))["help"]
        assert (about["B1"].value, about["B1"].data_type) == ("=the id", "s")  # a text, not a formula


def test_points_of_a_table_are_those_of_a_profile() -> None:
    rows = [["Tag", "quantity", "unit", "address", "low", "high", ""], ["p", "active_power", "W", 3060.0, "0", "12,5", "x"], []]
    assert points_from(rows) == [
        {"tag": "p", "quantity": "active_power", "unit": "W", "address": 3060, "plausible": [0, 12.5]}
    ]
    for wrong in ([], [["name"]], [["tag"], [""]]):
        with pytest.raises(ConfigError):
            points_from(wrong)
