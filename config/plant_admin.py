"""PlantService: reading and changing the configuration while everything runs.

A change is made on a copy of the stored document, validated as a whole plant file would be, stored, written to the audit and
only then handed to those who live by it. A change that does not validate leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from config import device_table, plant_detectors
from config.commissioning import Change, connected, disconnected, limit_entry
from config.plant_file import dump_plant, parse_plant, plant_from_document
from config.profile_catalog import ProfileCatalog
from domain.access import Actor, Role
from domain.alert import LimitRule
from domain.alert_rule import AlertRule
from domain.browse import BrowsedNode
from domain.commissioning import Connected, Connection, ReadNow, ScanStep
from domain.device_table import DevicePreview
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.formula import names_in
from domain.plant import Device, Line, Machine, Plant, Tag
from domain.plant_version import Authorship
from domain.ports import Clock
from domain.profile import Profile
from domain.stores import AuditStore, PlantStore
from domain.virtual import VirtualTag

log = logging.getLogger(__name__)

Document = dict[str, Any]
Apply = Callable[[Plant, Sequence[Tag]], None]
Reader = Callable[[Device, Line], Awaitable[ReadNow]]
Browser = Callable[[Line, str | None], Awaitable[Sequence[BrowsedNode]]]
Scanner = Callable[[Plant, Line, Sequence[int], Sequence[Profile]], AsyncIterator[ScanStep]]
WHOLE = ("shifts", "calendar", "plans")  # sections that are edited as a whole
EMPTY: Document = {"site": {"name": "Energy Monitoring"}, "shifts": [], "lines": [], "devices": [], "machines": [], "limits": []}


class PlantAdmin:
    """See services.PlantService.

    `apply` brings a new plant to life; `reader` reads a device once on its line; `scanner` asks addresses of a line; `browser`
    looks into a server's tree; where there is none, nobody answers.
    """

    def __init__(
        self, store: PlantStore, audit: AuditStore, catalog: ProfileCatalog, clock: Clock, environ: Mapping[str, str],
        *, apply: Apply, reader: Reader, scanner: Scanner | None = None, browser: Browser | None = None,
    ) -> None:
        self._store, self._audit, self._catalog, self._clock, self._environ = store, audit, catalog, clock, environ
        self._apply, self._reader, self._scanner, self._browser = apply, reader, scanner, browser
        self._document: Document = copy.deepcopy(EMPTY)
        self._plant: Plant | None = None
        self._lock = asyncio.Lock()

    # -- loading -------------------------------------------------------------------------------------------------

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
        while True:
            await self._clock.sleep(period_s)
            async with self._lock:
                stored = await self._store.load()
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

    def entry(self, section: str, entry_id: str) -> Mapping[str, object]:
        """The stored fields of one entry of `section` (lines, devices, machines), for its form; no secrets. Raises NotFound."""
        entries: list[Document] = self._document.get(section) or []
        for known in entries:
            if known.get("id") == entry_id:
                return copy.deepcopy(known)
        raise NotFound(section.removesuffix("s"), entry_id, tuple(str(known.get("id")) for known in entries[:5]))

    def section(self, name: str) -> object:
        """The stored value of a section that is edited as a whole (`WHOLE`), a copy; None when it is not there."""
        if name not in WHOLE:
            raise NotFound("section", name, WHOLE)
        return copy.deepcopy(self._document.get(name))

    # -- changing ------------------------------------------------------------------------------------------------

    async def save_line(
        self, line: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Line:
        """`password` (plain) is stored encrypted apart from the document.

        Raises ConfigError that names the field, Conflict, NotFound, Forbidden (below admin).
        """
        await self._need(actor, Role.ADMIN, "line", str(line.get("id", "")))
        fields = dict(line)
        password = fields.pop("password", None)
        await self._save_entry("lines", "line", fields, actor, Role.ADMIN, new=new, known=known)
        if password is not None:
            await self._set_password("line", str(fields["id"]), str(password), actor)
        return self.plant.line(str(fields["id"]))

    async def delete_line(self, line_id: str, actor: Actor) -> None:
        """Raises Conflict while devices still use it."""
        users = [d["id"] for d in self._document.get("devices", []) if d.get("line") == line_id]
        if users:
            raise Conflict(f"line {line_id!r} is used by {', '.join(users)}")
        await self._delete_entry("lines", "line", line_id, actor, Role.ADMIN)
        await self._store.set_secret(f"line:{line_id}", None)

    async def save_device(
        self, device: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Device:
        """`device`: the fields of a plant file's device; `password` (plain) is stored encrypted apart from the document."""
        await self._need(actor, Role.ADMIN, "device", str(device.get("id", "")))
        fields = dict(device)
        password = fields.pop("password", None)
        await self._save_entry("devices", "device", fields, actor, Role.ADMIN, new=new, known=known)
        if password is not None:
            await self._set_password("device", str(fields["id"]), str(password), actor)
        return self.plant.device(str(fields["id"]))

    async def _set_password(self, kind: str, entry_id: str, password: str, actor: Actor) -> None:
        """Empty removes it. The audit says that it changed, never to what; the device runs with it at once."""
        await self._audit.append(self._clock.now_us(), actor.name, actor.source, f"{kind}_password", entry_id)
        await self._store.set_secret(f"{kind}:{entry_id}", password or None)
        async with self._lock:
            await self.load()

    async def delete_device(self, device_id: str, actor: Actor) -> None:
        """Its tags stay readable. Raises Conflict while a machine or limit uses it."""
        users = [m["id"] for m in self._document.get("machines", []) if m.get("meter") == device_id]
        if users:
            raise Conflict(f"device {device_id!r} is the meter of {', '.join(users)}")
        await self._delete_entry("devices", "device", device_id, actor, Role.ADMIN)
        await self._store.set_secret(f"device:{device_id}", None)

    async def save_machine(
        self, machine: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Machine:
        """Thresholds of the states are the engineer's."""
        await self._save_entry("machines", "machine", machine, actor, Role.ENGINEER, new=new, known=known)
        return self.plant.machine(str(machine["id"]))

    async def delete_machine(self, machine_id: str, actor: Actor) -> None:
        """What its detectors were told goes with it."""
        await self._delete_entry("machines", "machine", machine_id, actor, Role.ENGINEER)

    def detectors(self, machine_id: str | None) -> Mapping[str, Mapping[str, object]]:
        """Parameters of the detectors as stored for one machine, or for all of them (None): rule -> parameter -> value."""
        return plant_detectors.said(self._document, machine_id)

    async def save_detectors(
        self, machine_id: str | None, rules: Mapping[str, Mapping[str, object]], actor: Actor
    ) -> None:
        """All that is said of one machine, or of all of them (None): what is left out has the value below it again.

        Raises ConfigError that names the field, NotFound, Forbidden (below engineer).
        """
        subject = "site" if machine_id is None else machine_id
        await self._need(actor, Role.ENGINEER, "detectors", subject)
        known = [machine.id for machine in self.plant.machines]
        if machine_id is not None and machine_id not in known:
            raise NotFound("machine", machine_id, tuple(known[:5]))
        async with self._lock:
            old = plant_detectors.said(self._document, machine_id)
            document = plant_detectors.with_rules(self._document, machine_id, rules)
            await self._commit(document, actor, "detectors_update", subject, old, {rule: dict(rules[rule]) for rule in rules})

    async def save_virtual_tag(self, tag: Mapping[str, object], actor: Actor, *, new: bool) -> VirtualTag:
        """`tag`: the fields of a plant file's virtual tag; its version grows when what it computes changes."""
        name = str(tag.get("tag", ""))
        fields = {key: value for key, value in tag.items() if key != "version"}
        old = next((dict(known) for known in self._document.get("virtual_tags") or [] if known.get("tag") == name), {})
        version = int(old.pop("version", 1) or 1)
        if old and old != fields:
            version += 1
        entry = fields if version == 1 else {**fields, "version": version}
        await self._save_entry("virtual_tags", "virtual_tag", entry, actor, Role.ENGINEER, new=new, key="tag")
        return next(known for known in self.plant.virtual_tags if known.tag == name)

    async def delete_virtual_tag(self, name: str, actor: Actor) -> None:
        """Its history stays readable. Raises Conflict while a formula or limit uses it, ConfigError while anything else does."""
        users = [virtual.tag for virtual in self.plant.virtual_tags if virtual.tag != name and name in names_in(virtual.formula)]
        users += [f"limit {rule.tag}" for rule in self.plant.limits if rule.tag == name]
        if users and actor.role.allows(Role.ENGINEER):
            raise Conflict(f"virtual tag {name!r} is used by {', '.join(users)}")
        await self._delete_entry("virtual_tags", "virtual_tag", name, actor, Role.ENGINEER, key="tag")

    async def save_limit(self, rule: LimitRule, actor: Actor) -> LimitRule:
        """Insert when id is 0, else replace. One rule a tag."""
        await self._need(actor, Role.ENGINEER, "limit", rule.tag)
        async with self._lock:
            document = copy.deepcopy(self._document)
            limits: list[Document] = document.setdefault("limits", [])
            entry = limit_entry(rule)
            if rule.id:
                if not 0 < rule.id <= len(limits):
                    raise NotFound("limit", str(rule.id))
                old: Document | None = limits[rule.id - 1]
                limits[rule.id - 1] = entry
            else:
                if any(known.get("tag") == rule.tag for known in limits):
                    raise Conflict(f"tag {rule.tag!r} has limits already")
                old = None
                limits.append(entry)
            await self._commit(document, actor, "limit_save", rule.tag, old, entry)
        return next(found for found in self.plant.limits if found.tag == rule.tag)

    async def delete_limit(self, rule_id: int, actor: Actor) -> None:
        await self._need(actor, Role.ENGINEER, "limit", str(rule_id))
        async with self._lock:
            document = copy.deepcopy(self._document)
            limits = document.get("limits", [])
            if not 0 < rule_id <= len(limits):
                raise NotFound("limit", str(rule_id))
            old = limits.pop(rule_id - 1)
            await self._commit(document, actor, "limit_delete", str(old.get("tag")), old, None)

    async def save_alert_rule(self, rule: Mapping[str, object], actor: Actor, *, new: bool) -> AlertRule:
        """`rule`: the fields of a plant file's rule. Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        await self._save_entry("alert_rules", "alert_rule", rule, actor, Role.ENGINEER, new=new)
        return next(found for found in self.plant.alert_rules if found.id == rule["id"])

    async def delete_alert_rule(self, rule_id: str, actor: Actor) -> None:
        """Its alerts are over at once."""
        await self._delete_entry("alert_rules", "alert_rule", rule_id, actor, Role.ENGINEER)

    async def draft_alert_rule(self, rule: Mapping[str, object]) -> AlertRule:
        """The rule as it would be saved, checked against the whole plant; nothing is stored. Raises ConfigError."""
        document = copy.deepcopy(self._document)
        others = [entry for entry in document.get("alert_rules") or [] if entry.get("id") != rule.get("id")]
        document["alert_rules"] = [*others, dict(rule)]
        secrets = await self._secrets(document)
        plant = plant_from_document(document, catalog=self._catalog, environ=self._environ, secrets=secrets)
        return next(found for found in plant.alert_rules if found.id == rule["id"])

    async def save_section(self, name: str, value: object, actor: Actor) -> None:
        """Replace one of the sections `WHOLE`. Raises ConfigError that names the field, NotFound, Forbidden (below engineer)."""
        await self._need(actor, Role.ENGINEER, "calendar", name)
        old = self.section(name)
        async with self._lock:
            document = copy.deepcopy(self._document)
            document[name] = copy.deepcopy(value)
            await self._commit(document, actor, f"{name}_update", name, {name: old}, {name: value})

    async def draft_yaml(self, text: str, actor: Actor) -> Mapping[str, object]:
        """The document of a plant file that could be imported; nothing is stored. Raises PlantFileError with every problem."""
        await self.need_admin(actor, "import")
        return parse_plant(text, file="import", catalog=self._catalog, environ=self._environ).document

    async def import_yaml(self, text: str, actor: Actor, known: int | None = None) -> None:
        """Replace the whole plant. Raises PlantFileError with every problem; then nothing has changed. `known`: see replace."""
        await self.need_admin(actor, "import")
        parsed = parse_plant(text, file="import", catalog=self._catalog, environ=self._environ)
        await self.replace(parsed.document, actor, "plant_import", parsed.plant.site.name, known)

    async def draft_devices(self, rows: Sequence[Sequence[object]], actor: Actor) -> DevicePreview:
        """What a table of devices would do, each row judged with the whole plant; nothing is stored. Raises Forbidden."""
        await self.need_admin(actor, "devices import")
        base, secrets = await self._store.version(), await self._secrets(self._document)
        return await asyncio.to_thread(
            device_table.preview, rows, copy.deepcopy(self._document), base, catalog=self._catalog, environ=self._environ,
            secrets=secrets,
        )

    async def import_devices(self, found: DevicePreview, name: str, actor: Actor) -> None:
        """The right rows of a table, as one version. Raises Conflict when another version runs by now, ConfigError, Forbidden."""
        if found.document is None or not found.importable:
            raise Conflict("no row of the table can be imported")
        await self.replace(found.document, actor, "devices_import", name, found.base)

    async def replace(
        self, document: Mapping[str, object], actor: Actor, action: str, subject: str, known: int | None = None
    ) -> None:
        """Run another document. Raises ConfigError when it does not validate, Forbidden (below admin), Conflict.

        `known`: number of the version that the user was shown as running; Conflict when another one runs by now.
        """
        await self.need_admin(actor, subject)
        async with self._lock:
            if known is not None and known != await self._store.version():
                raise Conflict("the configuration was changed by somebody else meanwhile: load it again")
            await self._commit(copy.deepcopy(dict(document)), actor, action, subject, None, None)

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
                now_us, actor.name, actor.source, change.action, name, old=_json(change.old), new=_json(change.new)
            )
            await keep()
            self._catalog = catalog
            if any(device.profile.name == name for device in plant.devices):
                by = Authorship(now_us, actor.name, actor.source, change.action, name)
                tags = await self._store.save(self._document, plant, by)
                self._plant = plant
                self._apply(plant, tags)
            log.info("%s %s by %s", change.action, name, actor.name)

    async def need_admin(self, actor: Actor, subject: str) -> None:
        """Raises Forbidden below admin; the refusal is in the audit."""
        await self._need(actor, Role.ADMIN, "plant", subject)

    @property
    def document(self) -> Mapping[str, object]:
        """What runs, as its document. Not to be changed."""
        return self._document

    def export_yaml(self, actor: Actor) -> str:
        """The plant file of what runs; without secrets."""
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("exporting the plant needs the role engineer")
        return dump_plant(self._document)

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
        secrets = dict(await self._secrets(self._document))
        if password:
            secrets[f"device:{draft['id']}"] = str(password)
        catalog = self._catalog if profile is None else self._catalog.including(profile)
        plant = plant_from_document(document, catalog=catalog, environ=self._environ, secrets=secrets)
        found = plant.device(str(draft["id"]))
        return await self._reader(found, plant.line(found.line))

    async def scan(
        self, line: str | Mapping[str, object], addresses: Sequence[int], actor: Actor
    ) -> AsyncIterator[ScanStep]:
        """Which of the addresses answer on a line of the plant (its id) or a drafted one, one step an address and protocol.

        Nothing is stored. Raises ConfigError that names the field, NotFound, LineDown, Forbidden (below admin).
        """
        wanted = line if isinstance(line, str) else str(line.get("id", ""))
        await self._need(actor, Role.ADMIN, "scan", wanted)
        plant = self.plant if isinstance(line, str) else await self._drafted(self._with_line(line))
        found = next((known for known in plant.lines if known.id == wanted), None)
        if found is None:
            raise NotFound("line", wanted, tuple(known.id for known in plant.lines[:5]))
        if self._scanner is not None:
            async for step in self._scanner(plant, found, addresses, self.profiles()):
                yield step

    async def browse(self, line_id: str, parent: str | None, actor: Actor) -> Sequence[BrowsedNode]:
        """What lies below a node of a line's server (None: its top).

        Raises NotFound, ConfigError (the line has no tree), LineDown, DeviceRefused, Forbidden (below admin).
        """
        await self._need(actor, Role.ADMIN, "browse", line_id)
        found = next((known for known in self.plant.lines if known.id == line_id), None)
        if found is None:
            raise NotFound("line", line_id, tuple(known.id for known in self.plant.lines[:5]))
        return () if self._browser is None else await self._browser(found, parent)

    async def check_line(self, line: Mapping[str, object], actor: Actor) -> Line:
        """A new line as it would be saved; nothing is stored. Raises ConfigError that names the field, Conflict, Forbidden."""
        line_id = str(line.get("id", ""))
        await self._need(actor, Role.ADMIN, "line", line_id)
        if any(known.get("id") == line_id for known in self._document.get("lines") or []):
            raise Conflict(f"line {line_id!r} exists already")
        return (await self._drafted(self._with_line(line))).line(line_id)

    async def connect(self, wanted: Connection, actor: Actor) -> Connected:
        """Add a device with its line, machine and limits: all of it, or nothing. Each entry is in the audit.

        `password` (plain) among the device's fields is stored encrypted apart from the document. Raises ConfigError that names
        the field, Conflict, NotFound, Forbidden (below admin).
        """
        fields = dict(wanted.device)
        await self._need(actor, Role.ADMIN, "device", str(fields.get("id", "")))
        password = fields.pop("password", None)
        async with self._lock:
            document, changes, done = connected(self._document, replace(wanted, device=fields))
            secret = {f"device:{done.device}": str(password)} if password else {}
            if secret:
                changes = [*changes, Change("device_password", done.device, None, None)]
            await self._commit_all(document, actor, changes, secret)
        return done

    async def check_connection(self, wanted: Connection, actor: Actor) -> None:
        """Would `connect` take it? Nothing is stored. Raises as `connect` does."""
        fields = {name: value for name, value in wanted.device.items() if name != "password"}
        await self._need(actor, Role.ADMIN, "device", str(fields.get("id", "")))
        await self._drafted(connected(self._document, replace(wanted, device=fields))[0])

    async def disconnect(self, done: Connected, actor: Actor) -> None:
        """Take back what `connect` made; its tags stay readable. Raises Conflict while others use it, Forbidden (below admin)."""
        await self._need(actor, Role.ADMIN, "device", done.device)
        async with self._lock:
            document, changes = disconnected(self._document, done)
            if changes:
                await self._commit_all(document, actor, changes, {})
        await self._store.set_secret(f"device:{done.device}", None)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _save_entry(
        self, section: str, what: str, entry: Mapping[str, object], actor: Actor, role: Role, *, new: bool, key: str = "id",
        known: Mapping[str, object] | None = None,
    ) -> None:
        """`known`: the entry as the user began to edit it; Conflict when it is another by now."""
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
            if place is not None and known is not None and _json(entries[place]) != _json(dict(known)):
                raise Conflict(f"{what} {entry_id!r} was changed by somebody else meanwhile: load it again")
            old = None if place is None else entries[place]
            if place is None:
                entries.append(dict(entry))
            else:
                entries[place] = dict(entry)
            await self._commit(document, actor, f"{what}_{'create' if new else 'update'}", entry_id, old, dict(entry))

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
            await self._commit(document, actor, f"{what}_delete", entry_id, old, None)

    async def _commit(
        self, document: Document, actor: Actor, action: str, subject: str, old: Document | None, new: Document | None
    ) -> None:
        await self._commit_all(document, actor, [Change(action, subject, old, new)], {})

    async def _commit_all(
        self, document: Document, actor: Actor, changes: Sequence[Change], passwords: Mapping[str, str]
    ) -> None:
        """Validate, audit, store, apply: in this order, so that nothing runs that is not stored, nothing stored unseen.

        `passwords` by the name of their secret: a device that joins must not be asked with another first.
        """
        secrets = {**await self._secrets(document), **passwords}
        plant = plant_from_document(document, catalog=self._catalog, environ=self._environ, secrets=secrets)
        now_us = self._clock.now_us()
        for c in changes:
            await self._audit.append(
                now_us, actor.name, actor.source, c.action, c.subject, old=_json(c.old), new=_json(c.new)
            )
        for name, value in passwords.items():
            await self._store.set_secret(name, value)
        lead = next((c for c in changes if c.action.startswith("device_")), changes[0])  # one version, named by its device
        tags = await self._store.save(document, plant, Authorship(now_us, actor.name, actor.source, lead.action, lead.subject))
        self._document, self._plant = document, plant
        self._apply(plant, tags)
        for c in changes:
            log.info("%s %s by %s", c.action, c.subject, actor.name)

    def _with_line(self, line: Mapping[str, object] | None) -> Document:
        """A copy of the stored document, with `line` in place of the one with its id."""
        document = copy.deepcopy(self._document)
        if line is not None:
            others = [known for known in document.get("lines") or [] if known.get("id") != line.get("id")]
            document["lines"] = [*others, dict(line)]
        return document

    async def _drafted(self, document: Document) -> Plant:
        secrets = await self._secrets(document)
        return plant_from_document(document, catalog=self._catalog, environ=self._environ, secrets=secrets)

    async def _secrets(self, document: Document) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for kind in ("line", "device"):
            for entry in document.get(f"{kind}s", []):
                name = f"{kind}:{entry.get('id')}"
                value = await self._store.secret(name)
                if value is not None:
                    found[name] = value
        return found

    async def _need(self, actor: Actor, role: Role, what: str, subject: str) -> None:
        if not actor.role.allows(role):
            now_us = self._clock.now_us()
            await self._audit.append(now_us, actor.name, actor.source, "refused", f"{what} {subject}", result="failed")
            raise Forbidden(f"changing a {what} needs the role {role.value}")


def _json(entry: Document | None) -> str | None:
    return None if entry is None else json.dumps(entry, ensure_ascii=False, default=str)
