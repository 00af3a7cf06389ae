"""What a file is, told from its bytes: pictures of a real program, and what only looks like one."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from domain.picture import PictureKind, picture_kind


def file(kind: str, size: tuple[int, int] = (321, 123), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA" if options.pop("alpha", False) else "RGB", size, "gray").save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (file("PNG"), "image/png"), (file("JPEG"), "image/jpeg"), (file("JPEG", progressive=True), "image/jpeg"),
        (file("JPEG", comment=b"\xff\xc0" + b"x" * 300), "image/jpeg"), (file("WEBP"), "image/webp"),
        (file("WEBP", lossless=True), "image/webp"), (file("WEBP", alpha=True), "image/webp"),
        (file("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"), "image/webp"),
    ],
    ids=["png", "jpeg", "progressive", "comment", "webp", "lossless", "alpha", "extended"],
)  # fmt: skip
def test_kind_and_size_are_told(content: bytes, media_type: str) -> None:
    assert picture_kind(content) == PictureKind(media_type, 321, 123)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"GIF89a" + bytes(50), b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x00" + b"\xff\xd9" * 9, b"RIFF\x04\x00\x00\x00WEBP", file("BMP"),
    ],
)  # fmt: skip
def test_anything_else_is_none(content: bytes) -> None:
    assert picture_kind(content) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_file_cut_short_is_none(kind: str) -> None:
    noise = Image.effect_noise((600, 600), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, kind)
    assert picture_kind(out.getvalue()) is not None
    assert picture_kind(out.getvalue()[: len(out.getvalue()) // 2]) is None
