"""/api/inspection: inspected items with their verdicts, counts of them, and the quality models behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.camera import CameraStatus
from domain.inspection import InspectedItem, ItemCounts, ItemFilter, Outcome, QualityModel
from web_interface.api.alerts import DAY_US, MOST_NUMBER, NoParameters, Number
from web_interface.api.answers import Json, Strict, described
from web_interface.api.data import window
from web_interface.api.machines import WindowQuery
from web_interface.api.roles import Need
from web_interface.api.times import Time, rfc3339
from web_interface.services import Services

ITEMS = "/api/inspection/items"
_JPEG = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}
MOST_ITEMS = 1000
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Operator = Annotated[Actor, Need(Role.OPERATOR)]
Engineer = Annotated[Actor, Need(Role.ENGINEER)]
Verdict = Literal["none", "good", "reject", "unsure"]
DeviceName = Annotated[str, Field(min_length=1, max_length=64, description="device that is inspected")]
DeviceId = Annotated[str, Path(min_length=1, max_length=64)]


class ItemsQuery(Strict):
    device: DeviceName
    from_: Time | None = Field(None, alias="from", description="closed not before; default: from the first on")
    to: Time | None = Field(None, description="closed before; default: to the newest")
    outcome: Verdict | None = Field(None, description="only with that verdict")
    label: Verdict | None = Field(None, description="only those of which a person said that; none: nobody said anything")
    before: int | None = Field(None, ge=1, le=MOST_NUMBER, description="only numbers below: see `next`")
    limit: int = Field(200, ge=1, le=MOST_ITEMS, description="most items of one answer")


class CountsQuery(WindowQuery):
    device: DeviceName


class ModelsQuery(Strict):
    device: DeviceName


class LabelIn(Strict):
    label: Verdict = Field(description="what a person says of the item; none takes it back")


class TrainIn(Strict):
    device: DeviceName
    kind: Literal["limits", "distance", "forest"]


class ActiveIn(Strict):
    version: int | None = Field(ge=1, le=MOST_NUMBER, description="null: nobody judges")


class ReasonOut(BaseModel):
    code: Literal["missing", "below", "above", "deviates", "alone", "failed", "text"]
    feature: str | None = Field(None, description="<point>.<statistic>")
    value: float | None = Field(None, description="in the unit of the point; deviates: standard deviations from the usual")
    border: float | None = Field(None, description="that was left, in the unit of the point")
    detail: str | None = None


class RegionOut(BaseModel):
    x: int = Field(description="of its left edge, px of the picture")
    y: int = Field(description="of its upper edge")
    width: int
    height: int


class ItemPictureOut(BaseModel):
    href: str
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    region: RegionOut | None = Field(description="where it deviates most from good ones; null: nowhere, or not compared")


class CameraOut(BaseModel):
    device: str
    source: str = Field(description="folder or address")
    taken: int = Field(description="pictures since the start")
    missing: dict[str, int] = Field(description="items without one, by reason")
    last: str | None = Field(description="when the last picture was taken")
    last_error: str | None
    compares: bool = Field(description="false: the library for it is not installed; pictures are only kept")


class CamerasOut(BaseModel):
    items: list[CameraOut]


class ItemOut(BaseModel):
    device: str
    number: int
    opened: str
    closed: str
    outcome: Verdict
    score: float = Field(description="0 to 1; 0.5 is the border to reject")
    reasons: list[str] = Field(description="what decided, in words, the worst first")
    causes: list[ReasonOut] = Field(description="the same for programs")
    model: str = Field(description="name and version of what judged; empty: nobody did")
    written_back: bool | None = Field(description="null: not asked for; false: too late")
    label: Verdict = Field(description="what a person says of it")
    features: dict[str, float] = Field(description="<point>.<statistic>, in the unit of the point")
    picture: ItemPictureOut | None = Field(description="null: there is none (any more)")


class ItemsOut(BaseModel):
    items: list[ItemOut]
    next: str | None = Field(description="path of the rest, null when there is none")


class CountsOut(BaseModel):
    device: str
    from_: str = Field(alias="from")
    to: str
    items: int
    outcomes: dict[Verdict, int] = Field(description="items by verdict")
    labels: dict[Verdict, int] = Field(description="items by what a person said of them")
    written_back: int = Field(description="verdicts that the controller had in time")
    late: int = Field(description="verdicts that came too late to be written back")


class QualityModelOut(BaseModel):
    device: str
    version: int
    kind: Literal["limits", "distance", "forest"]
    name: str = Field(description="as verdicts show it")
    active: bool = Field(description="it judges")
    items: int = Field(description="good items that it was learned from")
    features: list[str]
    made: str
    author: str


class QualityModelsOut(BaseModel):
    items: list[QualityModelOut]


class RehearsalCountsOut(BaseModel):
    device: str
    version: int
    true_reject: int = Field(description="labelled reject and found")
    missed: int = Field(description="labelled reject and passed")
    true_good: int = Field(description="labelled good and passed")
    false_reject: int = Field(description="labelled good and rejected")
    unsure: int
    precision: float | None = Field(description="share of what is rejected that is labelled reject; null: nothing is rejected")
    recall: float | None = Field(description="share of what is labelled reject and not unsure that is rejected; null: no such")


def inspection_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """Items and models for viewers; a label needs the role operator, models the role engineer."""
    router = APIRouter(prefix="/api/inspection", tags=["inspection"])
    _item_routes(router, services, now_us)
    _model_routes(router, services)
    return router


def _item_routes(router: APIRouter, services: Services, now_us: Callable[[], int]) -> None:
    @router.get("/items", response_model=None, responses=described(ItemsOut, 404, 422, 503), summary="Inspected items")
    async def items(actor: Viewer, query: Annotated[ItemsQuery, Query()]) -> Response:
        """With features and verdict, the newest first. `next` is the path of the rest, null when there is none."""
        if query.from_ is not None and query.to is not None:
            window(query.from_, query.to, now_us(), DAY_US)
        chosen = ItemFilter(query.from_, query.to, _outcome(query.outcome), _outcome(query.label), query.before)
        found = await services.inspection.items(query.device, query.limit + 1, chosen)
        shown = found[: query.limit]
        rest = _rest(query, shown[-1].number) if len(found) > query.limit else None
        return Json({"items": [item_body(item) for item in shown], "next": rest})

    @router.get("/counts", response_model=None, responses=described(CountsOut, 404, 422, 503), summary="Items counted")
    async def counts(actor: Viewer, query: Annotated[CountsQuery, Query()]) -> Response:
        """By verdict and by label; default the last day."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        return Json(counts_body(await services.inspection.counts(query.device, begin, end), begin, end))

    @router.get(
        "/items/{device_id}/{number}/picture", response_model=None, summary="Picture of an item",
        responses=described(None, 404, 422, 503, content=_JPEG),
    )  # fmt: skip
    async def picture(
        device_id: DeviceId, number: Number, actor: Viewer, query: Annotated[NoParameters, Query()]
    ) -> Response:
        """JPEG, as it was judged. 404 where the item has none, or it is older than pictures are kept."""
        found = await services.inspection.picture(device_id, number)
        headers = {"cache-control": "private, no-store", "content-security-policy": "default-src 'none'; sandbox"}
        return Response(found.jpeg, media_type="image/jpeg", headers=headers)

    @router.get("/cameras", response_model=None, responses=described(CamerasOut, 422, 503), summary="Cameras of inspections")
    async def cameras(actor: Viewer, query: Annotated[NoParameters, Query()]) -> Response:
        """Those that were asked for a picture since the start: how many came, and why others did not."""
        return Json({"items": [camera_body(status) for status in services.inspection.cameras()]})

    @router.put(
        "/items/{device_id}/{number}/label", response_model=None, responses=described(ItemOut, 404, 408, 413, 415, 422, 503),
        summary="Say what an item is",
    )  # fmt: skip
    async def label(
        device_id: DeviceId, number: Number, actor: Operator, query: Annotated[NoParameters, Query()],
        body: Annotated[LabelIn, Body()],
    ) -> Response:
        """Models are learned from items labelled good and rehearsed on all that have a label. In the audit."""
        await services.inspection.label(device_id, number, Outcome(body.label), actor)
        (item,) = await services.inspection.items(device_id, 1, ItemFilter(before=number + 1))
        return Json(item_body(item))


