"""PlantHistory: the kept versions of the configuration, what each changed, and the way back to one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

from config.plant_admin import PlantAdmin
from config.plant_diff import plant_changes, yaml_changes
from config.plant_file import dump_plant
from domain.access import Actor, Role
from domain.errors import Conflict, Forbidden, NotFound
from domain.plant_version import PlantDiff, PlantVersion, PlantVersionStore, VersionChanges, VersionFile

LARGEST_PAGE = 50  # versions at once: each is a whole document


class PlantHistory:
    """Implements web_interface.services.PlantHistoryService. Comparing is done on a thread: documents may be long."""

    def __init__(self, admin: PlantAdmin, store: PlantVersionStore) -> None:
        self._admin, self._store = admin, store

    async def versions(self, actor: Actor, limit: int = 25, before: int | None = None) -> Sequence[VersionChanges]:
        """Newest first, each with what it changed. Raises Forbidden (below engineer)."""
        _may_look(actor)
        found = await self._store.versions(min(limit, LARGEST_PAGE) + 1, before)  # with the one they are compared with
        documents = [await self._document(version.number) for version in found]
        shown = found[: min(limit, LARGEST_PAGE)]
        return await asyncio.to_thread(_each_against_the_next, shown, documents)

    async def running(self) -> int:
        """Number of the version that runs; 0 when there is no plant yet."""
        return await self._store.version()

    async def version(self, number: int, actor: Actor) -> VersionFile:
        """One version as a plant file. Raises NotFound, Forbidden."""
        _may_look(actor)
        version, document = await self._found(number)
        return VersionFile(version, await asyncio.to_thread(dump_plant, document))

    async def step(self, number: int, actor: Actor) -> PlantDiff | None:
        """What a version changed of the one before; None when that one is not kept. Raises NotFound, Forbidden."""
        _may_look(actor)
        _version, document = await self._found(number)
        earlier = await self._store.versions(1, number)
        if not earlier:
            return None
        _before, old = await self._found(earlier[0].number)
        return await self._diff(old, document)

    async def way_back(self, number: int, actor: Actor) -> PlantDiff:
        """What rolling back to the version would change of what runs. Raises NotFound, Forbidden."""
        _may_look(actor)
        _version, document = await self._found(number)
        return await self._diff(self._admin.document, document)

    async def preview(self, text: str, actor: Actor) -> PlantDiff:
        """What importing the plant file would change; nothing is stored. Raises PlantFileError, Forbidden (below admin)."""
        return await self._diff(self._admin.document, await self._admin.draft_yaml(text, actor))

    async def roll_back(self, number: int, actor: Actor, known: int | None = None) -> int:
        """The version becomes the newest one, and runs; its number. `known`: the version the user was shown as running.

        Raises PlantFileError when it does not validate today (a profile that is gone), NotFound, Forbidden (below admin),
        Conflict (it is what runs, or `known` no longer is).
        """
        await self._admin.need_admin(actor, f"rollback {number}")
        _version, document = await self._found(number)
        if document == _plain(self._admin.document):
            raise Conflict(f"version {number} is what runs already")
        await self._admin.replace(document, actor, "plant_rollback", f"version {number}", known)
        return await self._store.version()

    async def _document(self, number: int) -> Mapping[str, object]:
        found = await self._store.document(number)
        return {} if found is None else found[1]

    async def _found(self, number: int) -> tuple[PlantVersion, Mapping[str, object]]:
        found = await self._store.document(number)
        if found is None:
            newest = await self._store.versions(5)
            raise NotFound("version", str(number), tuple(str(version.number) for version in newest))
        return found

    async def _diff(self, old: Mapping[str, object], new: Mapping[str, object]) -> PlantDiff:
        base = await self._store.version()
        return await asyncio.to_thread(_compared, base, old, new)


def _compared(base: int, old: Mapping[str, object], new: Mapping[str, object]) -> PlantDiff:
    before, after = _plain(old), _plain(new)
    return PlantDiff(base, plant_changes(before, after), yaml_changes(before, after))


def _plain(document: Mapping[str, object]) -> dict[str, object]:
    """As it is once stored: a fresh plant file has keys that are numbers, which a stored one spells as text."""
    plain: dict[str, object] = json.loads(json.dumps(document))
    return plain


def _each_against_the_next(
    shown: Sequence[PlantVersion], documents: Sequence[Mapping[str, object]]
) -> Sequence[VersionChanges]:
    return [
        VersionChanges(version, plant_changes(documents[i + 1], documents[i]) if i + 1 < len(documents) else None)
        for i, version in enumerate(shown)
    ]


def _may_look(actor: Actor) -> None:
    if not actor.role.allows(Role.ENGINEER):
        raise Forbidden("the history of the configuration needs the role engineer")
