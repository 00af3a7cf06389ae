"""A customer's logo: judged by size and content before anything draws it."""

from __future__ import annotations

from io import BytesIO

from domain.errors import ConfigError

LARGEST_BYTES = 1_048_576
LARGEST_SIDE = 4000


def check_logo(content: bytes) -> bytes:
    """The bytes of a PNG or JPEG of at most 1 MiB and 4000 px a side. Raises ConfigError."""
    from PIL import Image  # noqa: PLC0415 - costs memory that most installations never need

    if len(content) > LARGEST_BYTES:
        raise ConfigError(f"logo: has {len(content) / 1e6:.1f} MB; expected at most 1 MB")
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as image:
            width, height = image.size
            if max(width, height) > LARGEST_SIDE:
                raise ConfigError(f"logo: is {width} x {height} pixels; expected at most {LARGEST_SIDE} a side")
            image.load()  # decoded whole: verify() looks at little of a JPEG
    except ConfigError:
        raise
    except Exception as exc:
        raise ConfigError("logo: is no picture; expected a PNG or JPEG file") from exc
    return content
