"""The section `inspections` of a plant file: cameras of devices whose parts are inspected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

from config.fields import Fields, shown
from config.plant_alerts import Surroundings
from config.plant_lines import report_secret
from config.transports.fields import variable_name
from domain.camera import Camera, Comparing
from domain.plant import Device, Line
from domain.plant_secrets import secret_name
from domain.quantity import Kind

MOST = 50
TRIGGER = "trigger"
WHOLE = (0.0, 0.0, 1.0, 1.0)
OF_URL = ("user", "password_env", "auth", "ca_file")


def read_inspections(
    fields: Fields, around: Surroundings, lines: Mapping[str, Line], environ: Mapping[str, str],
    secrets: Mapping[str, str],
) -> tuple[Camera, ...]:
    """One entry a device. `secrets`: passwords that were set in the pages; a variable that is set goes first."""
    entries = fields.entries("inspections")
    if len(entries) > MOST:
        fields.problem("inspections", f"has {len(entries)} entries", f"at most {MOST}")
        return ()
    found: dict[str, Camera] = {}
    for entry, path in entries:
        group = Fields(entry, path, fields.report)
        device = _device(group, around)
        if device is not None and device.id in found:
            group.problem("device", f"{device.id!r} stands twice", "one entry a device")
        group.raw("camera", required=True, expected="camera: {folder: …} or {url: …}")
        camera = _camera(group.group("camera"), device.id if device is not None else "", environ) if group.has("camera") else None
        if camera is not None and camera.url is not None and camera.password is None:
            camera = replace(camera, password=secrets.get(secret_name("camera", camera.device_id)) or None)
        group.finish()
        if device is not None and camera is not None:
            found.setdefault(device.id, camera)
            _warn_of_deadline(group, camera, lines.get(device.line))
    return tuple(found.values())


def _device(group: Fields, around: Surroundings) -> Device | None:
    name = group.text("device", required=True)
    if name is None:
        return None
    device = around.devices.get(name)
    if device is None:
        group.problem("device", f"there is no device {name!r}", ", ".join(list(around.devices)[:5]) or "one that is defined")
    elif not any(p.tag == TRIGGER and p.kind is Kind.COUNTER for p in device.profile.points):
        group.problem("device", f"no point {TRIGGER!r}", "a device whose counter trigger ends a part")
        return None
    return device


def _camera(group: Fields, device_id: str, environ: Mapping[str, str]) -> Camera | None:
    folder, url = _folder(group), _url(group)
    if group.has("folder") == group.has("url"):
        group.problem("", "nothing or two things say where pictures come from", "either folder or url")
    if not group.has("url"):
        for name in OF_URL:
            if group.has(name):
                group.problem(name, "has no meaning without url", "url: http://…")
    elif group.has("pattern"):
        group.problem("pattern", "has no meaning without folder", "folder: …")
    pattern = group.text("pattern", "*") or "*"
    if "/" in pattern or "\\" in pattern:
        group.problem("pattern", f"is {shown(pattern)}", "a file name with * and ?, such as part-*.jpg")
    report_secret(group)
    variable = variable_name(group, "password_env", None, False)
    if variable is not None and not environ.get(str(variable)):
        group.report.warn(group.at("password_env"), f"the environment variable {variable} is not set")
    most_mb = group.number("max_mb", 8.0, low=0.1, high=50)
    comparing = Comparing(
        group.whole("size_px", 256, low=64, high=512) or 256, group.whole("shift_px", 6, low=0, high=32) or 0,
        group.number("threshold", 3.0, low=1, high=50) or 3.0, _area(group),
    )  # fmt: skip
    if 4 * comparing.shift_px > comparing.size_px:
        group.problem("shift_px", f"is {comparing.shift_px}", f"at most {comparing.size_px // 4}")
    camera = Camera(
        device_id, folder, pattern, url, group.text("user"), group.choice("auth", ("basic", "digest"), "basic") or "basic",
        (environ.get(str(variable)) or None) if variable is not None else None, group.text("ca_file", longest=500),
        group.number("wait_s", 0.5, low=0.02, high=30) or 0.5, group.number("late_s", 0.0, low=0, high=60) or 0.0,
        int((most_mb or 8.0) * 1e6), group.whole("keep_px", 640, low=160, high=1920) or 640, comparing,
    )
    group.finish()
    return camera if folder is not None or url is not None else None


def _folder(group: Fields) -> str | None:
    folder = group.text("folder", longest=500)
    if folder is not None and not (PurePosixPath(folder).is_absolute() or PureWindowsPath(folder).is_absolute()):
        group.problem("folder", f"is {shown(folder)}", "a whole path, such as /srv/camera")
        return None
    return folder


def _url(group: Fields) -> str | None:
    """Scheme http or https, a host, nobody's name in it."""
    url = group.text("url", longest=500)
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        alone = parts.username is None and parts.password is None and not parts.fragment
    except ValueError:  # a port that is none
        right = alone = False
    if not right or not alone:
        group.problem("url", "is no address of a picture", "http://host/path or https://host/path, user and password set apart")
        return None
    return url


def _area(group: Fields) -> tuple[float, float, float, float]:
    value = group.raw("area")
    if value is None:
        return WHOLE
    numbers = isinstance(value, list | tuple) and len(value) == 4 and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value
    )  # fmt: skip
    if numbers and isinstance(value, list | tuple):
        left, top, right, bottom = (float(v) for v in value)
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1 and right - left >= 0.02 and bottom - top >= 0.02:
            return left, top, right, bottom
    group.problem("area", f"is {shown(value)}", "[left, top, right, bottom], shares from 0 to 1, such as [0.2, 0.1, 0.8, 0.9]")
    return WHOLE


def _warn_of_deadline(group: Fields, camera: Camera, line: Line | None) -> None:
    """A verdict that is written back cannot wait for a picture that comes after its deadline."""
    if line is None or not line.options.get("verdicts"):
        return
    deadline_s = line.options.get("verdict_deadline_s")
    if isinstance(deadline_s, int | float) and camera.wait_s > 0.8 * deadline_s:
        longest = f"pictures are waited for no longer than {0.8 * deadline_s:g} s"
        group.report.warn(group.at("camera"), f"line {line.id!r} wants verdicts within {deadline_s:g} s: {longest}")
