"""Cameras at work: the picture of an item is taken, made small and compared, away from the event loop and before its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

from analysis.inspection.inspector import ActiveModel, Cycle, Seen
from analysis.inspection.models import PICTURE
from analysis.inspection.pictures import Reference, can_compare, kept
from data_collection.cameras.folder import content, newest, newest_file
from domain.address import OwnPorts
from domain.camera import Camera, CameraStatus, ItemPicture, NoPicture, Shot
from domain.plant import Plant
from domain.ports import Clock

if TYPE_CHECKING:
    from data_collection.cameras.still import HttpStill

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
AGAIN_S: Final = 0.03  # a folder is looked into again until the picture is there and whole
TRY_WITHIN_S: Final = 10.0
TRIED_PX: Final = 640  # longest side of a picture that is only tried: it travels to the page
EVER_US: Final = 2**62


class Cameras:
    """Implements analysis.inspection.inspector.Look with one `Eye` a camera; a camera that changed gets a new one."""

    def __init__(self, clock: Clock, own_ports: OwnPorts = frozenset()) -> None:
        self._clock, self._own_ports = clock, own_ports
        self._eyes: dict[str, Eye] = {}
        self._trying: dict[str, asyncio.Future[Any]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def apply(self, plant: Plant) -> None:
        """Let go of the cameras that are gone."""
        kept_ids = {camera.device_id for camera in plant.cameras}
        for device_id in [known for known in self._eyes if known not in kept_ids]:
            task = asyncio.get_running_loop().create_task(self._eyes.pop(device_id).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def tried(self, camera: Camera, within_s: float = TRY_WITHIN_S) -> Shot:
        """A picture now, beside those of items: of a folder the newest whatever its age. Raises NoPicture."""
        working = self._trying.get(camera.device_id)
        if working is not None and not working.done():
            raise NoPicture("busy", "the picture before is still in work")
        small = replace(camera, keep_px=min(camera.keep_px, TRIED_PX))
        try:
            async with asyncio.timeout(within_s):
                return await (self._tried_file(small) if camera.folder is not None else self._tried_still(small))
        except TimeoutError:
            raise NoPicture("late", f"no picture within {within_s:g} s") from None

    async def _tried_file(self, camera: Camera) -> Shot:
        began = time.monotonic()

        def look() -> Shot:
            file = newest_file(camera, -EVER_US, EVER_US)
            raw = content(camera, file)
            return Shot(kept(raw, camera), file.path.name, file.time_us, len(raw), time.monotonic() - began)

        working = self._trying[camera.device_id] = _on_thread(look, f"try camera {camera.device_id}")
        return await asyncio.shield(working)

    async def _tried_still(self, camera: Camera) -> Shot:
        from data_collection.cameras.still import HttpStill  # noqa: PLC0415 (with the first camera that needs it)

        began, still = time.monotonic(), HttpStill(camera, self._own_ports)
        try:
            raw = await still.fetch()
            took_s, now_us = time.monotonic() - began, self._clock.now_us()
            return Shot(await asyncio.to_thread(kept, raw, camera), "", now_us, len(raw), took_s)
        finally:
            await still.close()

    async def look(self, camera: Camera, cycle: Cycle, model: ActiveModel | None) -> Seen:
        """See Look."""
        return await (await self._eye(camera)).look(cycle, model)

    def statuses(self) -> Sequence[CameraStatus]:
        """Of those that were asked for a picture."""
        return [eye.status() for eye in self._eyes.values()]

    async def close(self) -> None:
        """End the connections."""
        for eye in self._eyes.values():
            await eye.close()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _eye(self, camera: Camera) -> Eye:
        eye = self._eyes.get(camera.device_id)
        if eye is None or eye.camera != camera:
            old, eye = eye, Eye(camera, self._clock, self._own_ports)
            self._eyes[camera.device_id] = eye
            if old is not None:
                await old.close()
        return eye


class Eye:
    """One camera. While the picture before is still in work (a share that hangs), the next item goes without."""

    def __init__(self, camera: Camera, clock: Clock, own_ports: OwnPorts) -> None:
        self.camera, self._clock, self._own_ports = camera, clock, own_ports
        self._still: HttpStill | None = None
        self._working: asyncio.Future[Any] | None = None
        self._reference: tuple[str, Reference] | None = None  # of the model that judged last
        self._missing: Counter[str] = Counter()
        self._taken = 0
        self._last_us: int | None = None
        self._last_error: str | None = None

    def status(self) -> CameraStatus:
        """Since the start."""
        parts = urlsplit(self.camera.url or "")
        source = self.camera.folder or f"{parts.scheme}://{parts.netloc}{parts.path}"
        return CameraStatus(
            self.camera.device_id, source, self._taken, dict(self._missing), self._last_us, self._last_error, can_compare()
        )

    async def look(self, cycle: Cycle, model: ActiveModel | None) -> Seen:
        """See Look."""
        reference = model.document.get(PICTURE) if model is not None else None
        try:
            seen = await self._seen(cycle, model.name if model is not None else "", reference)
        except NoPicture as exc:
            seen = Seen(missing=exc.reason)
            self._last_error = exc.detail or exc.reason
        if seen.missing:
            self._missing[seen.missing] += 1
        if seen.picture is not None:
            self._taken += 1
            self._last_us = self._clock.now_us()
        return seen

    async def close(self) -> None:
        """End the connection."""
        if self._still is not None:
            await self._still.close()

    async def _seen(self, cycle: Cycle, model: str, reference: Mapping[str, Any] | None) -> Seen:
        if self._working is not None and not self._working.done():
            raise NoPicture("busy", "the picture before is still in work")
        why = NoPicture("late", "no picture before the deadline")
        loop = asyncio.get_running_loop()
        picture: ItemPicture | None = None
        try:
            async with asyncio.timeout_at(loop.time() + cycle.deadline_s - time.monotonic()):
                while picture is None:
                    try:
                        picture = await self._taken_picture(cycle)
                    except NoPicture as exc:
                        if self.camera.folder is None or exc.reason not in {"none", "broken", "kind"}:
                            raise
                        why = exc  # not written yet, or not whole
                        await asyncio.sleep(AGAIN_S)
                if reference is None:
                    return Seen(picture)
                return await self._in_thread(self._compared, picture, model, reference)
        except TimeoutError:
            if picture is not None:
                return Seen(picture, missing="late")
            raise why from None

    async def _taken_picture(self, cycle: Cycle) -> ItemPicture:
        """Raises NoPicture."""
        late_us = round(self.camera.late_s * 1e6)
        if self.camera.folder is not None:
            return await self._in_thread(self._from_folder, cycle.opened_us + late_us, cycle.closed_us + late_us)
        if self._still is None:
            from data_collection.cameras.still import HttpStill  # noqa: PLC0415 (with the first camera that needs it)

            self._still = HttpStill(self.camera, self._own_ports)
        if self.camera.late_s:
            await asyncio.sleep(self.camera.late_s)
        return await self._in_thread(kept, await self._still.fetch(), self.camera)

    def _from_folder(self, opened_us: int, closed_us: int) -> ItemPicture:
        return kept(newest(self.camera, opened_us, closed_us), self.camera)

    def _compared(self, picture: ItemPicture, model: str, document: Mapping[str, Any]) -> Seen:
        if not can_compare():
            self._last_error = "OpenCV is not installed: pictures are kept and not compared"
            return Seen(picture, missing="not_compared")
        if self._reference is None or self._reference[0] != model:
            self._reference = model, Reference.of(document)
        try:
            found = self._reference[1].compare(picture.jpeg)
        except NoPicture as exc:
            self._last_error = exc.detail
            return Seen(picture, missing=exc.reason)
        return Seen(replace(picture, region=found.region), found.features())

    async def _in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """On a thread that holds up no ending of the program; what outlives its deadline keeps the eye busy."""
        working = _on_thread(lambda: function(*args, **kwargs), f"camera {self.camera.device_id}")
        self._working = working
        return await asyncio.shield(working)


def _on_thread(function: Callable[[], R], name: str) -> asyncio.Future[R]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may be waiting any more

    def work() -> None:
        try:
            result = function()
        except Exception as exc:  # noqa: BLE001 - it is raised where it is awaited
            _tell(loop, future.set_exception, exc)
        else:
            _tell(loop, future.set_result, result)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future


def _tell(loop: asyncio.AbstractEventLoop, told: Callable[[Any], None], value: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(told, value)
