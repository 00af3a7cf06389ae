"""The form of a camera: which fields each source of pictures has. A test holds these lists against what the plant file takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import urlsplit

from domain.plant import Plant
from domain.quantity import Kind
from web_interface.locale import t
from web_interface.pages.admin_form import Field

SOURCES: Final = ("url", "folder")
REMOVE: Final = "password_remove"
_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "url": ("url", "user", "password", "auth", "password_env", "ca_file"), "folder": ("folder", "pattern"),
}  # fmt: skip
_COMMON: Final = ("wait_s", "late_s", "area", "keep_px", "max_mb", "size_px", "shift_px", "threshold")
# (kind, default, low, high, unit): as the plant file takes them
_NUMBERS: Final[Mapping[str, tuple[str, float, float, float, str]]] = {
    "wait_s": ("number", 0.5, 0.02, 30, "unit.s"), "late_s": ("number", 0.0, 0, 60, "unit.s"),
    "keep_px": ("whole", 640, 160, 1920, "camera.unit.px"), "max_mb": ("number", 8.0, 0.1, 50, "unit.MB"),
    "size_px": ("whole", 256, 64, 512, "camera.unit.px"), "shift_px": ("whole", 6, 0, 32, "camera.unit.px"),
    "threshold": ("number", 3.0, 1, 50, ""),
}  # fmt: skip
_BETWEEN: Final = re.compile(r"[\s,;]+")


def names_of(source: str) -> Sequence[str]:
    """Fields of the plant file's `camera` that the form of this source shows; `password` is no field of the file."""
    return (*_OWN[source], *_COMMON)


def sources(lang: str) -> Mapping[str, str]:
    """Where pictures may come from, as the choice shows it."""
    return {source: t(f"camera.source.{source}", lang) for source in SOURCES}


def free_devices(plant: Plant) -> Sequence[str]:
    """Devices whose parts are inspected and that have no camera yet."""
    taken = {camera.device_id for camera in plant.cameras}
    return [
        device.id for device in plant.devices if device.id not in taken
        and any(point.tag == "trigger" and point.kind is Kind.COUNTER for point in device.profile.points)
    ]  # fmt: skip


def camera_fields(source: str, lang: str, *, devices: Sequence[str] = (), stored: bool = False) -> Sequence[Field]:
    """The whole form. `devices`: to choose from, for a new camera; `stored`: a password was set in the page."""
    fields: list[Field] = []
    if devices:
        names = {name: name for name in devices}
        hint = t("camera.hint.device", lang)
        fields.append(Field("device", "choice", t("inspection.device", lang), options=names, required=True, hint=hint))
    for name in names_of(source):
        fields.append(_field(name, lang, stored=stored))
        if name == "password" and stored:
            label = t("admin.field.password_remove", lang)
            fields.append(Field(f"camera.{REMOVE}", "switch", label, default=False))
    return fields


def _field(name: str, lang: str, *, stored: bool) -> Field:
    key, label = f"camera.{name}", t(f"camera.field.{name}", lang)
    if name == "password":
        return Field(key, "secret", label, hint=t("camera.hint.password_set" if stored else "camera.hint.password", lang))
    hint = t(f"camera.hint.{name}", lang)
    if name in _NUMBERS:
        kind, default, low, high, unit = _NUMBERS[name]
        return Field(key, kind, label, unit=t(unit, lang) if unit else "", hint=hint, default=default, low=low, high=high)
    if name == "auth":
        options = {way: t(f"camera.auth.{way}", lang) for way in ("basic", "digest")}
        return Field(key, "choice", label, options=options, default="basic", hint=hint)
    check = _CHECKS.get(name)
    return Field(
        key, "text", label, hint=hint, required=name in {"url", "folder"}, default="*" if name == "pattern" else None, mono=True,
        wide=name in {"url", "folder"},
        longest=500 if name in {"url", "folder", "ca_file"} else 200, check=None if check is None else check(lang),
    )  # fmt: skip


# -- between the form and the plant file -------------------------------------------------------------------------------------


def shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A stored entry as the form shows it: the area in percent."""
    camera = dict(entry.get("camera") or {})
    if "area" in camera:
        camera["area"] = area_words(camera["area"])
    return {**entry, "camera": camera}


def entry_of(values: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What the form gave as the service takes it. An area that was not touched stays to the last digit."""
    camera = {name: value for name, value in dict(values.get("camera") or {}).items() if name != REMOVE}
    if dict(values.get("camera") or {}).get(REMOVE):
        camera.setdefault("password", "")
    if "area" in camera:
        before = dict(stored.get("camera") or {}).get("area")
        same = before is not None and area_words(before) == camera["area"]
        camera["area"] = before if same else area_shares(str(camera["area"]))
    return {**values, "camera": {name: value for name, value in camera.items() if value is not None}}


def area_words(shares: Any) -> str:
    """[0.2, 0.1, 0.8, 0.9] as "20, 10, 80, 90"; what is no list of numbers as it is."""
    if not isinstance(shares, list | tuple) or not all(isinstance(share, int | float) for share in shares):
        return str(shares)
    return ", ".join(f"{100 * share:.6g}" for share in shares)


def area_shares(text: str) -> list[float] | None:
    """The inverse; None for the whole picture, and for what is none (the form has said so)."""
    numbers = _percents(text)
    return None if numbers is None or numbers == [0, 0, 100, 100] else [round(number / 100, 8) for number in numbers]


def _percents(text: str) -> list[float] | None:
    try:
        numbers = [float(word) for word in _BETWEEN.split(text.strip()) if word]
    except ValueError:
        return None
    if len(numbers) != 4:
        return None
    left, top, right, bottom = numbers
    inside = 0 <= left < right <= 100 and 0 <= top < bottom <= 100
    return numbers if inside and right - left >= 2 and bottom - top >= 2 else None


# -- while it is typed -------------------------------------------------------------------------------------------------------

Check = Callable[[str], str | None]


def _area_check(lang: str) -> Check:
    return lambda text: None if _percents(text) is not None else t("camera.typed.area", lang)


def _url_check(lang: str) -> Check:
    def right(text: str) -> bool:
        try:
            parts = urlsplit(text)
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
            return whole and parts.username is None and parts.password is None and not parts.fragment
        except ValueError:  # a port that is none
            return False

    return lambda text: None if right(text) else t("expected.picture_url", lang)


def _folder_check(lang: str) -> Check:
    def right(text: str) -> bool:
        return PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()

    return lambda text: None if right(text) else t("expected.whole_path", lang, name="/srv/camera")


def _pattern_check(lang: str) -> Check:
    return lambda text: t("expected.file_pattern", lang, name="part-*.jpg") if "/" in text or "\\" in text else None


_CHECKS: Final[Mapping[str, Callable[[str], Check]]] = {
    "area": _area_check, "url": _url_check, "folder": _folder_check, "pattern": _pattern_check,
}  # fmt: skip
