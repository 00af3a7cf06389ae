"""The device profiles that are there: those that ship and those an installation adds."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from config.problems import Problem, nearest
from config.profile_loader import ProfileError, load_profile
from domain.errors import NotFound
from domain.profile import Profile

log = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent / "profiles"


class ProfileCatalog:
    """Profiles by name. `problems`: what was wrong with files that were left out."""

    def __init__(self, profiles: Mapping[str, Profile], problems: Sequence[Problem] = ()) -> None:
        self._profiles = dict(profiles)
        self.problems = tuple(problems)

    @classmethod
    def shipped(cls) -> ProfileCatalog:
        """The profiles that come with the product. A file that does not validate is left out and in `problems`."""
        return cls(*_shipped())

    @classmethod
    def load(cls, user_folder: Path | None = None) -> ProfileCatalog:
        """The shipped profiles and those of `user_folder` (*.yaml); an own profile replaces a shipped one of its name.

        A file that does not validate is logged and left out; all others load.
        """
        profiles, problems = _shipped()
        if user_folder is None or not user_folder.is_dir():
            return cls(profiles, problems)
        own, wrong = _read_folder(user_folder)
        for name in own.keys() & profiles.keys():
            log.warning("profile %s of %s replaces the shipped one", name, user_folder)
        return cls({**profiles, **own}, (*problems, *wrong))

    def get(self, name: str) -> Profile:
        """Raises NotFound with the nearest names."""
        if name not in self._profiles:
            raise NotFound("profile", name, nearest(name, self._profiles))
        return self._profiles[name]

    def including(self, profile: Profile) -> ProfileCatalog:
        """These and `profile`, which replaces the one of its name and what was wrong with its file."""
        return ProfileCatalog({**self._profiles, profile.name: profile}, self._others(profile.name))

    def without(self, name: str) -> ProfileCatalog:
        """These without the own profile of that name; a shipped one comes back."""
        left = {known: profile for known, profile in self._profiles.items() if known != name}
        shipped, _ = _shipped()
        return ProfileCatalog(left | ({name: shipped[name]} if name in shipped else {}), self._others(name))

    def _others(self, name: str) -> list[Problem]:
        return [problem for problem in self.problems if Path(problem.file).stem != name]

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._profiles))

    def __contains__(self, name: object) -> bool:
        return name in self._profiles


@functools.lru_cache(maxsize=1)
def _shipped() -> tuple[Mapping[str, Profile], tuple[Problem, ...]]:
    return _read_folder(SHIPPED)


def _read_folder(folder: Path) -> tuple[dict[str, Profile], tuple[Problem, ...]]:
    profiles: dict[str, Profile] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            profiles[path.stem] = load_profile(path.read_text(encoding="utf-8"), file=str(path), name=path.stem)
        except ProfileError as wrong:
            problems += wrong.problems
        except (OSError, UnicodeDecodeError) as exc:
            problems.append(Problem(str(path), None, "", f"cannot be read: {exc}"))
    for problem in problems:
        log.error("profile left out: %s", problem)
    return profiles, tuple(problems)
