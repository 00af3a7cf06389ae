"""/api/explain: where a number comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from domain.access import Actor, Role
from domain.explain import Explanation, Span, Term
from web_interface.api import models
from web_interface.api.alerts import DAY_US
from web_interface.api.answers import Json, described
from web_interface.api.data import window
from web_interface.api.machines import WindowQuery
from web_interface.api.problems import BadParameter, TooLarge
from web_interface.api.roles import Need
from web_interface.api.times import rfc3339
from web_interface.services import Services

LONGEST_US = 400 * DAY_US
Viewer = Annotated[Actor, Need(Role.VIEWER)]
Option = Annotated[str, Field(min_length=3, max_length=200)]


class ExplainQuery(WindowQuery):
    figure: str = Field(min_length=1, max_length=80, examples=["kef.K1"], description="name of the figure")
    subject: str = Field("site", min_length=1, max_length=200, description='machine id, "section:<name>" or "site"')
    option: list[Option] = Field(default_factory=list, max_length=8, description="name=value, one parameter each")


class SpanOut(BaseModel):
    from_: str = Field(alias="from")
    to: str
    what: str
    value: float | None
    unit: str


class ExplanationOut(BaseModel):
    """A figure opened: formula, numbers, stretches that went in, what is missing, how far to trust it."""

    figure: str
    version: int
    subject: str
    from_: str = Field(alias="from")
    to: str
    value: float | None
    unit: str
    formula: str
    substituted: str
    terms: list[models.Term]
    formula_source: str
    filters: list[str]
    spans: list[SpanOut]
    gaps: list[SpanOut]
    completeness: float
    estimated_share: float
    notes: list[str] = Field(description="keys: why there is no value, what would raise it")
    options: dict[str, str]
    api: str = Field(description="path and query that give the same figure")


def explain_routes(services: Services, now_us: Callable[[], int]) -> APIRouter:
    """GET explain."""
    router = APIRouter(prefix="/api", tags=["machines"])

    @router.get(
        "/explain",
        response_model=None,
        responses=described(ExplanationOut, 400, 404, 422, 503),
        summary="Where a number comes from",
    )
    async def explain(actor: Viewer, query: Annotated[ExplainQuery, Query()]) -> Response:
        """Formula, inputs with their values, intervals, filters and gaps of any figure the product shows."""
        begin, end = window(query.from_, query.to, now_us(), DAY_US)
        if end - begin > LONGEST_US:
            raise TooLarge("more than 400 days are not explained at once", 400)
        options = dict(_option(text) for text in query.option)
        return Json(explanation_body(await services.explain.explain(query.figure, query.subject, begin, end, options)))

    return router


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise BadParameter("option", f"{text!r} is not name=value")
    return name, value


def explanation_body(e: Explanation) -> dict[str, Any]:
    """The explanation as JSON."""
    return {
        "figure": e.figure, "version": e.version, "subject": e.subject, "from": rfc3339(e.from_us), "to": rfc3339(e.to_us),
        "value": e.value, "unit": e.unit, "formula": e.formula, "substituted": e.substituted,
        "terms": [_term(term) for term in e.terms], "formula_source": e.formula_source, "filters": list(e.filters),
        "spans": [_span(span) for span in e.spans], "gaps": [_span(span) for span in e.gaps],
        "completeness": e.completeness, "estimated_share": e.estimated_share, "notes": list(e.notes),
        "options": dict(e.options), "api": e.api,
    }  # fmt: skip


def _term(term: Term) -> dict[str, Any]:
    return {"symbol": term.symbol, "value": term.value, "unit": term.unit, "source": term.source}


def _span(span: Span) -> dict[str, Any]:
    return {
        "from": rfc3339(span.from_us), "to": rfc3339(span.to_us), "what": span.what, "value": span.value, "unit": span.unit,
    }  # fmt: skip
