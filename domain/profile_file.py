"""Profiles as files that people look at and edit: those that ship and those of an installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import ConfigError
from domain.profile import Profile


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One profile of the list. `profile`: None when its file does not validate, then `problems` says why (English).

    `own`: of the installation's folder; `replaces`: an own one that stands in for the shipped one of its name.
    """

    name: str
    profile: Profile | None
    own: bool
    replaces: bool = False
    devices: Sequence[str] = ()
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """The text of a profile and what it says. `document`: plain values, {} where the text is no valid YAML.

    `known`: a fingerprint of the text, to notice when somebody else has changed it meanwhile. `earlier`: numbers of kept
    earlier texts with the time they were replaced [us], the newest first.
    """

    name: str
    own: bool
    text: str
    known: str
    document: Mapping[str, object]
    earlier: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """A document after the checks of the loader. `error`: everything that is wrong, None when it can be saved.

    `readable`: the profile with those of its points that have no fault, to be tried on a device; None when there are none.
    """

    document: Mapping[str, object]
    readable: Profile | None
    error: ConfigError | None = None
