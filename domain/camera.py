"""Pictures of inspected parts: where a camera's pictures come from, how they are compared, and what became of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.errors import MonitorError

REASONS: Final = (
    "late", "none", "unreachable", "certificate", "refused", "address", "too_large", "kind", "broken", "busy", "not_compared",
)  # fmt: skip
"""Why there is no picture of an item: it came too late; none lies in the cycle; no connection; its certificate is not trusted;
the camera answered with an error; its address is not allowed; larger than allowed; neither JPEG nor PNG; cannot be decoded; the
one before is still in work; it is there, but could not be compared."""


class NoPicture(MonitorError):
    """`reason`: one of REASONS. The text tells what happened, for the log and the administrator."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"no picture: {detail or reason}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Comparing:
    """How a picture is compared with the reference.

    `size_px`: longest side of what is compared. `shift_px`: a part may lie that far off in each direction, of the compared
    picture. `threshold`: spreads of good items from which on a place deviates. `area`: the part of the picture that counts, as
    shares (left, top, right, bottom).
    """

    size_px: int = 256
    shift_px: int = 6
    threshold: float = 3.0
    area: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Camera:
    """Of an inspected device; either `folder` (newest file of the cycle) or `url` (an HTTP still).

    `wait_s`: after the trigger, at most. `late_s`: the cycle's end for pictures, later than the trigger by so much.
    `keep_px`: longest side of the picture that is kept. `password` is a secret: never in repr, log or export.
    """

    device_id: str
    folder: str | None = None
    pattern: str = "*"
    url: str | None = None
    user: str | None = None
    auth: str = "basic"  # or digest
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None  # further certificate authority to trust
    wait_s: float = 0.5
    late_s: float = 0.0
    largest_bytes: int = 8_000_000
    keep_px: int = 640
    comparing: Comparing = field(default_factory=Comparing)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of a kept picture, px."""

    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[int, int]:
        return self.x + self.width // 2, self.y + self.height // 2


@dataclass(frozen=True, slots=True)
class ItemPicture:
    """The picture of an item as it is kept. `region`: where it deviates most from the reference; None: nowhere, or not compared.

    `jpeg` is empty where only the rest was asked for.
    """

    width: int
    height: int
    region: Region | None = None
    jpeg: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture taken to try a camera, as it would be kept. `name`: of the file, else empty; `taken_us`: its time.

    `size_bytes`: as it came. `took_s`: from asking to having it.
    """

    picture: ItemPicture
    name: str
    taken_us: int
    size_bytes: int
    took_s: float


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """Since the start. `missing`: items without a picture by reason. `compares`: False where the library for it is missing."""

    device_id: str
    source: str  # the folder, or the address without user
    taken: int
    missing: Mapping[str, int]
    last_us: int | None
    last_error: str | None
    compares: bool
