"""ProfileAdmin: the installation's own profiles, read, edited and tried while everything runs.

An own profile is a file of the data folder's `profiles`; what it replaces is kept beside it in `earlier/NAME/`. A change is
checked together with the whole plant before anything is written, so no device can lose what a limit or machine of it needs.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from config.commissioning import Change
from config.plant_admin import PlantAdmin
from config.profile_catalog import SHIPPED, ProfileCatalog
from config.profile_draft import check_document, check_text, dump_profile
from config.profile_loader import NAME
from domain.access import Actor
from domain.commissioning import ReadNow
from domain.errors import ConfigError, Conflict, NotFound, StorageError
from domain.profile_file import ProfileDraft, ProfileEntry, ProfileFile

KEPT_EARLIER = 20
MOST_OWN = 500
AUDITED_CHARACTERS = 8_000  # the whole texts are kept beside the profile
_EARLIER = "earlier"
_TRIED = "read-now"  # name of a draft while it is tried: no other device is judged by it


class ProfileAdmin:
    """Implements web_interface.services.ProfileService. `folder`: where own profiles lie."""

    def __init__(self, plant: PlantAdmin, folder: Path) -> None:
        self._plant, self._folder = plant, folder

    # -- looking -------------------------------------------------------------------------------------------------

    def entries(self) -> Sequence[ProfileEntry]:
        """All profiles by name, those whose file is wrong among them."""
        catalog, users = self._plant.catalog, self._users()
        own, shipped = self._own_names(), _shipped_names()
        wrong: dict[str, list[str]] = {}
        for problem in catalog.problems:
            wrong.setdefault(Path(problem.file).stem, []).append(str(problem))
        return [
            ProfileEntry(
                name, catalog.get(name) if name in catalog and name not in wrong else None, name in own,
                name in own and name in shipped, users.get(name, ()), tuple(wrong.get(name, ())),
            )
            for name in sorted(own | set(catalog.names()))
        ]

    async def file(self, name: str) -> ProfileFile:
        """Raises NotFound, StorageError."""
        own = name in self._own_names()
        if not own and name not in _shipped_names():
            raise NotFound("profile", name, self._plant.catalog.names()[:5])
        text = await asyncio.to_thread(_read, (self._folder if own else SHIPPED) / f"{name}.yaml")
        earlier = self._earlier(name) if own else ()
        return ProfileFile(name, own, text, _fingerprint(text), check_text(text, name).document, earlier)

    async def earlier(self, name: str, number: int) -> str:
        """A text that was replaced. Raises NotFound."""
        if number not in {known for known, _ in self._earlier(name)}:
            raise NotFound("version", str(number))
        return await asyncio.to_thread(_read, self._folder / _EARLIER / name / f"{number:06}.yaml")

    def check(self, name: str, document: Mapping[str, object]) -> ProfileDraft:
        """What the loader says of a document."""
        return check_document(document, name)

    def check_text(self, name: str, text: str) -> ProfileDraft:
        """What the loader says of a file."""
        return check_text(text, name)

    def text_of(self, document: Mapping[str, object]) -> str:
        """The document as a file."""
        return dump_profile(document)

    def users(self, name: str) -> Sequence[str]:
        """Devices of the plant that are read by the profile."""
        return self._users().get(name, ())

    # -- changing ------------------------------------------------------------------------------------------------

    async def copy(self, source: str, name: str, title: str, actor: Actor) -> ProfileFile:
        """An own profile like `source`. `title`: what it is called in both languages, "" as the source.

        Raises ConfigError that names the field, Conflict (the name is taken), NotFound, Forbidden (below admin).
        """
        await self._plant.need_admin(actor, f"profile {name}")
        if not NAME.match(name):
            raise ConfigError(f"name: is {name[:80]!r}; expected lower-case letters, digits and -")
        own = self._own_names()
        if name in own or name in _shipped_names():
            raise Conflict(f"profile {name!r} exists already")
        if len(own) >= MOST_OWN:
            raise Conflict(f"{MOST_OWN} own profiles lie there; delete one first")
        found = await self.file(source)
        document = {key: value for key, value in found.document.items() if key != "name"}
        if title.strip():
            document["title"] = {"ru": title.strip(), "en": title.strip()}
        text = dump_profile(document) if title.strip() or "name" in found.document else found.text
        await self._keep(name, text, actor, "profile_create", None)
        return await self.file(name)

    async def save(self, name: str, text: str, actor: Actor, known: str) -> ProfileFile:
        """Replace an own profile; its devices are read by it at once. `known`: fingerprint of the text the user began with.

        Raises ConfigError with every problem (also of the plant that uses it), Conflict, NotFound, Forbidden (below admin).
        """
        await self._plant.need_admin(actor, f"profile {name}")
        old = await self._own(name)
        if old.known != known:
            raise Conflict(f"profile {name!r} was changed by somebody else meanwhile: load it again")
        if text != old.text:
            await self._keep(name, text, actor, "profile_update", old.text)
        return await self.file(name)

    async def delete(self, name: str, actor: Actor) -> None:
        """Raises Conflict while devices use it, NotFound, Forbidden (below admin)."""
        await self._plant.need_admin(actor, f"profile {name}")
        old = await self._own(name)
        if users := self.users(name):
            raise Conflict(f"profile {name!r} is used by {', '.join(users)}")

        async def remove() -> None:
            await asyncio.to_thread(self._put_aside, name, old.text, None)

        catalog = self._plant.catalog.without(name)
        gone, _ = _lines_changed(old.text, "")
        await self._plant.use_profiles(catalog, actor, Change("profile_delete", name, {"text": gone}, None), remove)

    # -- trying --------------------------------------------------------------------------------------------------

    async def read_now(
        self, name: str, document: Mapping[str, object], target: Mapping[str, object], actor: Actor
    ) -> ReadNow:
        """Read the points of a draft that have no fault. `target`: {device: id}, or {line: id, address: n}.

        Raises ConfigError that names the field or holds what is wrong with the draft, NotFound, Forbidden (below admin).
        """
        draft = check_document(document, name)
        if draft.readable is None:
            raise draft.error or ConfigError("points: are missing; expected at least one point")
        fields: dict[str, object] = {"id": "draft", **target}
        device = fields.pop("device", None)
        if device is not None:
            stored = dict(self._plant.entry("devices", str(device)))
            fields = {key: value for key, value in stored.items() if key not in {"points", "address_base"}}
        fields["profile"] = _TRIED
        return await self._plant.read_now(fields, actor, profile=replace(draft.readable, name=_TRIED))

    # -- inside --------------------------------------------------------------------------------------------------

    async def _own(self, name: str) -> ProfileFile:
        if name not in self._own_names():
            raise NotFound("profile", name, tuple(sorted(self._own_names()))[:5])
        return await self.file(name)

    async def _keep(self, name: str, text: str, actor: Actor, action: str, old: str | None) -> None:
        draft = check_text(text, name)
        if draft.error is not None or draft.readable is None:
            raise draft.error or ConfigError("points: are missing; expected at least one point")

        async def write() -> None:
            await asyncio.to_thread(self._put_aside, name, old, text)

        catalog = self._plant.catalog.including(draft.readable)
        gone, come = _lines_changed(old or "", text)
        change = Change(action, name, {"text": gone} if gone else None, {"text": come})
        await self._plant.use_profiles(catalog, actor, change, write)

    def _put_aside(self, name: str, old: str | None, new: str | None) -> None:
        """Keep the old text, write the new one: each whole or not at all."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if old is not None:
                aside = self._folder / _EARLIER / name
                aside.mkdir(parents=True, exist_ok=True)
                known = self._earlier(name)
                _write(aside / f"{(known[0][0] if known else 0) + 1:06}.yaml", old)
                for number, _ in known[KEPT_EARLIER - 1 :]:
                    (aside / f"{number:06}.yaml").unlink(missing_ok=True)
            if new is None:
                (self._folder / f"{name}.yaml").unlink(missing_ok=True)
            else:
                _write(self._folder / f"{name}.yaml", new)
        except OSError as exc:
            raise StorageError(f"the profile cannot be written: {exc.strerror}") from exc

    def _earlier(self, name: str) -> list[tuple[int, int]]:
        found = (self._folder / _EARLIER / name).glob("*.yaml") if NAME.match(name) else ()
        kept = [(int(path.stem), path.stat().st_mtime_ns // 1000) for path in found if re.fullmatch(r"\d{6}", path.stem)]
        return sorted(kept, reverse=True)

    def _own_names(self) -> set[str]:
        return {path.stem for path in self._folder.glob("*.yaml") if path.is_file() and NAME.match(path.stem)}

    def _users(self) -> Mapping[str, tuple[str, ...]]:
        users: dict[str, tuple[str, ...]] = {}
        for device in self._plant.plant.devices:
            if not device.in_place:
                users[device.profile.name] = (*users.get(device.profile.name, ()), device.id)
        return users


def _shipped_names() -> set[str]:
    return set(ProfileCatalog.shipped().names())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as exc:
        raise StorageError(f"the profile cannot be read: {exc.strerror}") from exc


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def _lines_changed(old: str, new: str) -> tuple[str, str]:
    """Lines that go and lines that come, for the audit; of very many the first."""
    changes = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[:2] in {"- ", "+ "}]
    gone, come = ("\n".join(line[2:] for line in changes if line[0] == sign) for sign in "-+")
    return gone[:AUDITED_CHARACTERS], come[:AUDITED_CHARACTERS]


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


