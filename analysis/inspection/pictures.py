"""Pictures of inspected parts, compared with what good items look like. Pure; blocks: for a thread or the worker process.

A picture is brought to the position and brightness of the reference, and each place's distance from the median of good items is
measured in their own spread (median of absolute deviations, widened where a small shift of an edge explains it). Distances are
smoothed, so that noise cancels out and marks stay. The reference is plain data, part of the quality model's document.
Pillow opens and scales pictures, OpenCV compares them; both are imported where they are used.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.camera import Camera, Comparing, ItemPicture, NoPicture, Region
from domain.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image

Floats = NDArray[np.float32]
DIFFERENCE: Final = "picture_difference"
REGION_PX: Final = "picture_region_px"
FEATURES: Final = (DIFFERENCE, REGION_PX)
MOST_PIXELS: Final = 50_000_000  # of a picture as it comes
MOST_LEARNED: Final = 200  # pictures that a reference is learned from, the newest
FOLDS: Final = 5
QUALITY: Final = 85  # of the kept JPEG
_FLOOR = 3.0  # grey levels that every place may differ by: noise and JPEG
_EDGE_PX = 0.5  # an edge may lie that far off
_SMOOTH_PX = 1.2
_USUAL = 1.3  # a region deviates only beyond what nine of ten good items show, with this margin


def can_compare() -> bool:
    """Is OpenCV installed?"""
    return importlib.util.find_spec("cv2") is not None


def kept(raw: bytes, camera: Camera) -> ItemPicture:
    """A camera's bytes as they are kept: JPEG, no larger than `keep_px`. Raises NoPicture: too large, wrong kind, broken."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 (in a thread, and only where there are cameras)

    if len(raw) > camera.largest_bytes:
        raise NoPicture("too_large", f"{len(raw) / 1e6:.1f} MB, at most {camera.largest_bytes / 1e6:g} MB are taken")
    try:
        picture: Image.Image = Image.open(io.BytesIO(raw), formats=("JPEG", "PNG"))
        if picture.width * picture.height > MOST_PIXELS:
            raise NoPicture("too_large", f"{picture.width} x {picture.height} pixels")
        picture.draft("RGB", (camera.keep_px, camera.keep_px))
        picture = ImageOps.exif_transpose(picture).convert("RGB")
        picture.thumbnail((camera.keep_px, camera.keep_px))
    except UnidentifiedImageError as exc:
        raise NoPicture("kind", "neither JPEG nor PNG") from exc
    except Image.DecompressionBombError as exc:
        raise NoPicture("too_large", str(exc)) from exc
    except (OSError, ValueError, SyntaxError, EOFError) as exc:  # what Pillow raises over damaged files
        raise NoPicture("broken", f"cannot be decoded: {exc}") from exc
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return ItemPicture(picture.width, picture.height, None, out.getvalue())


@dataclass(frozen=True, slots=True)
class Difference:
    """`value` 0 to 1; 0.5: some place deviates as much as the threshold. `region_px`: size of the largest deviating region, of
    the kept picture; 0: there is none, then `region` is None."""

    value: float
    region_px: float
    region: Region | None

    def features(self) -> dict[str, float]:
        return {DIFFERENCE: self.value, REGION_PX: self.region_px}


class Reference:
    """What good items look like. `median`, `spread`: grey levels, smaller than a compared picture by the shift on each side."""

    def __init__(self, median: Floats, spread: Floats, comparing: Comparing, threshold: float) -> None:
        self.median, self.spread, self.comparing, self.threshold = median, spread, comparing, threshold

    def compare(self, jpeg: bytes) -> Difference:
        """A kept picture against the reference. Raises NoPicture where that cannot be done."""
        grey, scale, origin = _grey(jpeg, self.comparing)
        margin = self.comparing.shift_px
        if (grey.shape[0] - 2 * margin, grey.shape[1] - 2 * margin) != self.median.shape:
            raise NoPicture("not_compared", "its shape is not that of the pictures that were learned from")
        found, at = _placed(grey, self.median)
        distance = _distance(found, self.median, self.spread)
        peak = float(distance.max())
        region = _largest(distance > self.threshold)
        value = peak / (peak + self.threshold)
        if region is None:
            return Difference(value, 0.0, None)
        size, x, y, width, height = region
        left, top = (at[0] + x) / scale + origin[0], (at[1] + y) / scale + origin[1]
        place = Region(round(left), round(top), max(1, round(width / scale)), max(1, round(height / scale)))
        return Difference(value, size / scale**2, place)

    def document(self) -> dict[str, Any]:
        """Plain data."""
        one = self.comparing
        return {
            "height": self.median.shape[0], "width": self.median.shape[1], "median": _packed(self.median),
            "spread": _packed(self.spread * 4), "threshold": self.threshold, "size_px": one.size_px, "shift_px": one.shift_px,
            "area": list(one.area),
        }  # fmt: skip

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Reference:
        """From plain data."""
        shape = int(document["height"]), int(document["width"])
        left, top, right, bottom = (float(share) for share in document["area"])
        comparing = Comparing(
            int(document["size_px"]), int(document["shift_px"]), float(document["threshold"]), (left, top, right, bottom)
        )
        median, spread = _unpacked(document["median"], shape), _unpacked(document["spread"], shape) / 4
        return cls(median, np.maximum(spread, 0.25), comparing, float(document["threshold"]))