def _model_routes(router: APIRouter, services: Services) -> None:
    @router.get("/models", response_model=None, responses=described(QualityModelsOut, 404, 422, 503), summary="Quality models")
    async def models(actor: Viewer, query: Annotated[ModelsQuery, Query()]) -> Response:
        """All versions of a device, the newest first; at most one judges."""
        return Json({"items": [model_body(model) for model in await services.inspection.models(query.device)]})

    @router.post(
        "/models", response_model=None, status_code=201, summary="Learn a quality model",
        responses={**described(None, 404, 408, 413, 415, 422, 503), 201: {"model": QualityModelOut}},
    )  # fmt: skip
    async def train(actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[TrainIn, Body()]) -> Response:
        """A new version, learned from items labelled good (without labels from all that nobody rejected). It judges nothing."""
        model = await services.inspection.train(body.device, body.kind, actor)
        answer = Json(model_body(model))
        answer.status_code = 201
        return answer

    @router.get(
        "/models/{device_id}/{version}/rehearsal", response_model=None,
        responses=described(RehearsalCountsOut, 404, 422, 503), summary="A model on the labelled items",
    )  # fmt: skip
    async def rehearsal(
        device_id: DeviceId, version: Number, actor: Viewer, query: Annotated[NoParameters, Query()]
    ) -> Response:
        """How the version would have judged the items that people labelled. Nothing is changed by it."""
        counts = await services.inspection.rehearse(device_id, version)
        return Json({"device": device_id, "version": version, **counts, **_rates(counts)})

    @router.put(
        "/models/{device_id}/active", response_model=None, responses=described(QualityModelsOut, 404, 408, 413, 415, 422, 503),
        summary="Let a version judge",
    )  # fmt: skip
    async def activate(
        device_id: DeviceId, actor: Engineer, query: Annotated[NoParameters, Query()], body: Annotated[ActiveIn, Body()]
    ) -> Response:
        """From the next item on; null: nobody judges. In the audit."""
        await services.inspection.activate(device_id, body.version, actor)
        return Json({"items": [model_body(model) for model in await services.inspection.models(device_id)]})


