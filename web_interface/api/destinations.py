"""/api/feeds: how each destination does, what it refused, what was lost to it; giving up what waits asks first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator
from starlette.responses import Response

from domain.access import Actor, Role
from domain.errors import NotFound
from domain.feed import BacklogPart, FeedGap, FeedStatus, Moved, Quarantined
from web_interface.api.alerts import MOST_NUMBER, NoParameters
from web_interface.api.answers import Json, Strict, described
from web_interface.api.problems import problem
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339, rfc3339_or_none
from web_interface.services import Services

LONGEST_TEXT = 1000  # a refused one may be as long as whatever made the destination refuse it
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Admin = Annotated[Actor, Need(Role.ADMIN)]


class GapItem(BaseModel):
    from_: str = Field(alias="from")
    to: str
    items: int
    reason: Literal["full", "unwritten", "damaged", "refused_full", "given_up"]
    noticed: str


class FeedItem(BaseModel):
    """taken = delivered + waiting + quarantined + dropped."""

    name: Literal["kafka", "influxdb", "mqtt", "sparkplug"]
    state: Literal["off", "starting", "ok", "behind", "away", "failed"]
    since: str
    last_success: str | None
    last_error: str | None
    next_attempt: str | None
    taken: int
    delivered: int
    waiting: int
    quarantined: int
    dropped: int
    oldest_waiting: str | None
    size_bytes: int
    limit_bytes: int
    answers: dict[str, int] = Field(description="by kind, since the start")
    gaps: list[GapItem] = Field(description="what was dropped, the newest last")


class FeedList(BaseModel):
    items: list[FeedItem]


class RefusedSample(BaseModel):
    tag: str
    time: str
    value: float | None
    quality: int


class RefusedText(BaseModel):
    tag: str
    time: str
    text: str = Field(description="its beginning, when it is long")
    length: int = Field(description="characters of the whole text")


class RefusedEvent(BaseModel):
    kind: str
    id: str
    subject: str
    time: str


class RefusedItem(BaseModel):
    id: int = Field(description="its name for retry and discard; an entry refused once more has another")
    refused: str | None = Field(description="when; null where nobody noted it")
    device: str | None
    reason: str = Field(description="in the destination's own words")
    samples: list[RefusedSample]
    texts: list[RefusedText]
    events: list[RefusedEvent]


class Quarantine(BaseModel):
    quarantined: int = Field(description="samples and events, as in the books")
    entries: int = Field(description="what was refused together is one entry")
    items: list[RefusedItem] = Field(description="the oldest first")


class QuarantineIn(Strict):
    limit: int = Field(100, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=1_000_000, description="entries passed over")


Ids = Annotated[
    list[Annotated[int, Field(ge=1, le=MOST_NUMBER)]],
    Field(min_length=1, max_length=1000, description="ids of entries; without it all of them"),
]


class RetryIn(Strict):
    ids: Ids | None = None


class GiveUpIn(Strict):
    confirm: bool = Field(False, description="without it the answer is 409 and says what would be thrown away")


class BacklogIn(GiveUpIn):
    before: Time | None = Field(None, description="only what is older; what was kept together with younger items stays")
    keep: int | None = Field(None, ge=1, le=10**12, description="all but about so many of the newest, never fewer")

    @model_validator(mode="after")
    def _one_of_them(self) -> BacklogIn:
        if self.before is not None and self.keep is not None:
            raise ValueError("before or keep, not both")
        return self

    def part(self) -> BacklogPart:
        return BacklogPart(self.before, self.keep)


class DiscardIn(GiveUpIn):
    ids: Ids | None = None


class Done(BaseModel):
    items: int


class Settled(Done):
    entries: int


def destination_routes(services: Services) -> APIRouter:
    """GET how they do; POST what an administrator decides of what waits and what was refused."""
    router = APIRouter(prefix="/api/feeds", tags=["feeds"])

    @router.get("", response_model=None, responses=described(FeedList, 422), summary="The destinations and their books")
    async def feeds(actor: Viewer, _: Annotated[NoParameters, Query()]) -> Response:
        return Json({"items": [feed_item(feed) for feed in services.feeds.feeds()]})

    @router.get(
        "/{name}/quarantine", response_model=None, responses=described(Quarantine, 404, 422), summary="What a destination refused"
    )
    async def quarantine(name: str, actor: Admin, query: Annotated[QuarantineIn, Query()]) -> Response:
        found = await services.feeds.quarantine(name, actor, query.limit, query.offset)
        book = _feed(services, name).book
        items = [refused_item(services, one) for one in found]
        return Json({"quarantined": book.quarantined, "entries": book.refusals, "items": items})

    @router.post(
        "/{name}/quarantine/retry", response_model=None, responses=described(Settled, 404, 422, 503), summary="Send it once more"
    )
    async def retry(name: str, actor: Admin, _: Annotated[NoParameters, Query()], body: RetryIn | None = None) -> Response:
        """All of it, or the entries of `ids`; those that are not there any more are passed over, 404 when none is."""
        return _settled(await services.feeds.retry_quarantine(name, actor, body.ids if body is not None else None))

    @router.post(
        "/{name}/quarantine/discard", response_model=None, responses=described(Settled, 404, 409, 422, 503), summary="Give it up"
    )
    async def discard(name: str, body: DiscardIn, actor: Admin) -> Response:
        """All of it, or the entries of `ids`, likewise."""
        if not body.confirm:
            book = _feed(services, name).book
            count = len(body.ids) if body.ids is not None else book.quarantined or book.refusals
            return problem(409, f"{count} refused entries would be thrown away; confirm: true does so", items=count)
        return _settled(await services.feeds.discard_quarantine(name, actor, body.ids))

    @router.post(
        "/{name}/backlog/discard", response_model=None, responses=described(Done, 404, 409, 422, 503),
        summary="Give up what waits; of a feed that is off what was refused too",
    )  # fmt: skip
    async def give_up(name: str, body: BacklogIn, actor: Admin) -> Response:
        """All of it, what is older than `before`, or all but the newest `keep`: what was refused stays in these two."""
        part = body.part()
        if body.confirm:
            return Json({"items": await services.feeds.discard_backlog(name, actor, part)})
        if part.whole:
            return _question(_feed(services, name))
        cost = await services.feeds.backlog_cost(name, actor, part)
        begin, end = rfc3339_or_none(cost.from_us), rfc3339_or_none(cost.to_us)
        span = f", of {begin} to {end}," if begin and end else ""
        words = f"{cost.items} entries{span} would be thrown away; confirm: true does so"
        return problem(409, words, items=cost.items, oldest=begin, newest=end)

    return router


def _settled(moved: Moved) -> Response:
    return Json({"items": moved.items, "entries": moved.entries})


def _feed(services: Services, name: str) -> FeedStatus:
    """Raises NotFound."""
    found = {feed.name: feed for feed in services.feeds.feeds()}
    if name not in found:
        raise NotFound("feed", name, tuple(found))
    return found[name]


def _question(feed: FeedStatus) -> Response:
    book, since = feed.book, rfc3339_or_none(feed.book.oldest_waiting_us)
    count = book.waiting + (book.quarantined if feed.state == "off" else 0)
    words = f"{count} entries{f', the oldest of {since},' if since else ''} would be thrown away; confirm: true does so"
    return problem(409, words, items=count, oldest=since)


def feed_item(feed: FeedStatus) -> dict[str, Any]:
    book = feed.book
    return {
        "name": feed.name, "state": feed.state, "since": rfc3339(feed.since_us),
        "last_success": rfc3339_or_none(feed.last_success_us), "last_error": feed.last_error,
        "next_attempt": rfc3339_or_none(feed.next_attempt_us), "taken": book.taken, "delivered": book.delivered,
        "waiting": book.waiting, "quarantined": book.quarantined, "dropped": book.dropped,
        "oldest_waiting": rfc3339_or_none(book.oldest_waiting_us), "size_bytes": book.size_bytes, "limit_bytes": book.limit_bytes,
        "answers": dict(feed.answers), "gaps": gap_items(feed.gaps),
    }  # fmt: skip


def gap_items(gaps: Sequence[FeedGap]) -> list[dict[str, Any]]:
    return [
        {
            "from": rfc3339(gap.from_us), "to": rfc3339(gap.to_us), "items": gap.items, "reason": gap.reason,
            "noticed": rfc3339(gap.noticed_us),
        }
        for gap in gaps
    ]  # fmt: skip


def device_of(services: Services, one: Quarantined) -> str:
    """What it is of: the device, or what the event is about."""
    tags = [row[0] for row in one.samples[:1]] or [text.tag_id for text in one.texts[:1]]
    found = [services.feeds.tag_device(tag) for tag in tags] + [event.device_id or event.subject for event in one.events[:1]]
    return found[0] if found else ""


def refused_item(services: Services, one: Quarantined) -> dict[str, Any]:
    name = services.feeds.tag_name
    return {
        "id": one.number, "refused": rfc3339(one.refused_us) if one.refused_us else None,
        "device": device_of(services, one) or None, "reason": one.reason,
        "samples": [
            {"tag": name(tag), "time": rfc3339(us), "value": value, "quality": quality} for tag, us, value, quality in one.samples
        ],
        "texts": [
            {"tag": name(text.tag_id), "time": rfc3339(text.time_us), "text": text.text[:LONGEST_TEXT], "length": len(text.text)}
            for text in one.texts
        ],
        "events": [
            {"kind": event.kind, "id": event.identity, "subject": event.subject, "time": rfc3339(event.time_us)}
            for event in one.events
        ],
    }  # fmt: skip
