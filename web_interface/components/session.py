"""Who looks at a page. The one place where pages learn the user; rights are checked again in every handler."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from domain.access import Role, User
from domain.plant import Site
from web_interface.auth import actor_of, current_user
from web_interface.format import Format


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user with the language and the formats of the page at hand."""

    user: User
    lang: str
    fmt: Format

    @staticmethod
    def of(user: User, site: Site) -> Viewer:
        lang = user.language or site.language
        return Viewer(user, lang, Format(lang, ZoneInfo(site.timezone), site.currency))

    def may(self, role: Role) -> bool:
        """Is what needs `role` worth drawing for this user?"""
        return self.user.role.allows(role)


user_of = current_user
__all__ = ["Viewer", "actor_of", "user_of"]
