"""The section `inspections`: cameras of inspected devices; what is taken, and what is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from config.plant_file import PlantFileError, dump_plant, parse_plant
from config.profile_catalog import ProfileCatalog
from domain.camera import Camera, Comparing

CATALOG = ProfileCatalog.shipped()
PLANT = """
site: {name: S}
lines:
  - {id: tcp1, transport: modbus-tcp, host: h}
  - {id: qc, transport: tcp-frames, host: h, encoding: binary, verdicts: true, verdict_deadline_s: 0.3}
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
  - {id: cell, profile: plc-frames, line: qc, scan_s: 1}
inspections: [{device: cell, camera: @camera@}]
"""


def read(camera: str, **environ: str) -> Any:
    return parse_plant(PLANT.replace("@camera@", camera), catalog=CATALOG, environ=environ)


def test_a_folder_has_sensible_defaults() -> None:
    assert read("{folder: /srv/camera}").plant.cameras == (Camera("cell", "/srv/camera"),)
    (windows,) = read(r"{folder: 'D:\camera', pattern: 'part-*.png'}").plant.cameras
    assert (windows.folder, windows.pattern) == (r"D:\camera", "part-*.png")


def test_an_http_still_takes_all_it_is_told_and_its_password_from_a_variable_only() -> None:
    told = (
        "{url: 'https://10.0.0.9:8443/snap.jpg?ch=1', user: eye, password_env: CELL_CAMERA, auth: digest, ca_file: /etc/shop-ca.pem, wait_s: 0.2, late_s: 0.4, "
        "max_mb: 2.5, keep_px: 800, size_px: 320, shift_px: 10, threshold: 4, area: [0.1, 0.2, 0.9, 1]}"
    )
    parsed = read(told, CELL_CAMERA="very secret")
    assert parsed.plant.cameras == (Camera(
        "cell", None, "*", "https://10.0.0.9:8443/snap.jpg?ch=1", "eye", "digest", "very secret", "/etc/shop-ca.pem", 0.2, 0.4, 2_500_000, 800,
        Comparing(320, 10, 4.0, (0.1, 0.2, 0.9, 1.0)),
    ),)  # fmt: skip
    assert "very secret" not in repr(parsed.plant) + dump_plant(parsed.document)
    assert parsed.warnings == ()


def test_what_looks_wrong_is_warned_of() -> None:
    said = [warning.message for warning in read("{url: 'http://h/a', user: u, password_env: NOT_SET}").warnings]
    assert said[0] == "the environment variable NOT_SET is not set"
    assert said[1].endswith("within 0.3 s: pictures are waited for no longer than 0.24 s")


@pytest.mark.parametrize(
    ("camera", "place", "expected"),
    [
        ("{}", "camera", "either folder or url"), ("{folder: /a, url: 'http://h/a'}", "camera", "either folder or url"),
        ("{folder: pictures}", "folder", "/srv/camera"), ("{url: 'file:///etc/passwd'}", "url", "http://"),
        ("{url: 'http://u:p@h/a'}", "url", "set apart"), ("{url: 'http://h:99999/a'}", "url", "http://"),
        ("{folder: /a, password: p}", "password", "password_env"), ("{folder: /a, user: u}", "user", "url"),
        ("{folder: /a, pattern: 'b/*.jpg'}", "pattern", "part-*.jpg"), ("{folder: /a, wait_s: 0}", "wait_s", "0.02 to 30"),
        ("{folder: /a, area: [0.5, 0, 0.5, 1]}", "area", "shares"), ("{folder: /a, max_mb: 500}", "max_mb", "0.1 to 50"),
        ("{folder: /a, shift_px: 32, size_px: 64}", "shift_px", "at most 16"), ("{folder: /a, zoom: 2}", "zoom", "folder"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(camera: str, place: str, expected: str) -> None:
    with pytest.raises(PlantFileError) as caught:
        read(camera)
    found = [problem for problem in caught.value.problems if problem.field.endswith(place)]
    assert found, caught.value
    assert expected in found[0].expected + found[0].message


@pytest.mark.parametrize(("entries", "said"), [
    ("[{device: m1, camera: {folder: /a}}]", "no point 'trigger'"), ("[{device: z, camera: {folder: /a}}]", "there is no device 'z'"),
    ("[{device: cell}]", "is missing"), ("[{device: cell, camera: {folder: /a}}, {device: cell, camera: {folder: /b}}]", "stands twice"),
])
def test_a_camera_belongs_to_one_inspected_device(entries: str, said: str) -> None:
    with pytest.raises(PlantFileError, match=said):
        parse_plant(PLANT.partition("inspections")[0] + f"inspections: {entries}", catalog=CATALOG, environ={})
