"""Device profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from domain.access import Actor
from domain.commissioning import ReadNow
from domain.profile_file import ProfileDraft, ProfileEntry, ProfileFile


class ProfileService(Protocol):
    """Device profiles as files. Everything that changes or reads a device needs admin."""

    def entries(self) -> Sequence[ProfileEntry]:
        """All profiles by name, with those whose file is wrong."""
        ...

    async def file(self, name: str) -> ProfileFile:
        """Raises NotFound, StorageError."""
        ...

    async def earlier(self, name: str, number: int) -> str:
        """A text that was replaced. Raises NotFound."""
        ...

    def check(self, name: str, document: Mapping[str, object]) -> ProfileDraft:
        """What the loader says of plain values."""
        ...

    def check_text(self, name: str, text: str) -> ProfileDraft:
        """What the loader says of YAML."""
        ...

    def text_of(self, document: Mapping[str, object]) -> str:
        """The document as a file."""
        ...

    def users(self, name: str) -> Sequence[str]:
        """Devices that are read by the profile."""
        ...

    async def copy(self, source: str, name: str, title: str, actor: Actor) -> ProfileFile:
        """Raises ConfigError that names the field, Conflict, NotFound, Forbidden."""
        ...

    async def save(self, name: str, text: str, actor: Actor, known: str) -> ProfileFile:
        """`known`: fingerprint of the text the user began with. Raises ConfigError with every problem, Conflict, NotFound."""
        ...

    async def delete(self, name: str, actor: Actor) -> None:
        """Raises Conflict (in use), NotFound."""
        ...

    async def read_now(
        self, name: str, document: Mapping[str, object], target: Mapping[str, object], actor: Actor
    ) -> ReadNow:
        """Try the draft's good points on {device: id} or {line: id, address: n}. Raises ConfigError, NotFound."""
        ...