def learn(jpegs: Sequence[bytes], comparing: Comparing) -> tuple[Reference, list[Difference]]:
    """The reference of good items' kept pictures, and what each of them differs from the reference of the others.

    The latter is what a new good item will show: a picture is always closer to a reference that it is part of.
    Raises ConfigError.
    """
    if not can_compare():
        raise ConfigError("comparing pictures needs OpenCV (opencv-python-headless), which is not installed")
    greys = [_grey(jpeg, comparing)[0] for jpeg in jpegs]
    if len({grey.shape for grey in greys}) > 1:
        raise ConfigError("the pictures of the good items are not of one shape")
    folds = min(FOLDS, len(greys))
    peaks = np.zeros(len(greys))
    others = [_stack([g for i, g in enumerate(greys) if i % folds != fold], comparing) for fold in range(folds)]
    for i, grey in enumerate(greys):
        median, spread = others[i % folds]
        peaks[i] = _distance(_placed(grey, median)[0], median, spread).max()
    threshold = max(comparing.threshold, _USUAL * float(np.quantile(peaks, 0.9)))
    seen = [Reference(*others[i % folds], comparing, threshold).compare(jpeg) for i, jpeg in enumerate(jpegs)]
    return Reference(*_stack(greys, comparing), comparing, threshold), seen


def _stack(greys: Sequence[Floats], comparing: Comparing) -> tuple[Floats, Floats]:
    """Median and spread of pictures that are laid upon each other, first upon their plain median, then upon the sharper one."""
    cv2 = _opencv()

    margin = comparing.shift_px
    median = np.median(np.stack(greys), axis=0)[margin : greys[0].shape[0] - margin, margin : greys[0].shape[1] - margin]
    for _ in range(2):
        laid = np.stack([_placed(grey, median.astype(np.float32))[0] for grey in greys])
        median = np.median(laid, axis=0)
    own = 1.4826 * np.median(np.abs(laid - median), axis=0).astype(np.float32)
    wide = np.asarray(cv2.dilate(own, np.ones((3, 3), np.uint8)), np.float32)
    steep = np.hypot(*np.gradient(median)).astype(np.float32)
    # both are kept as bytes in the model: what judges now is exactly what is loaded later
    spread = np.clip(np.sqrt(wide**2 + _FLOOR**2 + (_EDGE_PX * steep) ** 2), 0.25, 63.75)
    return np.round(median).astype(np.float32), (np.round(spread * 4) / 4).astype(np.float32)


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Width and height of a kept picture, px."""
    from PIL import Image  # noqa: PLC0415 (see above)

    return Image.open(io.BytesIO(jpeg), formats=("JPEG",)).size


def _grey(jpeg: bytes, comparing: Comparing) -> tuple[Floats, float, tuple[float, float]]:
    """What is compared: grey levels, the scale of it against the kept picture, and where in that it begins, px."""
    from PIL import Image  # noqa: PLC0415 (see above)

    try:
        picture: Image.Image = Image.open(io.BytesIO(jpeg), formats=("JPEG",)).convert("L")
    except (OSError, ValueError, SyntaxError) as exc:
        raise NoPicture("broken", f"cannot be decoded: {exc}") from exc
    left, top, right, bottom = comparing.area
    box = left * picture.width, top * picture.height, right * picture.width, bottom * picture.height
    scale = comparing.size_px / max(box[2] - box[0], box[3] - box[1])
    size = max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale))
    return _levels(picture.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR, box)), scale, box[:2]


def _opencv() -> Any:
    """OpenCV on the calling thread alone: pictures are small, and the cores belong to acquisition."""
    import cv2  # noqa: PLC0415 (see above)

    cv2.setNumThreads(1)
    return cv2


def _levels(picture: Image) -> Floats:
    return np.asarray(picture, dtype=np.float32)


def _placed(grey: Floats, median: Floats) -> tuple[Floats, tuple[int, int]]:
    """The cut of a picture that fits the reference best, in its brightness, and where it begins (x, y)."""
    cv2 = _opencv()

    x = y = 0
    if grey.shape != median.shape and float(median.std()) > 1e-3:
        fit = np.nan_to_num(cv2.matchTemplate(grey, median, cv2.TM_CCOEFF_NORMED))
        y, x = (int(i) for i in np.unravel_index(int(fit.argmax()), fit.shape))
    cut = grey[y : y + median.shape[0], x : x + median.shape[1]]
    middle, wanted = float(np.median(cut)), float(np.median(median))
    own, usual = float(np.abs(cut - middle).mean()), float(np.abs(median - wanted).mean())
    gain = min(max(usual / own, 0.67), 1.5) if own > 1.0 else 1.0
    return ((cut - middle) * gain + wanted).astype(np.float32), (x, y)


def _distance(found: Floats, median: Floats, spread: Floats) -> Floats:
    """Of each place, in spreads; signed ones are smoothed, so that noise cancels out."""
    cv2 = _opencv()

    return np.abs(np.asarray(cv2.GaussianBlur((found - median) / spread, (0, 0), _SMOOTH_PX), dtype=np.float32))


def _largest(deviates: NDArray[np.bool_]) -> tuple[int, int, int, int, int] | None:
    """(size, x, y, width, height) of the largest connected region; parts close to each other are one."""
    cv2 = _opencv()

    if not deviates.any():
        return None
    joined = cv2.dilate(deviates.astype(np.uint8), np.ones((5, 5), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    sizes = np.bincount(labels[deviates], minlength=n)
    best = int(sizes[1:].argmax()) + 1
    x, y, width, height = (int(stats[best, i]) for i in range(4))
    return int(sizes[best]), x, y, width, height


def _packed(levels: Floats) -> str:
    return base64.b64encode(zlib.compress(np.clip(np.round(levels), 0, 255).astype(np.uint8).tobytes(), 6)).decode()


def _unpacked(text: object, shape: tuple[int, int]) -> Floats:
    data = zlib.decompressobj().decompress(base64.b64decode(str(text)), shape[0] * shape[1])
    return np.frombuffer(data, np.uint8).reshape(shape).astype(np.float32)
