"""Pictures of items from a folder and from a camera over HTTP: taken in time, or the item goes without and it is told why."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import application.cameras
from analysis.inspection.inspector import ActiveModel, Cycle, Seen
from analysis.inspection.learning import learned
from analysis.inspection.models import judge
from analysis.inspection.pictures import kept
from application.cameras import Cameras
from domain.camera import Camera, Comparing
from domain.inspection import Outcome
from simulator.part_picture import part_picture
from tests.application.camera_server import CameraServer, camera_server
from tests.conftest import FakeClock

PICTURE = part_picture(1, 1)
OPENED_US, CLOSED_US = 1_000_000_000, 1_060_000_000


@pytest.fixture
async def still() -> AsyncIterator[CameraServer]:
    async with camera_server() as camera:
        camera.show(PICTURE)
        yield camera


async def look(camera: Camera, model: ActiveModel | None = None, cameras: Cameras | None = None, wait_s: float = 20.0) -> Seen:
    eyes = cameras or Cameras(FakeClock())
    try:
        return await eyes.look(camera, Cycle(OPENED_US, CLOSED_US, time.monotonic() + wait_s), model)
    finally:
        await eyes.close()


def put(folder: Path, name: str, time_us: int, content: bytes = PICTURE) -> None:
    (folder / name).write_bytes(content)
    os.utime(folder / name, ns=(time_us * 1000, time_us * 1000))


async def test_the_newest_file_of_the_cycle_is_the_picture(tmp_path: Path) -> None:
    small = part_picture(1, 2)
    put(tmp_path, "before.jpg", OPENED_US)
    put(tmp_path, "first.jpg", OPENED_US + 1, b"is not looked at")
    put(tmp_path, "last.JPG", CLOSED_US, small)
    put(tmp_path, "after.jpg", CLOSED_US + 1)
    put(tmp_path, "last.txt", CLOSED_US, b"is not looked at")
    (tmp_path / "folder.jpg").mkdir()
    seen = await look(Camera("cell", str(tmp_path)))
    assert seen.picture is not None
    assert (seen.picture.jpeg, seen.missing) == (kept(small, Camera("cell")).jpeg, "")
    after = await look(Camera("cell", str(tmp_path), late_s=0.5))
    assert after.picture is not None
    assert after.picture.jpeg == kept(PICTURE, Camera("cell")).jpeg, "of a camera that writes after the trigger"
    named = await look(Camera("cell", str(tmp_path), late_s=0.5, pattern="LAST*"))
    assert named.picture is not None
    assert named.picture.jpeg == seen.picture.jpeg


async def test_a_file_that_comes_while_it_is_waited_for(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", CLOSED_US, PICTURE[:5000])  # still being written
    waiting = asyncio.create_task(look(Camera("cell", str(tmp_path))))
    await asyncio.sleep(0)
    put(tmp_path, "a.jpg", CLOSED_US)
    seen = await waiting
    assert seen.picture is not None
    assert seen.missing == ""


@pytest.mark.parametrize(("content", "reason"), [
    (None, "none"), (PICTURE[:5000], "broken"), (b"no picture", "kind"), (PICTURE + bytes(2_000_000), "too_large"),
], ids=("none", "broken", "kind", "too_large"))
async def test_a_folder_without_a_usable_picture_says_why(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        put(tmp_path, "a.jpg", CLOSED_US, content)
    cameras = Cameras(FakeClock())
    seen = await look(Camera("cell", str(tmp_path), largest_bytes=1_000_000), cameras=cameras, wait_s=0.3)
    assert (seen.picture, seen.missing) == (None, reason)
    (status,) = cameras.statuses()
    assert (status.taken, status.missing, status.source) == (0, {reason: 1}, str(tmp_path))
    assert status.last_error


async def test_a_folder_that_is_not_there_is_told_at_once() -> None:
    assert (await look(Camera("cell", "/is/not/there"))).missing == "unreachable"


async def test_a_share_that_hangs_blocks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()

    def hanging(*_: object) -> bytes:
        hang.wait(60)
        return PICTURE

    monkeypatch.setattr(application.cameras, "newest", hanging)
    cameras, camera = Cameras(FakeClock()), Camera("cell", str(tmp_path))
    assert (await look(camera, cameras=cameras, wait_s=0.05)).missing == "late"
    assert (await look(camera, cameras=cameras)).missing == "busy", "one thread hangs, not one an item"
    hang.set()
    assert cameras.statuses()[0].missing == {"late": 1, "busy": 1}


async def test_a_still_over_http_is_asked_once_an_item_over_one_connection(still: CameraServer) -> None:
    cameras, camera = Cameras(FakeClock()), Camera("cell", url=f"http://localhost:{still.port}/snap.jpg?ch=1")
    for _ in range(2):
        cycle = Cycle(OPENED_US, CLOSED_US, time.monotonic() + 20)
        seen = await cameras.look(camera, cycle, None)
        assert seen.picture is not None
        assert seen.picture.jpeg == kept(PICTURE, camera).jpeg
    await cameras.close()
    assert (len(still.asked), still.connections) == (2, 1)
    assert still.asked[0].startswith("GET /snap.jpg?ch=1 HTTP/1.1")
    assert f"host: localhost:{still.port}" in still.asked[0].lower()
    (status,) = cameras.statuses()
    assert (status.taken, status.missing, status.source) == (2, {}, f"http://localhost:{still.port}/snap.jpg")


async def test_user_and_password_are_given_as_the_camera_wants(still: CameraServer) -> None:
    url = f"http://127.0.0.1:{still.port}/a"
    assert (await look(Camera("cell", url=url, user="eye", password="pw"))).missing == ""
    assert base64.b64encode(b"eye:pw").decode() in still.asked[-1]
    still.show(b"", "401 Unauthorized", "text/plain", 'WWW-Authenticate: Digest realm="c", nonce="n", qop="auth"')
    cameras = Cameras(FakeClock())
    assert (await look(Camera("cell", url=url, user="eye", password="pw", auth="digest"), cameras=cameras)).missing == "refused"
    assert "user or password" in str(cameras.statuses()[0].last_error)
    assert 'Digest username="eye"' in still.asked[-1]
    assert "pw" not in still.asked[-1].replace("password", "")


@pytest.mark.parametrize("case", ["refused", "too_large", "announced", "kind", "broken", "late", "redirect", "closed"])
async def test_a_camera_that_answers_badly_says_why(still: CameraServer, case: str) -> None:
    url = f"http://127.0.0.1:{still.port}/a"
    camera, expected, wait_s = Camera("cell", url=url, largest_bytes=100_000), case, 20.0
    if case == "refused":
        still.show(b"no", "503 Busy")
    elif case == "too_large":
        still.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + bytes(0x8000) + b"\r\n") * 9
    elif case == "announced":
        still.answer, expected = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "too_large"
    elif case == "kind":
        still.show(b"<html>login</html>", kind="text/html")
    elif case == "broken":
        still.show(PICTURE[:5000])
    elif case == "late":
        still.answer, wait_s = PICTURE and b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\nbegins", 0.2
    elif case == "redirect":
        still.show(b"", "302 Found", "text/plain", f"Location: {url}")
        expected = "refused"
    else:
        still.answer, expected = b"nonsense\r\n\r\n", "unreachable"
    assert (await look(camera, wait_s=wait_s)).missing == expected


async def test_no_camera_is_asked_at_a_port_of_this_program_nor_at_a_link_local_address(still: CameraServer) -> None:
    own = Cameras(FakeClock(), frozenset({still.port}))
    assert (await look(Camera("cell", url=f"http://localhost:{still.port}/a"), cameras=own)).missing == "address"
    assert (await look(Camera("cell", url="http://169.254.169.254/latest"))).missing == "address"
    assert (await look(Camera("cell", url="http://no-such-host.invalid/a"))).missing == "unreachable"
    assert still.asked == []


async def test_a_picture_is_compared_with_what_the_model_has_learned(still: CameraServer, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = Camera("cell", url=f"http://127.0.0.1:{still.port}/a")
    jpegs = [kept(part_picture(1, n), camera).jpeg for n in range(10)]
    model = ActiveModel("limits 1", learned("limits", [{"load.max": 40.0 + n} for n in range(10)], jpegs, Comparing(size_px=128)))
    good = await look(camera, model)
    assert good.picture is not None
    assert good.picture.region is None
    assert judge(model.document, {"load.max": 42.0, **good.features})[0] is Outcome.GOOD
    still.show(part_picture(1, 500, "bore"))
    bad = await look(camera, model)
    assert bad.picture is not None
    assert bad.picture.region is not None
    outcome, _, reasons = judge(model.document, {"load.max": 42.0, **bad.features})
    assert (outcome, reasons[0].feature) == (Outcome.REJECT, "picture_difference")
    assert judge(model.document, {"load.max": 42.0})[0] is Outcome.GOOD, "without a picture the rest is judged"
    assert judge(model.document, {"load.max": 90.0})[0] is Outcome.REJECT
    monkeypatch.setattr(application.cameras, "can_compare", lambda: False)
    cameras = Cameras(FakeClock())
    plain = await look(camera, model, cameras)
    assert plain.picture is not None
    assert (plain.features, plain.missing, cameras.statuses()[0].compares) == ({}, "not_compared", False)
    assert "OpenCV is not installed" in str(cameras.statuses()[0].last_error)
