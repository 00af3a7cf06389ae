"""The stored document of the plant and what runs by it: read, checked as a whole, kept, told to those who live by it.

A change is made on a copy of the stored document, validated as a whole plant file would be, stored, written to the audit and
only then handed on. A change that does not validate leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from config import plant_detectors
from config.commissioning import Change
from config.plant_file import PlantFileError, plant_from_document
from config.plant_money import MONEY_SECTIONS
from config.profile_catalog import ProfileCatalog
from domain.access import Actor, Role
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.plant import Plant, Tag
from domain.plant_changes import alike
from domain.plant_secrets import secret_names
from domain.plant_version import Authorship
from domain.ports import Clock
from domain.profile import Profile
from domain.stores import AuditStore, PlantStore

log = logging.getLogger(__name__)

Document = dict[str, Any]
Apply = Callable[[Plant, Sequence[Tag]], None]
# Sections that are edited as a whole, and who may: the site's name, zone and meter are the administrator's.
WHOLE: Mapping[str, Role] = {
    **dict.fromkeys(("shifts", "calendar", "plans", "alignments", *MONEY_SECTIONS), Role.ENGINEER), "site": Role.ADMIN,
}  # fmt: skip
EMPTY: Document = {"site": {"name": "Energy Monitoring"}, "shifts": [], "lines": [], "devices": [], "machines": [], "limits": []}


class StoredPlant:
    """The document and the plant that runs by it. `apply` brings a new plant to life."""

    def __init__(
        self, store: PlantStore, audit: AuditStore, catalog: ProfileCatalog, clock: Clock, environ: Mapping[str, str],
        apply: Apply,
    ) -> None:
        self._store, self._audit, self._catalog, self._clock, self._environ = store, audit, catalog, clock, environ
        self._apply = apply
        self._document: Document = copy.deepcopy(EMPTY)
        self._plant: Plant | None = None
        self._lock = asyncio.Lock()

    # -- what runs -----------------------------------------------------------------------------------------------

    async def load(self) -> bool:
        """Read the stored plant and apply it; False when there is none yet. Raises ConfigError if it no longer validates."""
        stored = await self._store.load()
        document = self._document if stored is None else copy.deepcopy(dict(stored))
        secrets = await self._secrets(document)
        plant = plant_from_document(document, catalog=self._catalog, environ=self._environ, secrets=secrets)
        self._document, self._plant = document, plant
        self._apply(plant, await self._store.tags())
        return stored is not None

    async def watch(self, period_s: float = 3.0) -> None:
        """Take over what a command changed beside us; an invalid plant is logged and the last good one runs on."""
        refused: object = None
        looked_at = -1
        while True:
            await self._clock.sleep(period_s)
            async with self._lock:
                version = await self._store.version()
                if version == looked_at:  # the document of a large plant has megabytes
                    continue
                stored, looked_at = await self._store.load(), version
                if stored is None or stored in (self._document, refused):
                    continue
                try:
                    await self.load()
                except ConfigError as exc:
                    refused = stored
                    log.error("the stored plant does not validate, the last good one runs on: %s", exc)

    @property
    def plant(self) -> Plant:
        if self._plant is None:
            raise ConfigError("the plant has not been loaded yet")
        return self._plant

    @property
    def catalog(self) -> ProfileCatalog:
        """The profiles by which devices are read."""
        return self._catalog

    def profiles(self) -> Sequence[Profile]:
        return [self._catalog.get(name) for name in self._catalog.names()]

    @property
    def document(self) -> Mapping[str, object]:
        """What runs, as its document. Not to be changed."""
        return self._document

    def entry(self, section: str, entry_id: str) -> Mapping[str, object]:
        """The stored fields of one entry of `section` (lines, devices, machines, inspections), for its form; no secrets.

        Raises NotFound.
        """
        entries: list[Document] = self._document.get(section) or []
        what, key = ("camera", "device") if section == "inspections" else (section.removesuffix("s"), "id")
        for known in entries:
            if known.get(key) == entry_id:
                return copy.deepcopy(known)
        raise NotFound(what, entry_id, tuple(str(known.get(key)) for known in entries[:5]))

    def section(self, name: str) -> object:
        """The stored value of a section that is edited as a whole (`WHOLE`), a copy; None when it is not there."""
        if name not in WHOLE:
            raise NotFound("section", name, tuple(WHOLE))
        return copy.deepcopy(self._document.get(name))

    # -- who may -------------------------------------------------------------------------------------------------

    async def need_admin(self, actor: Actor, subject: str) -> None:
        """Raises Forbidden below admin; the refusal is in the audit."""
        await self._need(actor, Role.ADMIN, "plant", subject)

    async def _need(self, actor: Actor, role: Role, what: str, subject: str) -> None:
        if not actor.role.allows(role):
            now_us = self._clock.now_us()
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"{what} {subject}", result="failed")
            raise Forbidden(f"changing a {what} needs the role {role.value}")

    # -- drafting ------------------------------------------------------------------------------------------------

    def _with_line(self, line: Mapping[str, object] | None) -> Document:
        """A copy of the stored document, with `line` in place of the one with its id."""
        document = copy.deepcopy(self._document)
        if line is not None:
            others = [known for known in document.get("lines") or [] if known.get("id") != line.get("id")]
            document["lines"] = [*others, {name: value for name, value in line.items() if name != "password"}]
        return document

    async def _drafted(self, document: Document, typed: Mapping[str, str] | None = None) -> Plant:
        """`typed`: secrets that are not stored yet."""
        secrets = {**await self._secrets(document), **(typed or {})}
        return plant_from_document(document, catalog=self._catalog, environ=self._environ, secrets=secrets)

    async def _secrets(self, document: Document) -> Mapping[str, str]:
        return await self._store.secrets(set(secret_names(document)))

    # -- changing ------------------------------------------------------------------------------------------------

    async def _save_entry(
        self, section: str, what: str, entry: Mapping[str, object], actor: Actor, role: Role, *, new: bool, key: str = "id",
        known: Mapping[str, object] | None = None, password: str | None = None,
    ) -> None:
        """`known`: the entry as the user began to edit it; Conflict when it is another by now.

        `password`: a new one; empty removes it.
        """
        entry_id = str(entry.get(key, ""))
        await self._need(actor, role, what, entry_id)
        async with self._lock:
            document = copy.deepcopy(self._document)
            entries: list[Document] = document.setdefault(section, [])
            place = next((i for i, other in enumerate(entries) if other.get(key) == entry_id), None)
            if new and place is not None:
                raise Conflict(f"{what} {entry_id!r} exists already")
            if not new and place is None:
                raise NotFound(what, entry_id, tuple(str(other.get(key)) for other in entries[:5]))
            if place is not None and known is not None and not alike(entries[place], known):
                raise Conflict(f"{what} {entry_id!r} was changed by somebody else meanwhile: load it again")
            old = None if place is None else entries[place]
            if place is None:
                entries.append(dict(entry))
            else:
                entries[place] = dict(entry)
            changes = [Change(f"{what}_{'create' if new else 'update'}", entry_id, old, dict(entry))]
            if password is not None:  # the audit says that it changed, never to what
                changes.append(Change(f"{what}_password", entry_id, None, None))
            await self._commit_all(document, actor, changes, {} if password is None else {f"{what}:{entry_id}": password})

    async def _delete_entry(
        self, section: str, what: str, entry_id: str, actor: Actor, role: Role, *, key: str = "id"
    ) -> None:
        await self._need(actor, role, what, entry_id)
        async with self._lock:
            document = copy.deepcopy(self._document)
            entries: list[Document] = document.get(section, [])
            old = next((known for known in entries if known.get(key) == entry_id), None)
            if old is None:
                raise NotFound(what, entry_id, tuple(str(known.get(key)) for known in entries[:5]))
            entries.remove(old)
            if section == "machines":
                document = plant_detectors.with_rules(document, entry_id, {})
            try:
                await self._commit(document, actor, f"{what}_delete", entry_id, old, None)
            except PlantFileError as exc:  # what was right until now names what goes
                raise Conflict(f"{what} {entry_id!r} is needed by {_places(exc, document)}") from exc

    async def use_profiles(
        self, catalog: ProfileCatalog, actor: Actor, change: Change, keep: Callable[[], Awaitable[None]]
    ) -> None:
        """Read the devices by other profiles: `change` says of one what goes and what comes, `keep` writes its file.

        Checked with the whole plant first; then audit, file, tables, life. Raises ConfigError when the plant does not fit.
        """
        name = change.subject
        await self.need_admin(actor, f"profile {name}")
        async with self._lock:
            secrets = await self._secrets(self._document)
            plant = plant_from_document(self._document, catalog=catalog, environ=self._environ, secrets=secrets)
            now_us = self._clock.now_us()
            await self._audit.append(
                now_us, actor.name, actor.source, change.action, name, old=as_json(change.old), new=as_json(change.new)
            )
            await keep()
            self._catalog = catalog
            if any(device.profile.name == name for device in plant.devices):
                by = Authorship(now_us, actor.name, actor.source, change.action, name)
                tags = await self._store.save(self._document, plant, by)
                self._plant = plant
                self._apply(plant, tags)
            log.info("%s %s by %s", change.action, name, actor.name)

    async def _commit(
        self, document: Document, actor: Actor, action: str, subject: str, old: Document | None, new: Document | None
    ) -> None:
        await self._commit_all(document, actor, [Change(action, subject, old, new)], {})

    async def _commit_all(
        self, document: Document, actor: Actor, changes: Sequence[Change], passwords: Mapping[str, str]
    ) -> None:
        """Validate, audit, store, apply: in this order, so that nothing runs that is not stored, nothing stored unseen.

        `passwords` by the name of their secret (empty removes it): a device that joins must not be asked with another first.
        """
        known = {**await self._secrets(document), **passwords}
        secrets = {name: value for name, value in known.items() if value}
        plant = plant_from_document(document, catalog=self._catalog, environ=self._environ, secrets=secrets)
        now_us = self._clock.now_us()
        for c in changes:
            await self._audit.append(
                now_us, actor.name, actor.source, c.action, c.subject, old=as_json(c.old), new=as_json(c.new)
            )
        for name, value in passwords.items():
            await self._store.set_secret(name, value or None)
        lead = next((c for c in changes if c.action.startswith("device_")), changes[0])  # one version, named by its device
        tags = await self._store.save(document, plant, Authorship(now_us, actor.name, actor.source, lead.action, lead.subject))
        self._document, self._plant = document, plant
        self._apply(plant, tags)
        for c in changes:
            log.info("%s %s by %s", c.action, c.subject, actor.name)


def _places(exc: PlantFileError, document: Mapping[str, object]) -> str:
    """The entries that have problems, each as "alert_rules peak"; one without an id by its number."""
    found: dict[str, None] = {}
    for problem in exc.problems:
        section, *rest = problem.path
        entries = document.get(str(section))
        name = ""
        if rest and isinstance(rest[0], int) and isinstance(entries, list) and rest[0] < len(entries):
            entry = entries[rest[0]]
            keys = ("id", "tag", "device")
            known = next((entry[key] for key in keys if entry.get(key)), None) if isinstance(entry, Mapping) else None
            name = f" {known or rest[0] + 1}"
        found[f"{section}{name}"] = None
    return ", ".join(found)


def as_json(entry: Document | None) -> str | None:
    return None if entry is None else _json_of(entry)


def _json_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
