"""Shipped and own profiles: a bad file is reported and left out, the others load."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.profiles import ProfileCatalog
from domain.errors import NotFound

GOOD = """\
title: {ru: "Свой", en: "Own"}
vendor: ACME
protocol: modbus
source: "own map"
confidence: M
points:
  - {tag: u, quantity: voltage, unit: V, table: holding, address: 1, type: uint16, scale: 0.1}
"""


def test_own_profiles_join_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "acme-1.yaml").write_text(GOOD, encoding="utf-8")
    catalog = ProfileCatalog.load(tmp_path)
    assert catalog.get("acme-1").vendor == "ACME"
    assert "eastron-sdm630" in catalog.names()
    assert catalog.problems == ProfileCatalog.shipped().problems


def test_a_bad_file_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(GOOD.replace("unit: V", "unit: A"), encoding="utf-8")
    (tmp_path / "Wrong Name.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "folder.yaml").mkdir()
    catalog = ProfileCatalog.load(tmp_path)
    assert "good" in catalog
    assert not {"bad", "Wrong Name", "binary", "folder"} & set(catalog.names())
    own = [p for p in catalog.problems if str(tmp_path) in p.file]
    assert {Path(p.file).name for p in own} == {"bad.yaml", "Wrong Name.yaml", "binary.yaml", "folder.yaml"}
    assert next(p for p in own if p.file.endswith("bad.yaml")).line == 7


def test_an_own_profile_replaces_a_shipped_one_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "abb-b23.yaml").write_text(GOOD, encoding="utf-8")
    assert ProfileCatalog.load(tmp_path).get("abb-b23").vendor == "ACME"
    assert "abb-b23" in caplog.text
    assert ProfileCatalog.shipped().get("abb-b23").vendor == "ABB"


def test_an_unknown_name_comes_with_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        ProfileCatalog.shipped().get("eastron-sdm63")
    assert caught.value.near[0] == "eastron-sdm630"


def test_no_folder_is_no_problem(tmp_path: Path) -> None:
    assert ProfileCatalog.load(tmp_path / "nowhere").names() == ProfileCatalog.shipped().names()
