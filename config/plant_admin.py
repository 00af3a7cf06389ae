"""PlantService: changing the configuration while everything runs, one method for each thing that people change."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

from config import device_table, plant_detectors
from config.asked_plant import AskedPlant, Browser, Field, Photographer, Reader, Scanner, Surveyor, secret_of
from config.camera_entries import asks_over_http, camera_and_password
from config.commissioning import Change, connected, disconnected, limit_entry
from config.plant_file import dump_plant, parse_plant, plant_from_document
from config.profile_catalog import ProfileCatalog
from config.stored_plant import WHOLE, Apply, Document
from domain.access import Actor, Role
from domain.alert import LimitRule
from domain.alert_rule import AlertRule
from domain.camera import Camera
from domain.commissioning import Connected, Connection
from domain.device_table import DevicePreview
from domain.errors import Conflict, Forbidden, NotFound
from domain.formula import names_in
from domain.plant import Device, Line, Machine, Plant
from domain.plant_changes import alike, merged
from domain.plant_secrets import secret_name
from domain.ports import Clock
from domain.stores import AuditStore, PlantStore
from domain.virtual import VirtualTag


class PlantAdmin(AskedPlant):
    """See services.PlantService. `apply` brings a new plant to life; who asks the devices: see Field."""

    def __init__(
        self, store: PlantStore, audit: AuditStore, catalog: ProfileCatalog, clock: Clock, environ: Mapping[str, str],
        *, apply: Apply, reader: Reader, scanner: Scanner | None = None, browser: Browser | None = None,
        surveyor: Surveyor | None = None, photographer: Photographer | None = None,
    ) -> None:
        super().__init__(store, audit, catalog, clock, environ, apply, Field(reader, scanner, browser, surveyor, photographer))

    async def save_line(
        self, line: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Line:
        """`password` (plain; empty removes it) is stored encrypted apart from the document, with the line or not at all.

        Raises ConfigError that names the field, Conflict, NotFound, Forbidden (below admin).
        """
        await self._need(actor, Role.ADMIN, "line", str(line.get("id", "")))
        fields = dict(line)
        password = fields.pop("password", None)
        await self._save_entry(
            "lines", "line", fields, actor, Role.ADMIN, new=new, known=known, password=None if password is None else str(password)
        )
        return self.plant.line(str(fields["id"]))

    async def has_password(self, entry_id: str, kind: str = "line") -> bool:
        """Is a password of the line (or camera) stored? What it is, nobody is told."""
        return await self._store.secret(secret_name(kind, entry_id)) is not None

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
        """Its tags stay readable. Raises Conflict while anything of the plant names it."""
        users = [m["id"] for m in self._document.get("machines", []) if m.get("meter") == device_id]
        if users:
            raise Conflict(f"device {device_id!r} is the meter of {', '.join(users)}")
        await self._delete_entry("devices", "device", device_id, actor, Role.ADMIN)
        await self._store.set_secret(f"device:{device_id}", None)

    async def save_camera(
        self, entry: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Camera:
        """`entry`: of the section inspections; `password` (plain; empty removes it) among the fields of `camera` is sealed
        apart, with the camera or not at all.

        Raises ConfigError that names the field, Conflict, NotFound, Forbidden (below admin).
        """
        plain, password = camera_and_password(entry)
        device_id = str(plain.get("device", ""))
        await self._need(actor, Role.ADMIN, "camera", device_id)
        left_over = new or not asks_over_http(plain)  # what was sealed for another camera is never shown to this one
        if password is None and left_over and await self.has_password(device_id, "camera"):
            password = ""
        await self._save_entry(
            "inspections", "camera", plain, actor, Role.ADMIN, new=new, key="device", known=known, password=password
        )
        return next(camera for camera in self.plant.cameras if camera.device_id == device_id)

    async def delete_camera(self, device_id: str, actor: Actor) -> None:
        """Pictures and items that are kept stay."""
        await self._delete_entry("inspections", "camera", device_id, actor, Role.ADMIN, key="device")
        await self._store.set_secret(secret_name("camera", device_id), None)

    async def save_machine(
        self, machine: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Machine:
        """Thresholds of the states are the engineer's."""
        await self._save_entry("machines", "machine", machine, actor, Role.ENGINEER, new=new, known=known)
        return self.plant.machine(str(machine["id"]))

    async def delete_machine(self, machine_id: str, actor: Actor) -> None:
        """What its detectors were told goes with it. Raises Conflict while a plan, rule or loop names it."""
        await self._delete_entry("machines", "machine", machine_id, actor, Role.ENGINEER)

    def detectors(self, machine_id: str | None) -> Mapping[str, Mapping[str, object]]:
        """Parameters of the detectors as stored for one machine, or for all of them (None): rule -> parameter -> value."""
        return plant_detectors.said(self._document, machine_id)

    async def save_detectors(
        self, machine_id: str | None, rules: Mapping[str, Mapping[str, object]], actor: Actor, *,
        known: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """All that is said of one machine, or of all of them (None): what is left out has the value below it again.

        `known`: what was said as the user began to edit it; Conflict when it is another by now. Raises ConfigError that
        names the field, NotFound, Forbidden (below engineer).
        """
        subject = "site" if machine_id is None else machine_id
        await self._need(actor, Role.ENGINEER, "detectors", subject)
        machines = [machine.id for machine in self.plant.machines]
        if machine_id is not None and machine_id not in machines:
            raise NotFound("machine", machine_id, tuple(machines[:5]))
        async with self._lock:
            old = plant_detectors.said(self._document, machine_id)
            if known is not None and not alike(known, old):
                raise Conflict(f"detectors {subject!r} was changed by somebody else meanwhile: load it again")
            document = plant_detectors.with_rules(self._document, machine_id, rules)
            await self._commit(document, actor, "detectors_update", subject, old, {rule: dict(rules[rule]) for rule in rules})

    async def save_virtual_tag(
        self, tag: Mapping[str, object], actor: Actor, *, new: bool, known: int | None = None
    ) -> VirtualTag:
        """`tag`: the fields of a plant file's virtual tag; its version grows when anything of it changes.

        `known`: the version that the user began to edit; Conflict when another one stands by now.
        """
        name = str(tag.get("tag", ""))
        stored = next((virtual for virtual in self.plant.virtual_tags if virtual.tag == name), None)
        if known is not None and stored is not None and stored.version != known:
            raise Conflict(f"virtual_tag {name!r} was changed by somebody else meanwhile: load it again")
        fields = {key: value for key, value in tag.items() if key != "version"}
        old = next((dict(known) for known in self._document.get("virtual_tags") or [] if known.get("tag") == name), {})
        version = int(old.pop("version", 1) or 1)
        if old and old != fields:
            version += 1
        entry = fields if version == 1 else {**fields, "version": version}
        await self._save_entry("virtual_tags", "virtual_tag", entry, actor, Role.ENGINEER, new=new, key="tag")
        return next(known for known in self.plant.virtual_tags if known.tag == name)

    async def delete_virtual_tag(self, name: str, actor: Actor) -> None:
        """Its history stays readable. Raises Conflict while anything of the plant uses it."""
        users = [virtual.tag for virtual in self.plant.virtual_tags if virtual.tag != name and name in names_in(virtual.formula)]
        users += [f"limit {rule.tag}" for rule in self.plant.limits if rule.tag == name]
        if users and actor.role.allows(Role.ENGINEER):
            raise Conflict(f"virtual tag {name!r} is used by {', '.join(users)}")
        await self._delete_entry("virtual_tags", "virtual_tag", name, actor, Role.ENGINEER, key="tag")

    async def save_limit(self, rule: LimitRule, actor: Actor, *, known: LimitRule | None = None) -> LimitRule:
        """Insert when id is 0, else replace. One rule a tag.

        `known`: the rule as the user began to edit it; Conflict when it is another by now.
        """
        await self._need(actor, Role.ENGINEER, "limit", rule.tag)
        async with self._lock:
            document = copy.deepcopy(self._document)
            limits: list[Document] = document.setdefault("limits", [])
            entry = limit_entry(rule)
            if rule.id:
                place = self._place_of_limit(rule.id, known)
                old: Document | None = limits[place]
                limits[place] = entry
            else:
                if any(known.get("tag") == rule.tag for known in limits):
                    raise Conflict(f"tag {rule.tag!r} has limits already")
                old = None
                limits.append(entry)
            await self._commit(document, actor, "limit_save", rule.tag, old, entry)
        return next(found for found in self.plant.limits if found.tag == rule.tag)

    async def delete_limit(self, rule_id: int, actor: Actor, *, known: LimitRule | None = None) -> None:
        """`known`: as the user saw it; Conflict when it is another by now."""
        await self._need(actor, Role.ENGINEER, "limit", str(rule_id))
        async with self._lock:
            document = copy.deepcopy(self._document)
            limits = document.get("limits", [])
            old = limits.pop(self._place_of_limit(rule_id, known))
            await self._commit(document, actor, "limit_delete", str(old.get("tag")), old, None)

    def _place_of_limit(self, rule_id: int, known: LimitRule | None) -> int:
        """Where it stands in the list. With `known` by its tag: others may have come or gone before it.

        Raises NotFound, and Conflict when `known` is given and the rule is another by now.
        """
        stored = next((r for r in self.plant.limits if (r.id == rule_id if known is None else r.tag == known.tag)), None)
        if known is not None and (stored is None or replace(stored, id=known.id) != known):
            raise Conflict(f"limit {known.tag!r} was changed by somebody else meanwhile: load it again")
        if stored is None:
            raise NotFound("limit", str(rule_id))
        return stored.id - 1

    async def save_alert_rule(
        self, rule: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> AlertRule:
        """`rule`: the fields of a plant file's rule. Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        await self._save_entry("alert_rules", "alert_rule", rule, actor, Role.ENGINEER, new=new, known=known)
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

    async def save_section(self, name: str, value: object, actor: Actor, *, known: object = None) -> None:
        """Replace one of the sections `WHOLE`. `known`: its value as the user began to edit it, empty where it was absent:
        what others changed meanwhile in other entries stays.

        Raises ConfigError that names the field, NotFound, Forbidden (below the role of the section), Conflict when `known` is
        given and somebody else changed the same entry meanwhile.
        """
        await self._need(actor, WHOLE.get(name, Role.ENGINEER), "section", name)
        async with self._lock:
            old = self.section(name)
            if known is not None:
                try:
                    value = merged(known, value, old)
                except Conflict:
                    raise Conflict(f"the section {name!r} was changed by somebody else meanwhile: load it again") from None
            document = copy.deepcopy(self._document)
            document[name] = copy.deepcopy(value)
            await self._commit(document, actor, f"{name}_update", name, {name: old}, {name: value})

    async def draft_section(self, name: str, value: object) -> Plant:
        """The plant as it would be with that section, checked as a whole; nothing is stored. Raises ConfigError, NotFound."""
        self.section(name)
        return await self._drafted({**copy.deepcopy(self._document), name: copy.deepcopy(value)})

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

    def export_yaml(self, actor: Actor) -> str:
        """The plant file of what runs; without secrets."""
        if not actor.role.allows(Role.ENGINEER):
            raise Forbidden("exporting the plant needs the role engineer")
        return dump_plant(self._document)

    async def connect(self, wanted: Connection, actor: Actor) -> Connected:
        """Add a device with its line, machine and limits: all of it, or nothing. Each entry is in the audit.

        `password` (plain) among the fields of device or line is stored encrypted apart. Raises ConfigError that names
        the field, Conflict, NotFound, Forbidden (below admin).
        """
        await self._need(actor, Role.ADMIN, "device", str(wanted.device.get("id", "")))
        plain, secrets = _without_secrets(wanted)
        async with self._lock:
            document, changes, done = connected(self._document, plain)
            named = [name.partition(":") for name in secrets]
            told = [Change(f"{kind}_password", entry_id, None, None) for kind, _, entry_id in named]
            await self._commit_all(document, actor, [*changes, *told], secrets)
        return done

    async def check_connection(self, wanted: Connection, actor: Actor) -> None:
        """Would `connect` take it? Nothing is stored. Raises as `connect` does."""
        await self._need(actor, Role.ADMIN, "device", str(wanted.device.get("id", "")))
        plain, secrets = _without_secrets(wanted)
        await self._drafted(connected(self._document, plain)[0], secrets)

    async def disconnect(self, done: Connected, actor: Actor) -> None:
        """Take back what `connect` made; its tags stay readable. Raises Conflict while others use it, Forbidden (below admin)."""
        await self._need(actor, Role.ADMIN, "device", done.device)
        async with self._lock:
            document, changes = disconnected(self._document, done)
            if changes:
                await self._commit_all(document, actor, changes, {})
        await self._store.set_secret(f"device:{done.device}", None)
        if done.line is not None and all(line.id != done.line for line in self.plant.lines):
            await self._store.set_secret(f"line:{done.line}", None)


def _without_secrets(wanted: Connection) -> tuple[Connection, dict[str, str]]:
    """What joins, as the document may hold it, and the passwords apart."""
    device = {name: value for name, value in wanted.device.items() if name != "password"}
    line = None if wanted.line is None else {name: value for name, value in wanted.line.items() if name != "password"}
    secrets = {**secret_of("device", wanted.device), **secret_of("line", wanted.line or {})}
    return replace(wanted, device=device, line=line), secrets
