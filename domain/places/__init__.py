"""Where a point lies, one module a protocol. What all of them share stands here."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields


@dataclass(frozen=True, slots=True)
class Place:
    """Base of the frozen dataclasses that say where a point of a protocol lies; their fields are those of a profile file."""

    def to_fields(self) -> dict[str, object]:
        """The fields as a profile file has them; what equals a default is left out, a tuple is a list."""
        found: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.default is not MISSING and value == field.default:
                continue
            found[field.name] = list(value) if isinstance(value, tuple) else value
        return found

    @property
    def shown(self) -> str:
        """For people, as the manual or the engineering tool names it."""
        return ", ".join(f"{name}={value}" for name, value in self.to_fields().items())
