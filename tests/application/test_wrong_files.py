"""Files of another kind, empty, huge, damaged or made to hurt: every intake refuses them with a reason that has words."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from openpyxl import Workbook
from PIL import Image

from analysis.floor_plan import judged
from application.price_file import read_prices
from application.table_file import read_table
from config.plant_file import parse_plant
from config.point_table import points_from
from config.profile_catalog import ProfileCatalog
from domain.errors import MonitorError
from reports.logo import check_logo
from reports.workbook import check_workbook
from web_interface.locale import LANGUAGES
from web_interface.pages.admin_words import troubles

SHEET = "xl/worksheets/sheet1.xml"


def picture(kind: str = "PNG") -> bytes:
    found = io.BytesIO()
    Image.new("RGB", (300, 300)).save(found, kind)
    return found.getvalue()


def vast_picture() -> bytes:
    """A head that promises ten thousand million pixels."""
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def table() -> bytes:
    book = Workbook()
    book.active.append(["tag", "quantity"])
    found = io.BytesIO()
    book.save(found)
    return found.getvalue()


def packed(changed: Mapping[str, bytes]) -> bytes:
    """A table of Excel with some of its parts changed."""
    with zipfile.ZipFile(io.BytesIO(table())) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()} | dict(changed)
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return found.getvalue()


def spoilt(content: bytes, seed: int) -> bytes:
    dice, found = random.Random(seed), bytearray(content)
    for _ in range(12):
        found[dice.randrange(len(found))] = dice.randrange(256)
    return bytes(found)


def laughs() -> bytes:
    """Entities within entities: ten thousand million characters."""
    names = "abcdefghijk"
    inner = "".join(f'<!ENTITY {n} "{f"&{before};" * 10}">' for before, n in pairwise(names))
    return f'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">{inner}]><worksheet><sheetData>&k;</sheetData></worksheet>'.encode()


NO_TABLE: Mapping[str, bytes] = {
    "empty": b"", "zeros": bytes(1000), "noise": random.Random(1).randbytes(4000), "program": b"MZ" + random.Random(2).randbytes(900),
    "50 MB": bytes(50_000_000), "zip": packed({})[:4] + b"\0" * 40, "bomb": packed({SHEET: b"<worksheet>" + b" " * 100_000_000}),
    "laughs": packed({SHEET: laughs()}), "half": table()[: len(table()) // 2], "without end": table()[:-150],
    "bad sheet": packed({SHEET: b"<worksheet><row"}), "bad book": packed({"xl/workbook.xml": b"<a"}),
    "bad styles": packed({"xl/styles.xml": b"\xff\xfe"}), "bad types": packed({"[Content_Types].xml": b"<<"}),
}  # fmt: skip
PICTURES = {"png": picture(), "jpeg": picture("JPEG")}
NO_PICTURE = {
    **NO_TABLE, "gif": picture("GIF"), "cut png": picture()[:-60], "cut jpeg": picture("JPEG")[:-300], "vast": vast_picture(),
    "drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "table": table(),
}  # fmt: skip
TEXTS = {"page": b"<html><script>alert(1)</script>", "words": "просто слова".encode(), "pdf": b"%PDF-1.7\n1 0 obj\n"}


def rows(content: bytes) -> list[dict[str, object]]:
    """As points of a profile and devices are read."""
    return points_from(read_table("a.xlsx", content, largest_bytes=5_000_000, most_rows=2000, most_columns=60))


def prices(content: bytes) -> None:
    if found := read_prices("a.xlsx", content, "day-ahead", "kWh", ZoneInfo("Europe/Moscow")).problems:
        raise MonitorError(found[0])


def plant(content: bytes) -> None:
    parse_plant(content.decode("utf-8", "replace"), file="import", catalog=ProfileCatalog.shipped(), environ={})


def workbook(content: bytes) -> None:
    check_workbook(content, "a.xlsx")


INTAKES: tuple[tuple[Callable[[bytes], object], Mapping[str, bytes]], ...] = (
    (rows, {**NO_TABLE, **PICTURES, **TEXTS}), (prices, {**NO_TABLE, **PICTURES, **TEXTS}),
    (workbook, {**NO_TABLE, **PICTURES, **TEXTS, "without names": table()}),
    (check_logo, {**NO_PICTURE, **TEXTS}), (judged, {**NO_PICTURE, **TEXTS}), (plant, {**NO_TABLE, **PICTURES, **TEXTS, "table": table()}),
)  # fmt: skip


@pytest.mark.parametrize(("intake", "name"), [(intake, name) for intake, files in INTAKES for name in files])
def test_what_is_no_such_file_is_refused_in_both_languages(intake: Callable[[bytes], object], name: str) -> None:
    content = next(files for taken, files in INTAKES if taken is intake)[name]
    with pytest.raises(MonitorError) as refusal:
        intake(content)
    said = {lang: " ".join(trouble.words for trouble in troubles(refusal.value, lang)) for lang in LANGUAGES}
    assert all(said.values())
    assert said["ru"] != said["en"]


@pytest.mark.parametrize("seed", range(40))
def test_a_table_with_spoilt_bytes_is_read_or_refused(seed: int) -> None:
    for intake, whole in ((rows, table()), (workbook, table()), (check_logo, picture()), (judged, picture())):
        try:
            intake(spoilt(whole, seed))
        except MonitorError:
            continue
