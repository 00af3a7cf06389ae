"""Asking devices of the plant, or drafted ones: reading once, scanning, browsing, a picture by a camera. Nothing is stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from config.camera_entries import camera_and_password, with_camera
from config.plant_file import plant_from_document
from config.profile_catalog import ProfileCatalog
from config.stored_plant import Apply, StoredPlant
from domain.access import Actor, Role
from domain.browse import BrowsedNode
from domain.camera import Camera, NoPicture, Shot
from domain.commissioning import Found, ReadNow, ScanStep
from domain.errors import Conflict, NotFound
from domain.plant import Device, Line, Plant
from domain.plant_secrets import secret_name
from domain.ports import Clock
from domain.profile import Profile
from domain.stores import AuditStore, PlantStore

Reader = Callable[[Device, Line], Awaitable[ReadNow]]
Browser = Callable[[Line, str | None], Awaitable[Sequence[BrowsedNode]]]
Surveyor = Callable[[Line], Awaitable[Sequence[Found] | None]]
Photographer = Callable[[Camera, Line], Awaitable[Shot]]
Scanner = Callable[[Plant, Line, Sequence[int], Sequence[Profile]], AsyncIterator[ScanStep]]


@dataclass(frozen=True, slots=True)
class Field:
    """Who asks: `reader` reads a device once on its line; `scanner` asks addresses of a line; `browser` looks into a server's
    tree; `surveyor` tells what is on a line whose devices have no numbers; `photographer` takes a picture by a camera whose
    device is on that line. Where there is none, nobody answers.
    """

    reader: Reader
    scanner: Scanner | None = None
    browser: Browser | None = None
    surveyor: Surveyor | None = None
    photographer: Photographer | None = None


class AskedPlant(StoredPlant):
    """The stored plant whose devices can be asked."""

    def __init__(
        self, store: PlantStore, audit: AuditStore, catalog: ProfileCatalog, clock: Clock, environ: Mapping[str, str],
        apply: Apply, field: Field,
    ) -> None:
        super().__init__(store, audit, catalog, clock, environ, apply)
        self._field = field

    async def read_now(
        self, device: Mapping[str, object], actor: Actor, line: Mapping[str, object] | None = None,
        profile: Profile | None = None,
    ) -> ReadNow:
        """Read a device, saved or drafted, once; on `line` and by `profile` where they are only drafted too.

        Raises ConfigError that names the field, Forbidden.
        """
        await self._need(actor, Role.ADMIN, "read_now", str(device.get("id", "")))
        draft = dict(device)
        password = draft.pop("password", None)
        draft.setdefault("id", "draft")
        document = self._with_line(line)
        site = {name: value for name, value in document["site"].items() if name != "main_meter"}
        alone = {name: value for name, value in draft.items() if name not in {"fed_by", "feeds"}}
        document = {"site": site, "lines": document.get("lines", []), "devices": [alone]}  # nothing else matters to a read
        secrets = {**await self._secrets(self._document), **secret_of("line", line or {})}
        if password:
            secrets[f"device:{draft['id']}"] = str(password)
        catalog = self._catalog if profile is None else self._catalog.including(profile)
        plant = plant_from_document(document, catalog=catalog, environ=self._environ, secrets=secrets)
        found = plant.device(str(draft["id"]))
        return await self._field.reader(found, plant.line(found.line))

    async def scan(
        self, line: str | Mapping[str, object], addresses: Sequence[int], actor: Actor
    ) -> AsyncIterator[ScanStep]:
        """Which of the addresses answer on a line of the plant (its id) or a drafted one, one step an address and protocol.

        Nothing is stored. Raises ConfigError that names the field, NotFound, LineDown, Forbidden (below admin).
        """
        wanted = line if isinstance(line, str) else str(line.get("id", ""))
        await self._need(actor, Role.ADMIN, "scan", wanted)
        plant, found = await self._line_of(line)
        if self._field.scanner is not None:
            async for step in self._field.scanner(plant, found, addresses, self.profiles()):
                yield step

    async def browse(
        self, line: str | Mapping[str, object], parent: str | None, actor: Actor
    ) -> Sequence[BrowsedNode]:
        """What lies below a node of the server (None: its top) of a line of the plant (its id) or a drafted one.

        Raises NotFound, ConfigError (the line has no tree), LineDown, DeviceRefused, Forbidden (below admin).
        """
        await self._need(actor, Role.ADMIN, "browse", line if isinstance(line, str) else str(line.get("id", "")))
        _plant, found = await self._line_of(line)
        return () if self._field.browser is None else await self._field.browser(found, parent)

    async def survey(self, line: str | Mapping[str, object], actor: Actor) -> Sequence[Found] | None:
        """What is on a line whose devices have no numbers, of the plant (its id) or drafted; None where that cannot be told.

        Takes some seconds. Only reads. Raises NotFound, ConfigError, LineDown, DeviceUnreachable, Forbidden (below admin).
        """
        await self._need(actor, Role.ADMIN, "survey", line if isinstance(line, str) else str(line.get("id", "")))
        _plant, found = await self._line_of(line)
        return None if self._field.surveyor is None else await self._field.surveyor(found)

    async def try_camera(self, entry: Mapping[str, object], actor: Actor, *, new: bool) -> Shot:
        """A picture now, by a camera of the plant or a drafted one; nothing is stored.

        Raises ConfigError that names the field, NoPicture, Forbidden (below admin), Conflict (its collector is away).
        """
        plain, password = camera_and_password(entry)
        device_id = str(plain.get("device", ""))
        await self._need(actor, Role.ADMIN, "try_camera", device_id)
        typed = {secret_name("camera", device_id): password or ""} if new or password is not None else {}
        plant = await self._drafted(with_camera(self._document, plain), typed)
        camera = next(camera for camera in plant.cameras if camera.device_id == device_id)
        if self._field.photographer is None:
            raise NoPicture("unreachable", "nobody takes pictures here")
        return await self._field.photographer(camera, plant.line(plant.device(device_id).line))

    async def check_line(self, line: Mapping[str, object], actor: Actor) -> Line:
        """A new line as it would be saved; nothing is stored. Raises ConfigError that names the field, Conflict, Forbidden."""
        line_id = str(line.get("id", ""))
        await self._need(actor, Role.ADMIN, "line", line_id)
        if any(known.get("id") == line_id for known in self._document.get("lines") or []):
            raise Conflict(f"line {line_id!r} exists already")
        return (await self._drafted(self._with_line(line), secret_of("line", line))).line(line_id)

    async def _line_of(self, line: str | Mapping[str, object]) -> tuple[Plant, Line]:
        """A line of the plant by its id, or a drafted one, with the plant that holds it. Raises ConfigError, NotFound."""
        plant = self.plant if isinstance(line, str) else await self._drafted(self._with_line(line), secret_of("line", line))
        wanted = line if isinstance(line, str) else str(line.get("id", ""))
        found = next((known for known in plant.lines if known.id == wanted), None)
        if found is None:
            raise NotFound("line", wanted, tuple(known.id for known in plant.lines[:5]))
        return plant, found


def secret_of(kind: str, entry: Mapping[str, object]) -> dict[str, str]:
    """The password among an entry's fields under the name it is stored by."""
    return {f"{kind}:{entry.get('id')}": str(entry["password"])} if entry.get("password") else {}
