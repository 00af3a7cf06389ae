"""Who asks: accounts, sessions, keys; and the two questions pages and handlers put to them."""

from __future__ import annotations

from domain.access import Actor, User
from domain.errors import Forbidden
from web_interface.services.access import AccessService

STATE = "access"  # scope["state"] entry put there by the gate


class Visit:
    """What the gate knows of a request; kept at `request.state.access` for as long as the page lives."""

    __slots__ = ("access", "actor", "session_id", "source")

    def __init__(self, access: AccessService, session_id: str | None, source: str, actor: Actor | None = None) -> None:
        self.access, self.session_id, self.source, self.actor = access, session_id, source, actor


def visit_of(place: object) -> Visit | None:
    """The gate's entry of a request (or of the request a live page was opened with)."""
    request = getattr(place, "request", place)
    found = getattr(getattr(request, "state", None), STATE, None)
    return found if isinstance(found, Visit) else None


def current_user(place: object) -> User:
    """The user of a request or live page (nicegui's `ui.context.client`), looked up now.

    Raises Forbidden when the session is over.
    """
    visit = visit_of(place)
    user = visit.access.session(visit.session_id, touch=False) if visit is not None and visit.session_id is not None else None
    if user is None:
        raise Forbidden("the session is over; log in again")
    return user


def actor_of(place: object) -> Actor:
    """Who acts, for the services' checks and the audit. Ask again in every handler: rights change while a page is open."""
    visit = visit_of(place)
    if visit is not None and visit.session_id is None and visit.actor is not None:
        return visit.actor  # an API key, checked by the gate for this very request
    user = current_user(place)
    return Actor(user.name, user.role, visit.source if visit is not None else "")
