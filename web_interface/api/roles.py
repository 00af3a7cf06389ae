"""Who may call a route: `Annotated[Actor, Need(Role.VIEWER)]`. A route without it does not start."""

from __future__ import annotations

from typing import Any

from fastapi import Depends
from starlette.requests import Request

from domain.access import Actor, Role
from domain.errors import Forbidden
from web_interface.auth import actor_of, visit_of


class Needs:
    """The dependency behind `Need`."""

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Actor:
        """The actor of this request. Raises Forbidden below the role; the refusal is in the audit."""
        actor = actor_of(request)
        if not actor.role.allows(self.role):
            visit = visit_of(request)
            if visit is not None:
                await visit.access.refused(actor.name, visit.source, f"{request.method} {request.url.path}")
            raise Forbidden(f"this needs the role {self.role.value}; yours is {actor.role.value}")
        return actor


def Need(role: Role) -> Any:  # noqa: N802 - stands where a type's metadata stands
    """Marks a parameter as the actor, who must have `role` or a higher one."""
    return Depends(Needs(role))


def role_of(route: Any) -> Role | None:
    """The role a route asks for; None when it asks for none."""
    dependant = getattr(route, "dependant", None)
    for dependency in dependant.dependencies if dependant is not None else ():
        if isinstance(dependency.call, Needs):
            return dependency.call.role
    return None