def _outcome(name: str | None) -> Outcome | None:
    return None if name is None else Outcome(name)


def _rest(query: ItemsQuery, last: int) -> str:
    """The same question, from below the last number."""
    times = {name: rfc3339(at) for name, at in (("from", query.from_), ("to", query.to)) if at is not None}
    chosen = {name: value for name, value in (("outcome", query.outcome), ("label", query.label)) if value is not None}
    return f"{ITEMS}?{urlencode({'device': query.device, **times, **chosen, 'before': last, 'limit': query.limit})}"


def item_body(item: InspectedItem) -> dict[str, Any]:
    """One item as the API shows it."""
    verdict = item.verdict
    return {
        "device": item.device_id, "number": item.number, "opened": rfc3339(item.opened_us), "closed": rfc3339(item.closed_us),
        "outcome": verdict.outcome.value, "score": verdict.score, "reasons": [str(reason) for reason in verdict.reasons],
        "causes": [reason.stored for reason in verdict.reasons], "model": verdict.model,
        "written_back": item.written_back, "label": item.label.value, "features": dict(item.features),
        "picture": picture_body(item),
    }  # fmt: skip


def picture_body(item: InspectedItem) -> dict[str, Any] | None:
    """Where the picture is and what of it deviates."""
    picture = item.picture
    if picture is None:
        return None
    region = picture.region
    return {
        "href": f"{ITEMS}/{item.device_id}/{item.number}/picture", "width": picture.width, "height": picture.height,
        "region": None if region is None else {"x": region.x, "y": region.y, "width": region.width, "height": region.height},
    }  # fmt: skip


def camera_body(status: CameraStatus) -> dict[str, Any]:
    """How one camera fares."""
    return {
        "device": status.device_id, "source": status.source, "taken": status.taken, "missing": dict(status.missing),
        "last": None if status.last_us is None else rfc3339(status.last_us), "last_error": status.last_error,
        "compares": status.compares,
    }  # fmt: skip


def counts_body(counts: ItemCounts, begin: int, end: int) -> dict[str, Any]:
    """Counts as the API shows them."""
    return {
        "device": counts.device_id, "from": rfc3339(begin), "to": rfc3339(end), "items": counts.items,
        "outcomes": {outcome.value: n for outcome, n in counts.outcomes.items()},
        "labels": {label.value: n for label, n in counts.labels.items()},
        "written_back": counts.written_back, "late": counts.late,
    }  # fmt: skip


def model_body(model: QualityModel) -> dict[str, Any]:
    """A version without its numbers."""
    features = model.document.get("features")
    return {
        "device": model.device_id, "version": model.version, "kind": model.kind, "name": model.name, "active": model.active,
        "items": model.items, "features": list(features) if isinstance(features, list | tuple) else [],
        "made": rfc3339(model.made_us), "author": model.author,
    }  # fmt: skip


def _rates(counts: Any) -> dict[str, float | None]:
    """Precision and recall; None where nothing was rejected, or nothing was to be."""
    found, wrong, missed = counts["true_reject"], counts["false_reject"], counts["missed"]
    return {
        "precision": found / (found + wrong) if found + wrong else None,
        "recall": found / (found + missed) if found + missed else None,
    }  # fmt: skip
