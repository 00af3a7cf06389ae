"""Pictures of parts against a reference of good ones: what is found and where, what is left alone, what cannot be compared."""

from __future__ import annotations

import io
from functools import cache

import pytest
from PIL import Image

from analysis.inspection import pictures
from analysis.inspection.pictures import Difference, Reference, kept, learn
from domain.camera import Camera, Comparing, NoPicture, Region
from domain.errors import ConfigError
from simulator.part_picture import DEFECTS, part_picture

CAMERA = Camera("cell", "/a")


@cache
def jpeg(number: int, defect: str | None = None) -> bytes:
    return kept(part_picture(1, number, defect), CAMERA).jpeg


@cache
def reference() -> tuple[Reference, tuple[Difference, ...]]:
    found, seen = learn([jpeg(n) for n in range(12)], Comparing())
    return found, tuple(seen)


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_good_parts_pass_wherever_they_lie_and_whatever_the_light() -> None:
    found, seen = reference()
    for difference in (*seen, *(found.compare(jpeg(n)) for n in range(100, 106))):
        assert difference.value < 0.45
        assert (difference.region, difference.region_px) == (None, 0.0)


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_found(defect: str) -> None:
    for number in (200, 201, 202):
        difference = reference()[0].compare(jpeg(number, defect))
        assert difference.value > 0.5, number
        assert difference.region is not None
        assert difference.region_px > 20


def test_where_it_is_lies_in_the_kept_picture() -> None:
    picture = Image.open(io.BytesIO(jpeg(300)))
    picture.paste(250, (400, 300, 430, 320))
    difference = reference()[0].compare(kept(png(picture), CAMERA).jpeg)
    assert difference.region is not None
    x, y = difference.region.centre
    assert (x, y) == (pytest.approx(415, abs=6), pytest.approx(310, abs=6))
    assert 30 <= difference.region.width <= 60
    assert difference.region_px == pytest.approx(600, rel=0.7)
    within = Reference(reference()[0].median, reference()[0].spread, Comparing(), 1e6)
    assert within.compare(jpeg(300, "bore")).region is None, "below the threshold nothing deviates"


def test_only_the_area_counts() -> None:
    comparing = Comparing(size_px=128, area=(0.0, 0.0, 0.45, 1.0))
    found, _ = learn([jpeg(n) for n in range(10)], comparing)
    picture = Image.open(io.BytesIO(jpeg(300)))
    beside, within = picture.copy(), picture.copy()
    beside.paste(250, (500, 200, 540, 240))
    within.paste(250, (100, 200, 140, 240))
    assert found.compare(kept(png(beside), CAMERA).jpeg).region is None
    region = found.compare(kept(png(within), CAMERA).jpeg).region
    assert region is not None
    assert region.centre == (pytest.approx(120, abs=8), pytest.approx(220, abs=8))


def test_a_reference_is_plain_data_and_judges_the_same_when_it_is_loaded() -> None:
    found, _ = reference()
    again = Reference.of(found.document())
    for number, defect in ((5, None), (400, "stain")):
        assert again.compare(jpeg(number, defect)) == found.compare(jpeg(number, defect))


def test_what_is_kept_is_a_small_jpeg_of_any_kind_of_picture() -> None:
    large = Image.new("RGBA", (1600, 900), (200, 30, 30, 120))
    picture = kept(png(large), CAMERA)
    assert (picture.width, picture.height) == (640, 360)
    assert Image.open(io.BytesIO(picture.jpeg)).format == "JPEG"
    assert kept(png(Image.new("I;16", (40, 30))), CAMERA).width == 40


@pytest.mark.parametrize(("raw", "reason"), [
    (b"", "kind"), (b"<html>404</html>", "kind"), (part_picture(1, 1)[:9000], "broken"), (b"GIF89a" + bytes(50), "kind"),
    (part_picture(1, 1) + bytes(8_000_000), "too_large"), (png(Image.new("L", (12_000, 5_000))), "too_large"),
    (png(Image.effect_noise((200, 100), 50))[:2000], "broken"),
], ids=("empty", "html", "cut", "gif", "bytes", "pixels", "cut-png"))
def test_what_is_no_picture_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(NoPicture) as caught:
        kept(raw, CAMERA)
    assert caught.value.reason == reason


def test_another_shape_is_not_compared_and_one_colour_does_no_harm() -> None:
    with pytest.raises(NoPicture) as caught:
        reference()[0].compare(kept(png(Image.new("L", (300, 300))), CAMERA).jpeg)
    assert caught.value.reason == "not_compared"
    plain = [kept(png(Image.new("L", (320, 240), 100)), CAMERA).jpeg] * 10
    found, seen = learn(plain, Comparing())
    assert max(one.value for one in seen) < 0.1
    assert found.compare(kept(png(Image.new("L", (320, 240), 101)), CAMERA).jpeg) == Difference(0.0, 0.0, None)
    with pytest.raises(ConfigError, match="of one shape"):
        learn([kept(png(Image.new("L", (300, 300))), CAMERA).jpeg, *plain], Comparing())


def test_without_opencv_a_plain_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "can_compare", lambda: False)
    with pytest.raises(ConfigError, match="needs OpenCV"):
        learn([jpeg(1)], Comparing())


def test_a_region_has_a_centre() -> None:
    assert Region(10, 20, 5, 8).centre == (12, 24)
