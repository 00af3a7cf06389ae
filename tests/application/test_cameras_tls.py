"""A camera over https: whose certificate is not trusted is not asked, whatever else is right; nothing is sent elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from application.cameras import Cameras
from domain.camera import Camera, NoPicture
from simulator.part_picture import part_picture
from tests.application.camera_server import CameraServer, camera_server
from tests.application.certificates import Made, make
from tests.conftest import FakeClock

PICTURE = part_picture(1, 1)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("ca"), "authority", authority=True)


def camera(still: CameraServer, ca_file: Path | None = None) -> Camera:
    url = f"https://127.0.0.1:{still.port}/snap.jpg"
    return Camera("cell", url=url, user="eye", password="pw", ca_file=None if ca_file is None else str(ca_file))


async def why_not(asked: Camera) -> NoPicture:
    with pytest.raises(NoPicture) as caught:
        await Cameras(FakeClock()).tried(asked)
    return caught.value


async def test_a_certificate_is_trusted_by_its_authority_or_by_itself(authority: Made, tmp_path: Path) -> None:
    signed = make(tmp_path, "camera", by=authority)
    async with camera_server(signed.server) as still:
        still.show(PICTURE)
        unknown = await why_not(camera(still))
        assert (unknown.reason, still.asked) == ("certificate", []), "neither request nor password went out"
        assert "certificate" in unknown.detail
        for ca_file in (authority.public, signed.public):
            shot = await Cameras(FakeClock()).tried(camera(still, ca_file))
            assert (shot.picture.width, shot.size_bytes) == (640, len(PICTURE))
        assert "authorization: basic" in still.asked[-1].lower()
    alone = make(tmp_path, "alone")
    async with camera_server(alone.server) as still:
        still.show(PICTURE)
        assert (await why_not(camera(still, authority.public))).reason == "certificate"
        await Cameras(FakeClock()).tried(camera(still, alone.public))
        assert len(still.asked) == 1


@pytest.mark.parametrize(("host", "days", "said"), [("10.0.0.9", 2, "mismatch"), ("127.0.0.1", -1, "expired")])
async def test_a_certificate_of_another_address_or_past_its_end_is_refused(
    authority: Made, tmp_path: Path, host: str, days: int, said: str
) -> None:
    async with camera_server(make(tmp_path, "camera", by=authority, host=host, days=days).server) as still:
        still.show(PICTURE)
        found = await why_not(camera(still, authority.public))
        assert (found.reason, still.asked) == ("certificate", [])
        assert said in found.detail


async def test_an_own_authority_comes_beside_those_of_the_system(
    authority: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.public))  # what the system trusts
    other = make(tmp_path, "other", authority=True)
    async with camera_server(make(tmp_path, "camera", by=authority).server) as still:
        still.show(PICTURE)
        await Cameras(FakeClock()).tried(camera(still, other.public))
        assert len(still.asked) == 1


async def test_a_file_that_holds_no_certificate_is_told_by_its_name(authority: Made, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    async with camera_server(make(tmp_path, "camera", by=authority).server) as still:
        missing = await why_not(camera(still, wrong))
        wrong.write_text("no certificate")
        empty = await why_not(camera(still, wrong))
        assert [missing.reason, empty.reason, still.asked] == ["certificate", "certificate", []]
        assert "wrong.pem: No such file" in missing.detail
        assert "wrong.pem: it holds no certificate" in empty.detail


async def test_a_redirect_is_not_followed_and_told(authority: Made, tmp_path: Path) -> None:
    async with camera_server() as elsewhere, camera_server(make(tmp_path, "camera", by=authority).server) as still:
        still.show(b"", "302 Found", "text/plain", f"Location: http://127.0.0.1:{elsewhere.port}/snap.jpg")
        found = await why_not(camera(still, authority.public))
        assert (found.reason, len(still.asked), elsewhere.asked) == ("refused", 1, [])
        assert "another address" in found.detail
