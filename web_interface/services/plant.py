"""The configuration: plant, its versions, device tables, virtual tags, trusted certificates."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from domain.access import Actor
from domain.alert import LimitRule
from domain.alert_rule import AlertRule
from domain.browse import BrowsedNode
from domain.camera import Camera, Shot
from domain.commissioning import Connected, Connection, Found, ReadNow, ScanStep
from domain.device_table import DevicePreview
from domain.plant import Device, Line, Machine, Plant
from domain.plant_version import PlantDiff, VersionChanges, VersionFile
from domain.profile import Profile
from domain.trust import ServerCertificate
from domain.virtual import FormulaCheck, VirtualTag, VirtualTagNow


class PlantService(Protocol):
    """Reading and changing the configuration; a change is live within seconds."""

    @property
    def plant(self) -> Plant: ...
    def profiles(self) -> Sequence[Profile]: ...
    def entry(self, section: str, entry_id: str) -> Mapping[str, object]:
        """The stored fields of one entry of `section` (lines, devices, machines, inspections), for its form; no secrets.

        Raises NotFound.
        """
        ...

    def section(self, name: str) -> object:
        """The stored value of a section that is edited as a whole (site, shifts, calendar, plans, tariffs, co2, fuel,
        connection, alignments); None when it is not there."""
        ...

    async def save_section(self, name: str, value: object, actor: Actor, *, known: object = None) -> None:
        """Replace such a section. `known`: its value as the user began to edit it (empty where it was absent): what others
        changed meanwhile stays; Conflict when it is the same entry.

        Raises ConfigError that names the field, Forbidden (below engineer; the site: below admin).
        """
        ...

    async def draft_section(self, name: str, value: object) -> Plant:
        """The plant as it would be with that section; nothing is stored. Raises ConfigError that names the field."""
        ...

    async def save_line(
        self, line: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Line: ...
    async def has_password(self, entry_id: str, kind: str = "line") -> bool:
        """Was a password of the line (or camera) set in the page? What it is, nobody is told."""
        ...

    async def delete_line(self, line_id: str, actor: Actor) -> None: ...
    async def save_camera(
        self, entry: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Camera:
        """`entry`: of the section inspections. Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        ...

    async def delete_camera(self, device_id: str, actor: Actor) -> None: ...
    async def try_camera(self, entry: Mapping[str, object], actor: Actor, *, new: bool) -> Shot:
        """A picture now; nothing is stored. Raises ConfigError that names the field, NoPicture, Conflict, Forbidden."""
        ...

    async def save_device(
        self, device: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Device:
        """`device`: the fields of a plant file's device. Raises ConfigError that names the field, Conflict, Forbidden."""
        ...

    async def delete_device(self, device_id: str, actor: Actor) -> None: ...
    async def save_machine(
        self, machine: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> Machine: ...
    def detectors(self, machine_id: str | None) -> Mapping[str, Mapping[str, object]]:
        """Parameters of the detectors as stored for one machine, or for all of them (None): rule -> parameter -> value."""
        ...

    async def save_detectors(
        self, machine_id: str | None, rules: Mapping[str, Mapping[str, object]], actor: Actor, *,
        known: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """All that is said of one machine, or of all of them. `known`: as the user began to edit it; Conflict when it is
        another by now. Raises ConfigError that names the field, NotFound, Forbidden.
        """
        ...

    async def delete_machine(self, machine_id: str, actor: Actor) -> None: ...
    async def save_limit(self, rule: LimitRule, actor: Actor, *, known: LimitRule | None = None) -> LimitRule: ...
    async def delete_limit(self, rule_id: int, actor: Actor, *, known: LimitRule | None = None) -> None: ...
    async def save_alert_rule(
        self, rule: Mapping[str, object], actor: Actor, *, new: bool, known: Mapping[str, object] | None = None
    ) -> AlertRule:
        """`rule`: the fields of a plant file's rule. Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        ...

    async def delete_alert_rule(self, rule_id: str, actor: Actor) -> None: ...
    async def draft_alert_rule(self, rule: Mapping[str, object]) -> AlertRule:
        """As it would be saved; nothing is stored. Raises ConfigError."""
        ...

    async def import_yaml(self, text: str, actor: Actor, known: int | None = None) -> None:
        """`known`: the version the user was shown as running; Conflict when another one runs by now."""
        ...

    def export_yaml(self, actor: Actor) -> str: ...
    async def read_now(
        self, device: Mapping[str, object], actor: Actor, line: Mapping[str, object] | None = None
    ) -> ReadNow:
        """Read a device (saved or only drafted) once, on its live line or the drafted `line`. Needs admin."""
        ...

    def scan(self, line: str | Mapping[str, object], addresses: Sequence[int], actor: Actor) -> AsyncIterator[ScanStep]:
        """Which addresses answer on a line (its id, or the fields of a drafted one). Raises ConfigError, LineDown, Forbidden."""
        ...

    async def browse(self, line: str | Mapping[str, object], parent: str | None, actor: Actor) -> Sequence[BrowsedNode]:
        """What lies below a node of the server (None: its top) of a line, of the plant (its id) or drafted.

        Raises NotFound, ConfigError, LineDown, DeviceRefused.
        """
        ...

    async def survey(self, line: str | Mapping[str, object], actor: Actor) -> Sequence[Found] | None:
        """What is on a line whose devices have no numbers, of the plant (its id) or drafted; None where that cannot be told.

        Takes some seconds. Raises NotFound, ConfigError, LineDown, DeviceUnreachable, Forbidden (below admin).
        """
        ...

    async def check_line(self, line: Mapping[str, object], actor: Actor) -> Line:
        """A new line as it would be saved; nothing is stored. Raises ConfigError that names the field, Conflict, Forbidden."""
        ...

    async def connect(self, wanted: Connection, actor: Actor) -> Connected:
        """Add a device with its line, machine and limits: all or nothing. Raises ConfigError, Conflict, NotFound, Forbidden."""
        ...

    async def check_connection(self, wanted: Connection, actor: Actor) -> None:
        """Would `connect` take it? Nothing is stored. Raises as `connect` does."""
        ...

    async def disconnect(self, done: Connected, actor: Actor) -> None:
        """Take back what `connect` made. Raises Conflict, Forbidden."""
        ...


class DeviceTableService(Protocol):
    """Devices as a table for a spreadsheet. Needs admin."""

    async def preview(self, name: str, content: bytes, actor: Actor) -> DevicePreview:
        """What importing the file would do; nothing is stored. Raises ConfigError (no table, too large)."""
        ...

    async def apply(self, found: DevicePreview, name: str, actor: Actor) -> None:
        """The right rows as one version. Raises Conflict (another version runs by now), ConfigError."""
        ...

    async def table(self, kind: str, actor: Actor, words: Mapping[str, str]) -> bytes:
        """The devices there are, `kind` csv or xlsx; `words`: what each column means."""
        ...

    async def points(self, name: str, content: bytes, actor: Actor) -> Sequence[Mapping[str, object]]:
        """Points of a profile, one a row, as its file would have them. Raises ConfigError."""
        ...


class PlantHistoryService(Protocol):
    """Kept versions of the configuration. Looking needs the role engineer, changing admin."""

    async def versions(self, actor: Actor, limit: int = 25, before: int | None = None) -> Sequence[VersionChanges]:
        """Newest first, at most 50, each with what it changed; `before`: only lower numbers."""
        ...

    async def running(self) -> int:
        """Number of the version that runs; 0 when there is no plant yet."""
        ...

    async def version(self, number: int, actor: Actor) -> VersionFile:
        """Raises NotFound."""
        ...

    async def step(self, number: int, actor: Actor) -> PlantDiff | None:
        """What a version changed of the one before; None when that one is not kept. Raises NotFound."""
        ...

    async def way_back(self, number: int, actor: Actor) -> PlantDiff:
        """What rolling back to the version would change of what runs. Raises NotFound."""
        ...

    async def preview(self, text: str, actor: Actor) -> PlantDiff:
        """What importing the plant file would change; nothing is stored. Raises ConfigError with every problem."""
        ...

    async def roll_back(self, number: int, actor: Actor, known: int | None = None) -> int:
        """Number of the new version. Raises ConfigError (does not validate today), NotFound, Conflict."""
        ...


class VirtualTagService(Protocol):
    """Tags computed from other tags. Everything needs the role engineer."""

    def list(self) -> Sequence[VirtualTagNow]: ...
    async def check(self, draft: Mapping[str, object], actor: Actor) -> FormulaCheck:
        """A draft (`tag`, `formula`, `quantity`, `unit`; all but the formula may be missing) looked at; nothing is stored.

        It stands in for the virtual tag of its name, if there is one. Raises Forbidden.
        """
        ...

    async def save(
        self, fields: Mapping[str, object], actor: Actor, *, new: bool, known: int | None = None
    ) -> VirtualTag:
        """`known`: the version that the user began to edit; Conflict when another one stands by now.

        Raises ConfigError, NotFound, Forbidden too. The history is computed in the background.
        """
        ...

    async def delete(self, tag: str, actor: Actor) -> None:
        """Its history stays. Raises Conflict while others use it."""
        ...


class CertificateService(Protocol):
    """Certificates that servers of lines showed, and the product's own. Everything needs the role admin."""

    async def certificates(self, actor: Actor) -> Sequence[ServerCertificate]:
        """Those that wait to be approved first."""
        ...

    async def own(self, actor: Actor) -> tuple[str, bytes] | None:
        """Fingerprint and DER bytes of the product's own; None until a line needed one."""
        ...

    async def own_server(self, actor: Actor) -> tuple[str, bytes] | None:
        """The same of its OPC UA server; None until that ran."""
        ...

    async def approve(self, known: str, actor: Actor) -> None:
        """Trust the one with that fingerprint. Raises NotFound."""
        ...

    async def withdraw(self, known: str, actor: Actor) -> None:
        """Trust it no longer. Raises NotFound."""
        ...

    async def forget(self, known: str, actor: Actor) -> None:
        """Drop one that waits. Raises NotFound."""
        ...
