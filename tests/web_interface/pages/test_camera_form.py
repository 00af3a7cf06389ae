"""The form of a camera: the same fields and bounds as the plant file, and what it gives is what the plant file takes."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from config.plant_file import PlantFileError, plant_from_document
from config.profile_catalog import ProfileCatalog
from domain.camera import REASONS, Camera, CameraStatus, ItemPicture, NoPicture, Shot
from domain.plant import Plant
from tests.web_interface.real_plant import STATIONS
from web_interface.format import Format
from web_interface.pages.camera_fields import (
    SOURCES,
    area_shares,
    area_words,
    camera_fields,
    entry_of,
    free_devices,
    names_of,
    shown,
)
from web_interface.pages.camera_rows import camera_rows
from web_interface.pages.camera_shot import area_style, missing_words, shot_words

RU, EN = (Format(lang, ZoneInfo("Europe/Moscow")) for lang in ("ru", "en"))
START = {"url": {"url": "https://10.0.0.9/snap.jpg"}, "folder": {"folder": "/srv/camera"}}
TAKEN: dict[str, Any] = {
    "user": "eye", "auth": "digest", "password_env": "CELL", "ca_file": "/etc/ca.pem", "pattern": "a-*", "wait_s": 1, "late_s": 0.2,
    "area": [0.1, 0.2, 0.9, 1], "keep_px": 800, "max_mb": 2, "size_px": 320, "shift_px": 10, "threshold": 4,
}  # fmt: skip


def read(camera: dict[str, Any]) -> Plant:
    document = {**STATIONS, "inspections": [{"device": "cell", "camera": camera}]}
    return plant_from_document(document, catalog=ProfileCatalog.shipped(), environ={})


@pytest.mark.parametrize("source", SOURCES)
def test_the_form_shows_every_field_of_the_plant_file_and_no_other(source: str) -> None:
    fields = {field.name.removeprefix("camera."): field for field in camera_fields(source, "en")}
    told = {name: value for name, value in TAKEN.items() if name in fields}
    (camera,) = read(START[source] | told).cameras
    for name in set(TAKEN) - set(told) | {"zoom"}:
        with pytest.raises(PlantFileError):
            read(START[source] | {name: TAKEN.get(name, 1)})
    assert set(fields) - {"password", *START[source]} == set(told)
    assert camera.comparing.area == (0.1, 0.2, 0.9, 1.0)


@pytest.mark.parametrize("source", SOURCES)
def test_numbers_have_the_bounds_and_defaults_of_the_plant_file(source: str) -> None:
    fields = [field for field in camera_fields(source, "en") if field.kind in {"number", "whole"}]
    assert len(fields) == 7
    for field in fields:
        name = field.name.removeprefix("camera.")
        room = {"size_px": 512} if name == "shift_px" else {"shift_px": 0} if name == "size_px" else {}
        assert field.low is not None
        assert field.high is not None
        for good in (field.low, field.high):
            read(START[source] | room | {name: good})
        for bad in (field.low - 0.5 if field.kind == "number" else field.low - 1, field.high + 1):
            with pytest.raises(PlantFileError):
                read(START[source] | room | {name: bad})
        assert read(START[source] | {name: field.default}).cameras == read(START[source]).cameras


def test_the_area_is_typed_in_percent_and_untouched_stays_to_the_last_digit() -> None:
    stored: dict[str, Any] = {"device": "cell", "camera": {"folder": "/a", "area": [1 / 3, 0.1, 0.8, 0.9]}}
    form = shown(stored)
    assert form["camera"]["area"] == "33.3333, 10, 80, 90"
    assert entry_of(form, stored) == stored
    assert area_shares("20; 10 80,90") == [0.2, 0.1, 0.8, 0.9]
    assert area_words([0.2, 0.1, 0.8, 0.9]) == "20, 10, 80, 90"
    assert "area" not in entry_of({"camera": {"area": "0, 0, 100, 100"}}, stored)["camera"], "the whole picture is the default"
    check = next(field.check for field in camera_fields("url", "en") if field.name == "camera.area")
    assert check is not None
    assert check("20, 10, 80, 90") is None
    for wrong in ("20, 10, 80", "80, 10, 20, 90", "a, b, c, d", "0, 0, 101, 100", "0, 0, 1, 100", "12,5, 10, 80, 90"):
        assert "Four numbers" in str(check(wrong))
    assert area_style([0.2, 0.1, 0.8, 0.9]) == "left: 20.00%; top: 10.00%; width: 60.00%; height: 80.00%"
    assert area_style(None) == area_style((0.0, 0.0, 1.0, 1.0)) == ""


def test_a_stored_password_is_changed_or_removed_and_never_shown() -> None:
    names = [field.name for field in camera_fields("url", "ru", stored=True)]
    assert names.index("camera.password_remove") == names.index("camera.password") + 1
    assert "camera.password_remove" not in [field.name for field in camera_fields("url", "ru")]
    removed = entry_of({"camera": {"url": "http://h/a", "password_remove": True}}, {})
    assert removed == {"camera": {"url": "http://h/a", "password": ""}}
    changed = entry_of({"camera": {"url": "http://h/a", "password": "new", "password_remove": True}}, {})
    assert changed["camera"]["password"] == "new"
    assert "password" not in entry_of({"camera": {"url": "http://h/a", "password_remove": False}}, {})["camera"]


def test_only_inspected_devices_without_a_camera_are_offered() -> None:
    assert free_devices(read(START["url"])) == ["bench"]


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason != "not_compared"])
def test_why_there_is_no_picture_is_said_with_what_to_do(reason: str) -> None:
    other = missing_words(NoPicture("never heard of"), "ru")
    for lang in ("ru", "en"):
        assert missing_words(NoPicture(reason), lang) not in {other, ""}


def test_a_picture_is_told_with_its_size_and_a_file_with_its_age() -> None:
    shot = Shot(ItemPicture(640, 480), "", 1_763_548_800_000_000, 43_210, 0.0254)
    assert shot_words(shot, RU, shot.taken_us) == "640 × 480 точек, получено 43 кБ за 25 мс"
    file = Shot(shot.picture, "cam1.jpg", shot.taken_us, 43_210, 0.0254)
    assert shot_words(file, EN, shot.taken_us).startswith("cam1.jpg, 13:40: 640")


def test_each_camera_of_the_plant_has_a_row_whether_it_was_asked_or_not() -> None:
    cameras = [Camera("cell", url="http://u/snap.jpg?key=planted"), Camera("press", "/srv/a", "b-*")]
    status = CameraStatus("cell", "http://u/snap.jpg", 128, {"late": 2}, 1_763_548_800_000_000, "HTTP 503", True)
    first, second = camera_rows(cameras, [status], RU, 1_763_548_800_000_000, tools=True)
    assert "planted" not in str((first, second))
    assert (first["cells"]["taken"]["text"], first["cells"]["missing"]["text"]) == ("128", "не успел\u00a02")
    assert first["cells"]["missing"]["sub"] == [["HTTP 503", "em-quiet"]]
    assert (second["cells"]["source"]["text"], second["cells"]["missing"]["text"]) == ("/srv/a  b-*", "—")
    assert "do" not in camera_rows(cameras, [], RU, 0)[0]["cells"]


def test_no_field_is_named_without_its_words() -> None:
    for source in SOURCES:
        for lang in ("ru", "en"):
            for field in camera_fields(source, lang, devices=["cell"], stored=True):
                assert not field.label.startswith("camera.")
                assert field.kind == "switch" or field.hint, field.name
                assert not field.hint.startswith("camera.")
        assert len(set(names_of(source))) == len(names_of(source))
