"""What kind of picture some bytes are and how large it is, told from the bytes alone and without decoding it.

Sources: PNG specification 3rd edition (signature, IHDR, IEND); ITU-T T.81 annex B (JPEG markers, frame headers);
RFC 9649 (WebP container: VP8, VP8L, VP8X).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15 without DHT, JPG, DAC
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_TAIL = 4096  # programs append padding after the end of the picture


@dataclass(frozen=True, slots=True)
class PictureKind:
    """`media_type` as in HTTP; `width`, `height` in pixels."""

    media_type: str
    width: int
    height: int


def picture_kind(content: bytes) -> PictureKind | None:
    """PNG, JPEG or WebP; None for anything else and for a file that is cut short."""
    try:
        size = _png(content) or _jpeg(content) or _webp(content)
    except (struct.error, IndexError):
        return None
    return size if size is not None and size.width > 0 and size.height > 0 else None


def _png(content: bytes) -> PictureKind | None:
    if not content.startswith(_PNG) or content[12:16] != b"IHDR" or _PNG_END not in content[-_TAIL:]:
        return None
    return PictureKind("image/png", *struct.unpack(">II", content[16:24]))


def _jpeg(content: bytes) -> PictureKind | None:
    if not content.startswith(b"\xff\xd8\xff") or b"\xff\xd9" not in content[-_TAIL:]:
        return None
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return PictureKind("image/jpeg", width, height)
        else:
            at += 2 + struct.unpack(">H", content[at + 2 : at + 4])[0]
    return None


def _webp(content: bytes) -> PictureKind | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or struct.unpack("<I", content[4:8])[0] + 8 > len(content):
        return None
    kind = content[12:16]
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", content[26:30])
        return PictureKind("image/webp", width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and content[20] == 0x2F:
        bits = struct.unpack("<I", content[21:25])[0]
        return PictureKind("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        return PictureKind("image/webp", width, height)
    return None
