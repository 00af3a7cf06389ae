"""Invented pictures of a turned flange with bores, as a camera over an inspection place sees it: no two alike."""

from __future__ import annotations

import io
import math
import random
from typing import Final

DEFECTS: Final = ("scratch", "stain", "bore", "chip", "crack")
"""A scratch over the face, a stain, a bore that was not drilled, a piece broken off the rim, a fine dark crack."""
SIZE: Final = (640, 480)
_FACE = 152  # grey level
_SCALE = 2  # drawn larger and scaled down, so that edges are smooth and shifts are fractions of a pixel
_BORES, _RADIUS, _PITCH, _HOLE, _CENTRE_HOLE = 6, 190.0, 128.0, 22.0, 52.0


def part_picture(seed: int, number: int, defect: str | None = None, strength: float = 1.0) -> bytes:
    """JPEG of part `number`: the same for the same arguments. It lies up to 4 px and 0.4 degrees off, the light varies by 8 %.

    `strength`: of the defect's contrast against the face.
    """
    import numpy as np  # noqa: PLC0415 (only where pictures are asked for)
    from PIL import Image, ImageDraw, ImageFilter  # noqa: PLC0415

    chance = random.Random(seed * 1_000_003 + number)
    x, y = (half / 2 + chance.uniform(-4, 4) for half in SIZE)
    turn, light = math.radians(chance.uniform(-0.4, 0.4)), chance.uniform(0.92, 1.08)
    picture = Image.new("L", (SIZE[0] * _SCALE, SIZE[1] * _SCALE), 62)
    pen = ImageDraw.Draw(picture)

    def disc(cx: float, cy: float, radius: float, grey: int) -> None:
        pen.ellipse([_SCALE * v for v in (cx - radius, cy - radius, cx + radius, cy + radius)], fill=grey)

    def at(radius: float, angle: float) -> tuple[float, float]:
        return x + radius * math.cos(angle + turn), y + radius * math.sin(angle + turn)

    disc(x, y, _RADIUS, 168)
    disc(x, y, _RADIUS - 8, _FACE)
    for radius in range(60, 180, 6):  # the tool's traces
        pen.ellipse([_SCALE * v for v in (x - radius, y - radius, x + radius, y + radius)], outline=147)
    disc(x, y, _CENTRE_HOLE + 6, 176)
    disc(x, y, _CENTRE_HOLE, 40)
    undrilled = chance.randrange(_BORES) if defect == "bore" else None
    for bore in range(_BORES):
        if bore != undrilled:
            disc(*at(_PITCH, bore * math.tau / _BORES), _HOLE, 46)
    def shade(grey: int) -> int:
        return round(_FACE + (grey - _FACE) * strength)

    angle = (chance.randrange(_BORES) + 0.5) * math.tau / _BORES  # between two bores
    if defect == "scratch":
        length, tilt = chance.uniform(40, 90), chance.uniform(0, math.pi)
        cx, cy = at(chance.uniform(90, 145), angle)
        dx, dy = length / 2 * math.cos(tilt), length / 2 * math.sin(tilt)
        pen.line([_SCALE * v for v in (cx - dx, cy - dy, cx + dx, cy + dy)], fill=shade(chance.randint(205, 235)), width=5)
    elif defect == "stain":
        disc(*at(chance.uniform(85, 160), angle), chance.uniform(8, 16), shade(chance.randint(105, 122)))
    elif defect == "chip":
        disc(*at(_RADIUS + 3, chance.uniform(0, math.tau)), chance.uniform(10, 18), 62)
    elif defect == "crack":
        cx, cy = at(75.0, angle)
        points = [_SCALE * v for step in range(7) for v in (cx + step * 7 * math.cos(angle) + chance.uniform(-4, 4),
                                                            cy + step * 7 * math.sin(angle) + chance.uniform(-4, 4))]  # fmt: skip
        pen.line(points, fill=shade(70), width=4)
    small = picture.filter(ImageFilter.GaussianBlur(1.0)).resize(SIZE, Image.Resampling.BOX)
    noise = np.random.default_rng(seed * 1_000_003 + number).normal(0.0, 2.5, (SIZE[1], SIZE[0]))
    slope = np.linspace(-4.0, 4.0, SIZE[0]) * chance.uniform(0.5, 1.5)
    levels = np.clip(np.asarray(small, dtype=np.float64) * light + slope + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(levels).save(out, "JPEG", quality=90)
    return out.getvalue()
